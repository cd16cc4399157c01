"""A place in a source, drawn: its line, and what is said underneath.

  ┌─ examples/hybrid.star:14:5
14│     ShrotConv(kernel = 3)
  │     ^^^^^^^^^ did you mean ShortConv?
"""

from unicodedata import combining, east_asian_width

from starc.printable import hidden
from starc.source import Span

WIDEST = 100
"""Columns of a line that are shown; of longer ones, those around the place."""

_TAB = 4
_LEAD = 20  # columns shown before the place in a line that is too long


def number_width(spans: list[Span]) -> int:
    """The columns that the line numbers of all these places need."""
    return max(len(str(_line_of(span))) for span in spans)


def draw(span: Span, label: str, mark: str, width: int) -> list[str]:
    """The lines of the drawing; `mark` underlines, `width` columns hold the number."""
    number, column = span.source.line_and_column(span.start)
    text = span.source.line(number)
    length = max(1, min(span.end - span.start, len(text) - column + 1))
    text, column, length = _window(text, column - 1, length)
    before = _printed(text[:column])
    marked = _printed(text[column : column + length], _width(before)) or " "
    after = _printed(text[column + length :], _width(before + marked))
    underline = f"{' ' * _width(before)}{mark * max(1, _width(marked))} {label}"
    return [
        f"{'':{width}}┌─ {span.place}",
        f"{number:{width}}│ {before}{marked}{after}".rstrip(),
        f"{'':{width}}│ {underline}".rstrip(),
    ]


def _line_of(span: Span) -> int:
    return span.source.line_and_column(span.start)[0]


def _window(text: str, column: int, length: int) -> tuple[str, int, int]:
    """The part of a long line that shows the place, with … where it was cut."""
    if len(text) <= WIDEST:
        return text, column, length
    start = max(0, min(column - _LEAD, len(text) - WIDEST))
    left, right = "…" if start else "", "…" if start + WIDEST < len(text) else ""
    column = column - start + len(left)
    text = left + text[start : start + WIDEST] + right
    return text, column, max(1, min(length, len(text) - column - len(right)))


def _printed(text: str, start: int = 0) -> str:
    """The text as it can be shown: tabs as spaces, nothing that moves the cursor."""
    shown, width = [], start
    for character in text:
        if character == "\t":
            character = " " * (_TAB - width % _TAB)
        elif hidden(character):
            character = "\N{REPLACEMENT CHARACTER}"
        shown.append(character)
        width += _width(character)
    return "".join(shown)


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text
    )
