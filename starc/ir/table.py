"""The table of `starc show`: as wide as it is, or within a number of columns."""

from collections.abc import Sequence
from textwrap import wrap

from starc.numerals import shortened

Row = tuple[str, ...]
WORDS = 4
"""Columns of words, on the left; the others are numbers."""


def aligned(table: Sequence[Row], within: int | None = None) -> list[str]:
    """The head, a rule, the rows, a rule, and the total.

    Words left, numbers right; a column without words is left out. within: columns that
    there are. Where these do not hold the table, FLOPs are said to three digits, what a
    row says of its residual and its sharing stands below it, and labels are cut.
    """
    lines = _lines(table, {})
    if within is None or max(map(len, lines)) <= within:
        return _ruled(lines, 0)
    short = [_short(row, number == 0) for number, row in enumerate(table)]
    below = {
        n: "; ".join(filter(None, table[n][2:WORDS])) for n in range(1, len(table))
    }
    widest = max(map(len, _lines(short, {})))
    label = max(len(row[0]) for row in short) - max(widest - within, 0)
    lines = _lines(short, {0: max(label, 12)})
    found: list[str] = []
    for number, line in enumerate(lines):
        found.append(line)
        if below.get(number):
            found += wrap(
                below[number],
                within,
                initial_indent="    ",
                subsequent_indent="      ",
                break_on_hyphens=False,
            )
    return _ruled(found, within)


def _short(row: Row, head: bool) -> Row:
    """Without what stands below it; FLOPs in three digits."""
    *rest, prefill, decode = row
    flops = [
        text.removesuffix(" FLOPs") if head else shortened(int(text.replace(",", "")))
        for text in (prefill, decode)
    ]
    return (*rest[:2], "", "", *rest[WORDS:], *flops)


def _lines(table: Sequence[Row], most: dict[int, int]) -> list[str]:
    """most: the width of a column where it is not that of its longest cell."""
    kept = [i for i in range(len(table[0])) if any(row[i] for row in table[1:])]
    width = {i: most.get(i, max(len(row[i]) for row in table)) for i in kept}
    return [
        "  ".join(
            (
                _cut(row[i], width[i]).ljust(width[i])
                if i < WORDS
                else row[i].rjust(width[i])
            )
            for i in kept
        ).rstrip()
        for row in table
    ]


def _cut(text: str, width: int) -> str:
    """The beginning and the end, where all of it is too long."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def _ruled(lines: list[str], most: int) -> list[str]:
    rule = "-" * (min(max(map(len, lines)), most or 10**6))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def bars(shares: dict[str, tuple[float, float]], within: int) -> list[str]:
    """Two bars a row, of shares of 1; the row that has most of the first one first."""
    rows = sorted(shares.items(), key=lambda row: row[1], reverse=True)
    label = min(max((len(name) for name in shares), default=0), within // 3)
    size = (within - label - 4) // 2 - 7
    found = [f"{'':{label}}  {'parameters':{size + 7}}  cache"]
    for name, (first, second) in rows:
        halves = (f"{'#' * round(size * s):{size}}{s:7.1%}" for s in (first, second))
        found.append(f"{_cut(name, label):{label}}  {'  '.join(halves)}")
    return found
