"""Finds the tandem repeats that make a backbone shorter to read."""

from collections.abc import Hashable, Sequence

from starc.values import dataclass

LONGEST_PERIOD = 16
"""Motifs longer than this are not looked for, so that the time stays linear."""


@dataclass(frozen=True)
class Run:
    """`times` iterations of `period` items from `start`; 1 and 1: an item by itself."""

    start: int
    period: int = 1
    times: int = 1


def roll(items: Sequence[Hashable | None]) -> list[Run]:
    """The split of `items` into runs that takes the fewest lines; None never repeats.

    A repeat takes its body and two lines more, so 12 x of a pair is 4 lines for 24.
    """
    length = len(items)
    lines = [0] * (length + 1)  # the fewest that write items[i:]
    best = [Run(i) for i in range(length)]
    matching = [0] * (LONGEST_PERIOD + 1)  # items from i on equal to those a period on
    for start in reversed(range(length)):
        lines[start] = lines[start + 1] + 1
        item = items[start]
        for period in range(1, min(LONGEST_PERIOD, length - start - 1) + 1):
            if item is None or items[start + period] != item:
                matching[period] = 0
                continue
            matching[period] += 1
            times = matching[period] // period + 1
            if times == 1:
                continue
            rolled = period + 2 + lines[start + period * times]
            if rolled < lines[start]:
                lines[start] = rolled
                best[start] = Run(start, period, times)
    runs, start = [], 0
    while start < length:
        run = best[start]
        runs.append(run)
        start += run.period * run.times
    return runs
