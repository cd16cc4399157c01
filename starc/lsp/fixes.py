"""Quick fixes: what a message says to do, done.

A message says "did you mean X?", "`}` is missing" or "write width = 768". Each such
phrase gives a few changes of the text; one is offered if after it the mistake is gone
and there is no new one. So what is offered is right, whatever a message says.
"""

import re
from collections.abc import Iterator

from starc.compiler import check
from starc.diagnostics import Diagnostic
from starc.lsp.document import Document
from starc.lsp.navigation import Change, apply
from starc.source import Source
from starc.values import dataclass

_MOST_TRIED = 40
"""Changes that are tried for one mistake: each is a check of the whole text."""


Changes = tuple[Change, ...]


@dataclass(frozen=True)
class Fix:
    """What an editor offers for one mistake."""

    title: str
    mistake: Diagnostic
    changes: Changes


def fixes(document: Document, start: int, end: int) -> list[Fix]:
    """Of the mistakes that touch [start, end)."""
    found = []
    for mistake in document.diagnostics:
        if mistake.span.start <= end and start <= mistake.span.end:
            found += list(_of(document, mistake))
    return found


def _of(document: Document, mistake: Diagnostic) -> Iterator[Fix]:
    """At most one fix for each thing that a message says."""
    tried: set[Changes] = set()
    done: set[str] = set()
    for title, changes in _proposals(document.source.text, mistake):
        if title in done or changes in tried or len(tried) == _MOST_TRIED:
            continue
        tried.add(changes)
        if _mends(document, mistake, changes):
            done.add(title)
            yield Fix(title, mistake, changes)


def _mends(document: Document, mistake: Diagnostic, changes: Changes) -> bool:
    before = document.diagnostics
    after = check(Source(document.source.name, apply(document.source.text, changes)))
    if len(after) >= len(before):
        return False
    told = [(d.code, d.title) for d in before]
    for one in after:
        if (one.code, one.title) not in told:
            return False
        told.remove((one.code, one.title))
    return (mistake.code, mistake.title) in told


Proposals = Iterator[tuple[str, Changes]]


def _proposals(text: str, mistake: Diagnostic) -> Proposals:
    """What the words of a message may mean, the likeliest first."""
    start, end = mistake.span.start, mistake.span.end
    label, hint = mistake.label, mistake.hint
    there = text[start:end]
    for said in (label, hint):
        if found := re.match(r"did you mean (\S+)\?", said):
            yield f"Change to {found[1]}", (Change(start, end, found[1]),)
    if found := re.match(r"expected `(.)`", label):
        yield f"Change to `{found[1]}`", (Change(start, end, found[1]),)
    if not re.search(r"\w", there):  # a sign: another one, or none
        for sign in re.findall(r"`([^\w`]+)`", f"{hint} {mistake.text}"):
            yield f"Change to `{sign}`", (Change(start, end, sign),)
    if found := re.match(r"(?:(\d+) )?`([^`]+)`.* missing", label):
        missing = found[2] * int(found[1] or 1)
        for changes in _inserted(text, start, missing):
            yield f"Insert `{missing}`", changes
    if "a new line or `;`" in label:
        yield "Insert `;`", (Change(len(text[:start].rstrip()), start, "; "),)
    for words in _to_write(hint):
        for change in _written(text, start, end, words):
            yield f"Write {words}", (change,)
    if re.match(r"choose another (label|name)", hint):
        for number in range(2, 10):
            yield "Choose another name", (Change(start, end, f"{there}_{number}"),)
    if re.match(r"(delete|remove)\b", hint) or not re.search(r"\w", there):
        for change in _deleted(text, start, end):
            gone = text[change.start : change.end].strip(" ,\n")
            if gone:
                yield f"Delete {_short(gone)}", (change,)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line}`" if len(line) <= 30 else f"`{line[:27]}...`"


def _to_write(hint: str) -> Iterator[str]:
    """The texts of `write A, or B`; each of A | B | C."""
    found = re.search(r"\b(?:write|say|such as) (.+)", hint)
    if found is None:
        if re.fullmatch(r"[\w-]+\(.*\)", hint):  # the right text alone
            yield hint
        return
    for part in re.split(r", (?:or )?(?:say |write |such as )?", found[1]):
        name, equals, values = part.partition(" = ")
        words = values.split(" | ") if equals else [part]
        for word in words:
            yield f"{name} = {word}" if equals else word.strip("`")
    yield found[1]


def _inserted(text: str, place: int, missing: str) -> Iterator[Changes]:
    """Before what follows, or behind what precedes, with blanks or without.

    A bracket that opens is closed at the end of the line.
    """
    before = len(text[:place].rstrip())
    word = re.search(r"\S+\s*\Z", text[:place])
    closing = {"{": " }", "(": ")", "[": "]"}.get(missing)
    for at in (place, before, *([word.start()] if word else ())):
        for put in (missing, f"{missing} ", f" {missing}", f" {missing} "):
            yield (Change(at, at, put),)
            if closing:
                line = re.compile(r"[ \t]*(#|;|\n|\Z)").search(text, place)
                assert line is not None, "the text has an end"
                yield Change(at, at, put), Change(line.start(), line.start(), closing)
    yield (Change(before, before, f"\n{missing}\n"),)
    yield (Change(len(text), len(text), f"{missing}\n"),)


def _written(text: str, start: int, end: int, words: str) -> Iterator[Change]:
    """In its place, for what it corrects, in the block that begins here, or beside."""
    yield Change(start, end, words)
    name = re.match(r"([\w-]+)( = |\()", words)
    if name is not None:  # the setting or the call of that name
        value = r"[ \t]*=[ \t]*[\w./-]+" if "=" in name[2] else r"\([^()]*\)"
        near = re.compile(rf"(?<![\w-]){re.escape(name[1])}{value}")
        for found in near.finditer(text, text.rfind("\n\n", 0, start) + 1):
            if found.end() >= start:
                yield Change(found.start(), found.end(), words)
                break
    bare = r"\W+".join(map(re.escape, re.findall(r"[\w-]+", words)))
    line = text.rfind("\n", 0, start) + 1
    if alike := re.compile(bare).search(text, line):  # the same, with other signs
        yield Change(alike.start(), alike.end(), words)
    if around := _setting(text, line, start, end):
        yield Change(*around, words)
        yield Change(around[1], around[1], f", {words}")
    brace = text.find("{", start)
    if brace >= 0:
        rest = text[brace + 1 :]
        closed = rest.lstrip().startswith("}")
        indent = re.match(r"\s*\n([ \t]*)", rest)
        if indent and not closed:
            yield Change(brace + 1, brace + 1, f"\n{indent[1]}{words}")
        yield Change(brace + 1, brace + 1, f" {words}" + ("" if closed else ";"))
    yield Change(start, start, f"{words} ")
    yield Change(len(text.rstrip()), len(text), f"\n\n{words}\n")
    yield Change(0, 0, f"{words}\n\n")


def _setting(text: str, line: int, start: int, end: int) -> tuple[int, int] | None:
    """`name = value` whose value is at [start, end)."""
    found = re.search(r"[\w-]+[ \t]*=[ \t]*\Z", text[line:start])
    return None if found is None else (line + found.start(), end)


def _deleted(text: str, start: int, end: int) -> Iterator[Change]:
    """With its name and `=`, with a comma beside it, or the line."""
    line, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end + 1
    setting = _setting(text, line, start, end)
    for first in (start, *(setting[:1] if setting else ())):
        before = re.search(r",?[ \t]*\Z", text[line:first])
        after = re.match(r",[ \t]*", text[end:])
        if after:
            yield Change(first, end + after.end(), "")
        if before:
            yield Change(line + before.start(), end, "")
        yield Change(first, end, "")
    if text[line:line_end].count("\n") <= 1:
        yield Change(line, line_end, "")
