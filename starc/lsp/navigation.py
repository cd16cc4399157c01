"""Where a name is defined, where it is used, and another name for it everywhere."""

import re
from collections.abc import Iterable

from starc import resources
from starc.alphabet.definitions import WORD
from starc.compiler import check
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.lsp.document import Document
from starc.lsp.names import Word, words
from starc.source import Source, Span
from starc.values import dataclass

NAMED = ("liv", "featurizer", "label", "model")
"""Kinds of words that a text defines."""

PRELUDE = "prelude.star"


class CannotRename(Exception):
    """Says why."""


@dataclass(frozen=True)
class Change:
    """`text` for what stands at [start, end) of the plain text."""

    start: int
    end: int
    text: str


def definition(document: Document, offset: int) -> Span | None:
    """Where the name at a place is defined: in the text, or in the prelude, whose
    source is called PRELUDE."""
    word = document.word(offset)
    if word is None or word.kind not in NAMED:
        return None
    for other in references(document, word):
        if other.defines:
            return other.span
    for other in _prelude():
        if other.defines and (other.kind, other.text) == (word.kind, word.text):
            return other.span
    return None


def references(document: Document, word: Word) -> list[Word]:
    """Every place of the text that names the same thing, its definition too."""
    if word.kind not in NAMED:
        return []
    return [
        other
        for other in document.words
        if (other.kind, other.text) == (word.kind, word.text)
    ]


def labelled(document: Document, label: str) -> ast.Use | None:
    """The LIV of a label."""
    found = (u for u in document.uses if u.label is not None and u.label.text == label)
    return next(found, None)


def renamable(document: Document, offset: int) -> Word:
    """The name at a place. Raises CannotRename: it is none of the text's own."""
    word = document.word(offset)
    if word is None or word.kind not in NAMED:
        raise CannotRename("Only labels, LIVs, featurizers and models have names here")
    if not any(other.defines for other in references(document, word)):
        raise CannotRename(f"{word.text} is not defined in this file")
    return word


def rename(document: Document, offset: int, name: str) -> list[Change]:
    """The changes that give the thing at a place another name.

    Raises CannotRename where the text would have a mistake more.
    """
    word = renamable(document, offset)
    if not WORD.fullmatch(name):
        raise CannotRename(f"`{name[:80]}` is no name")
    for broken in document.program.broken:
        if re.search(rf"(?<![\w-]){re.escape(word.text)}(?![\w-])", broken.span.text):
            line, _ = document.source.line_and_column(broken.span.start)
            raise CannotRename(f"line {line}, which names it, has a mistake")
    found = references(document, word)
    changes = [Change(w.span.start, w.span.end, name) for w in found]
    before = _mistakes(document.diagnostics)
    for one in check(
        Source(document.source.name, apply(document.source.text, changes))
    ):
        if (one.code, one.title) not in before:
            raise CannotRename(f"{one.title}: {one.label}" if one.label else one.title)
    return changes


def apply(text: str, changes: Iterable[Change]) -> str:
    """The text after changes that do not overlap."""
    pieces, last = [], 0
    for change in sorted(changes, key=lambda one: (one.start, one.end)):
        pieces += [text[last : change.start], change.text]
        last = change.end
    return "".join(pieces) + text[last:]


def _mistakes(found: Iterable[Diagnostic]) -> set[tuple[str, str]]:
    return {(one.code, one.title) for one in found}


def _prelude() -> tuple[Word, ...]:
    source = Source(PRELUDE, resources.read("grammar", PRELUDE))
    return words(parse(source, Problems()))
