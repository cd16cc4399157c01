"""Whatever a text is, every question has an answer."""

import random

import pytest

from starc.diagnostics import StarError
from starc.frontend import lalr
from starc.lsp import fixes, formatting, hints, hover, navigation, outline, tokens
from starc.lsp.completion import completions
from starc.lsp.document import Document

from .edits import edited
from .test_answers import PROGRAM, ordered


def ask_everything(text: str, place: int) -> None:
    document = Document("a.star", text)
    size = len(document.source.text)
    place = min(place, size)
    for one in completions(document, place):
        assert one.start <= one.end == place
    hover.hover(document, place)
    navigation.definition(document, place)
    word = document.word(place)
    if word is not None:
        assert document.source.text[word.span.start : word.span.end] == word.text
        assert word in navigation.references(document, word) or word.kind not in (
            navigation.NAMED
        )
        try:
            changes = navigation.rename(document, place, "renamed")
        except navigation.CannotRename:
            pass
        else:
            assert len(changes) >= 1
    for fix in fixes.fixes(document, place, place):
        assert navigation.apply(document.source.text, fix.changes) != text
    for change in formatting.formatting(document):
        assert 0 <= change.start <= change.end <= size
    outline.symbols(document)
    for first, last, _ in outline.folds(document):
        assert 0 <= first < last
    for hint in hints.hints(document):
        assert 0 <= hint.offset <= size
    hints.lenses(document)
    ordered(tokens.tokens(document))


@pytest.mark.parametrize(
    ("seed", "count"),
    [(0, 30), *(pytest.param(s, 1000, marks=pytest.mark.slow) for s in (1, 2))],
)
def test_edits_at_random(seed: int, count: int) -> None:
    rng = random.Random(seed)
    text = PROGRAM
    for _ in range(count):
        text = edited(text, rng)
        try:
            ask_everything(text, rng.randrange(len(text) + 1))
        except StarError as error:
            pytest.fail(f"{error} of {text!r}")


def seen(text: str) -> list[object]:
    """What an editor shows of a text."""
    document = Document("a.star", text)
    return [
        [(d, d.span.start, d.span.end) for d in document.diagnostics],
        hints.hints(document),
        tokens.tokens(document),
        outline.symbols(document),
        document.costs,
    ]


def test_what_is_kept_from_edit_to_edit_changes_no_answer() -> None:
    """Those of a server that has just been started are the same."""
    rng, text = random.Random(3), PROGRAM
    for _ in range(60):
        text = edited(text, rng)
        found = seen(text)
        kept = dict(lalr._known)
        lalr.forget()
        assert seen(text) == found, text
        lalr._known.update(kept)
