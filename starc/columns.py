"""Tables of text that a terminal has room for."""

from collections.abc import Sequence
from itertools import pairwise

WIDTH = 80
"""Columns of a terminal, where nobody says how many it has."""

Rows = Sequence[Sequence[str]]


def aligned(rows: Rows, *parts: int, rule: bool = False) -> list[str]:
    """Lines: names to the left, numbers to the right.

    parts: columns where another table begins, below the first and with the same names,
    if one would be wider than WIDTH. rule: a line below the head.
    """
    whole = _aligned(rows, rule)
    if max(map(len, whole)) <= WIDTH:
        return whole
    found: list[str] = []
    ends = [1, *parts, len(rows[0])]
    for start, end in pairwise(ends):
        part = [[row[0], *row[start:end]] for row in rows]
        found += [*_aligned(part, rule), ""]
    return found[:-1]


def _aligned(rows: Rows, rule: bool) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = rows
    ruled = [["-" * width for width in widths]] if rule else []
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *ruled, *body]
    ]
