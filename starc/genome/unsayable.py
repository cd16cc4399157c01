"""Tells what integers cannot say, once a place however often a repeat comes by."""

from starc.diagnostics import Note, Problems
from starc.source import Span


class Unsayable:
    """Adds `not-in-genome` to `problems`."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._told: set[tuple[Span, str]] = set()

    def tell(
        self,
        span: Span,
        label: str,
        text: str,
        hint: str = "",
        notes: tuple[Note, ...] = (),
    ) -> None:
        if (span, label) in self._told:
            return
        self._told.add((span, label))
        title = "Not in a genome"
        self._problems.add("not-in-genome", title, span, label, text, hint, notes)
