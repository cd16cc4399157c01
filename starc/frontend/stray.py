"""One word or sign too many, which would be reported as several mistakes.

A stray bracket or a stray end of a line changes what all around it belongs to, so that
what is read after it looks wrong too. Where the text can be read without one of the
last words before the parser stopped, that one is the mistake.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast, lalr
from starc.frontend.build import TreeBuilder
from starc.frontend.diagnose import BLOCKS
from starc.frontend.lines import END
from starc.source import Source

BACK = 16
"""Words before the place where the parser stopped that are tried, the last first."""

WORK = 256 * 1024
"""Characters that are read to try them all: of a long text only some are tried."""

_NAMED = ("MODEL", "FEATURIZER", "LIV")
_EDGE = re.compile(r"[\n;{}]")
_EMPTY = re.compile(r"\{\s*\}")


class Read(NamedTuple):
    """What a text is without its stray word, and all that is reported of it."""

    items: tuple[ast.Item, ...]
    broken: tuple[ast.Broken, ...]
    reported: list[Diagnostic]


def find(
    source: Source, reported: list[Diagnostic], marks: list[lalr.Mark]
) -> Read | None:
    """The text without a word that is one too many; None: there is no such word.

    reported: what was found by reading the text with it. Where that is one mistake,
    only words that move what follows into another statement or block are tried. marks:
    of that reading, from where the others go on.
    """
    first = min(one.span.start for one in reported)
    tokens = _candidates(source, first, marks, alone=len(reported) == 1)
    for token in tokens[: max(1, WORK // len(source.text))]:
        start, end = token.start_pos, token.end_pos
        without = source.text[:start] + " " * (end - start) + source.text[end:]
        builder, own = TreeBuilder(), Problems()
        builder.start(source, own)
        reading = lalr.Reading(without, builder)
        if (mark := lalr.last_mark(marks, start)) is not None:
            reading.go_to(mark)
        try:
            items = reading.run()
        except lalr.Stopped:
            continue
        if len(own.found) + 1 > len(reported):  # words that are wrong in themselves
            return None
        broken = statement(source, start), *empty_blocks(source)
        return Read(items, broken, [*own.found, _said(source, token, reported)])
    return None


def statement(source: Source, place: int) -> ast.Broken:
    """What stands around a mistake, of which nothing else is reported."""
    before = max((m.end() for m in _EDGE.finditer(source.text, 0, place)), default=0)
    after = _EDGE.search(source.text, place)
    end = after.start() if after else len(source.text)
    return ast.Broken(source.span(min(before, place), max(place, end)))


def empty_blocks(source: Source) -> list[ast.Broken]:
    """Braces without contents: where a brace is wrong, these may stand after them."""
    return [ast.Broken(source.span(*m.span())) for m in _EMPTY.finditer(source.text)]


class _Noting(lalr.Reading):
    """Keeps the words that it has read, all of them from the place `whole` on."""

    def __init__(self, source: Source, whole: int) -> None:
        builder = TreeBuilder()
        builder.start(source, Problems())
        super().__init__(source.text, builder)
        self.noted: list[lalr.Token] = []
        self.whole = whole

    def tokens(self) -> Iterator[lalr.Token]:
        for token in super().tokens():
            self.noted.append(token)
            self.remembers = token.end_pos < self.whole
            yield token


def _candidates(
    source: Source, first: int, marks: list[lalr.Mark], alone: bool
) -> list[lalr.Token]:
    """The words to try, the last one that was read first.

    first: the place of the first mistake. None stands more than BACK words before it.
    """
    whole = first
    for _ in range(BACK + 1):  # lines, each a word at least
        whole = source.text.rfind("\n", 0, max(whole, 0))
    reading = _Noting(source, whole)
    if (mark := lalr.last_mark(marks, whole)) is not None:
        reading.go_to(mark)
    try:
        reading.run()
    except lalr.Stopped:
        pass
    read = reading.noted
    threes = zip(read[-3::-1], read[-2:0:-1], read[:1:-1], strict=True)
    blocks = [  # `model backbone {`
        word
        for word, name, brace in threes
        if word.type in _NAMED and name in BLOCKS and brace == "{"
    ]
    if alone:
        ends = [
            word
            for word, after in pairwise([*read[-4:], None])
            if word and word.type == END
            if not (after and _is_liv(after, source.text))
        ]
        return ends[::-1] + blocks[:1]
    return read[: -BACK - 1 : -1] + blocks[:1]


def _is_liv(word: str, text: str) -> bool:
    """Rather a LIV, with which a statement begins, than a clause of the one before."""
    return word[0].isupper() or bool(re.search(rf"\bliv\s+{re.escape(word)}\b", text))


def _said(source: Source, token: lalr.Token, reported: list[Diagnostic]) -> Diagnostic:
    start, end = token.start_pos, token.end_pos
    span, found = source.span(start, end), Problems()
    if token in ("(", ")", "[", "]", "{", "}"):
        found.add(
            "stray-bracket",
            f"`{token}` is one too many",
            span,
            "without it the file can be read",
            hint="delete it",
        )
    elif token.type == END and len(reported) > 1:
        semicolon = token.startswith(";")
        found.add(
            "stray-separator",
            "A statement ends too early",
            source.span(start, start + semicolon),
            "this ends it" if semicolon else "the line ends here",
            "A statement ends with its line or with `;`, except within ( ) and [ ].",
            "delete it" if semicolon else "join the two lines",
        )
    elif token.type != END:
        near = [
            one for one in reported if start <= one.span.end and one.span.start <= end
        ]
        if near:
            return near[0]
        label = "without this the file can be read"
        found.add("syntax", "Not understood", span, label, hint="delete it")
    return (found.found or reported)[0]
