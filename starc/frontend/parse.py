"""Text to syntax tree."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starc.diagnostics import Problems
from starc.frontend import ast, lalr
from starc.frontend.brackets import DEEPEST, MOST_ERRORS, Scan, scan
from starc.frontend.build import TreeBuilder
from starc.frontend.characters import HIDDEN, LINE_END, LINE_ENDS, name_of
from starc.numerals import counted
from starc.source import Source

if TYPE_CHECKING:
    from starc.frontend.with_mistakes import Found

_ENDED = dict.fromkeys(map(ord, LINE_ENDS), "\n")

LARGEST = 256 * 1024
"""Bytes or characters: the slowest texts of this size take a second."""


def parse(source: Source, problems: Problems) -> ast.Program:
    """The syntax tree; mistakes are added to `problems`, in the order of the text.

    Statements that are no syntax are left out, and listed in `Program.broken`.
    """
    whole = source.span(0, len(source.text))
    if len(source.text) > LARGEST:
        problems.add(
            "too-large",
            "File too large",
            source.span(0, 0),
            counted(len(source.text), "character"),
            f"A .star file has at most {LARGEST:_}.",
        )
        return ast.Program(whole, (), (), (ast.Broken(whole),))
    found, scanned = Problems(), scan(source.text)
    comments = tuple(_comments(source, scanned, found))
    if scanned.too_deep is not None:
        _too_deep(source, scanned.too_deep, found)
        problems.found += found.found
        return ast.Program(whole, (), comments, (ast.Broken(whole),))
    if found:  # what a reader takes for the next line is read as one
        source = _ended(source, comments)
        scanned = scan(source.text)
    items, broken = _read(source, scanned.balanced, found)
    problems.found += sorted(found.found, key=lambda d: d.span.start)
    return ast.Program(whole, items, comments, broken)


def _read(source: Source, balanced: bool, found: Problems) -> "Found":
    """Texts without mistakes the fast way; what has one, with mistakes."""
    stopped: tuple[lalr.Reading, lalr.Token | None] | None = None
    if balanced:
        builder, own = TreeBuilder(), Problems()
        builder.start(source, own)
        reading = lalr.Reading(source.text, builder)
        try:
            items = reading.run()
        except lalr.Stopped as stop:
            stopped = reading, stop.token  # an exception would hold all of this
        else:
            found.found += own.found
            return items, ()
    from starc.frontend import stray, with_mistakes

    reported = Problems()
    (items, broken), marks = with_mistakes.read(source, stopped, reported)
    if reported and (without := stray.find(source, reported.found, marks)):
        items, broken, reported.found = without
    found.found += reported.found
    return items, broken


def _comments(source: Source, scanned: Scan, found: Problems) -> Iterator[ast.Comment]:
    text = source.text
    for start, end in scanned.comments:
        line = text.rfind("\n", 0, start) + 1
        own_line = not text[line:start].strip(" \t\r")
        comment = text[start:end]
        if text.startswith("\n", end):
            comment = comment.removesuffix("\r")
        hidden = HIDDEN.search(comment)
        comment = comment.rstrip()
        if hidden:
            place = start + hidden.start()
            label = name_of(hidden.group())
            hint = LINE_END if hidden.group() in LINE_ENDS else "delete it"
            span = source.span(place, place + 1)
            title = "Unexpected character"
            if len(found.found) < MOST_ERRORS:
                found.add("bad-character", title, span, label, hint=hint)
        yield ast.Comment(source.span(start, start + len(comment)), comment, own_line)


def _ended(source: Source, comments: tuple[ast.Comment, ...]) -> Source:
    """A text of the same length, whose lines end at whatever looks so in a comment."""
    parts, done = [], 0
    for comment in comments:
        start, end = comment.span.start, comment.span.end
        parts += [source.text[done:start], comment.text.translate(_ENDED)]
        done = end
    return Source(source.name, "".join(parts) + source.text[done:])


def _too_deep(source: Source, place: int, found: Problems) -> None:
    found.add(
        "too-deep",
        "Nested too deeply",
        source.span(place, place + 1),
        f"this is bracket {DEEPEST + 1} inside one another",
        f"Brackets nest at most {DEEPEST} deep.",
    )
