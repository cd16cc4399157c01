"""Whether a motif is more frequent than expected, and what it goes with.

Against an initial population: Fisher's exact test on how many designs of each have it.
Without one: how often LIVs in a row come about when each design's LIVs are shuffled.
p-values of a table are also given as q, the false discovery rate of Benjamini and
Hochberg: many motifs are tried. Members of a population descend from one another, so
the tests, which take them as independent, are too sure: read them as a ranking.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from random import Random
from statistics import median

from scipy import stats

from starc.evolve.report.designs import Design
from starc.evolve.report.motifs import LONGEST, SHORTEST, Found, Motif, motifs

SHUFFLES = 500
ENOUGH = 5_000_000
"""LIVs in all shuffles together: of large sets there are fewer, at least 99."""

SURE = 1.959964
FEWEST = 3
"""Designs with and without, below which no effect is given."""


@dataclass(frozen=True)
class Enrichment:
    """`ratio`: odds ratio (plus a half in each cell) with its 95 % interval, or number
    of places over the expected one with the range of 95 % of the shuffles.
    """

    ratio: float
    low: float
    high: float
    p: float
    q: float = 1.0


@dataclass(frozen=True)
class Effect:
    """Median with the motif minus median without, of one measure.

    `rank`: rank-biserial, 1 where all designs with it have the larger value. p: of
    Mann and Whitney.
    """

    label: str
    difference: float
    relative: float
    rank: float
    p: float


@dataclass(frozen=True)
class Row:
    found: Found
    selected: int
    initial: int
    enrichment: Enrichment | None
    effects: tuple[Effect, ...]


Designs = Mapping[Hashable, Design]
Values = Mapping[Hashable, Mapping[str, float]]


def table(
    designs: Designs,
    initial: Sequence[Hashable],
    selected: Sequence[Hashable],
    values: Values,
    labels: Sequence[str],
    fewest: int = 0,
) -> list[Row]:
    """All motifs of `designs`; the most enriched first.

    initial, selected: the two groups that are compared; if `initial` is empty, all
    designs are compared with shuffled ones. values: measures of those evaluated.
    fewest: designs that have a motif.
    """
    found = motifs(designs, fewest)
    expected = {} if initial else _expected(designs, found)
    rows = []
    for one in found:
        have = set(one.members)
        counts = [sum(id in have for id in group) for group in (selected, initial)]
        enrichment = (
            odds(counts[0], len(selected), counts[1], len(initial))
            if initial
            else expected.get(one.motif)
        )
        effects = tuple(_effects(have, values, labels))
        rows.append(Row(one, counts[0], counts[1], enrichment, effects))
    return sorted(_corrected(rows), key=_rank)


def _rank(row: Row) -> tuple[float, float, int]:
    if row.enrichment is None:
        return (1.0, 0.0, -len(row.found.members))
    more = row.enrichment.ratio > 1
    p = row.enrichment.p if more else 2 - row.enrichment.p
    return (p, -abs(log(max(row.enrichment.ratio, 1e-9))), -len(row.found.members))


def odds(a: int, of_a: int, b: int, of_b: int) -> Enrichment:
    cells = (a, of_a - a, b, of_b - b)
    p = float(stats.fisher_exact([[cells[0], cells[1]], [cells[2], cells[3]]]).pvalue)
    w, x, y, z = (cell + 0.5 for cell in cells)
    ratio = w * z / (x * y)
    spread = SURE * sqrt(1 / w + 1 / x + 1 / y + 1 / z)
    return Enrichment(ratio, ratio * exp(-spread), ratio * exp(spread), p)


def _expected(designs: Designs, found: Sequence[Found]) -> dict[Motif, Enrichment]:
    """Of LIVs in a row, sharing left aside; shuffles are the same in every run."""
    wanted = {f.motif.names: f for f in found if f.motif.kind == "sequence"}
    random = Random(0)
    livs = sum(len(design.names) for design in designs.values())
    shuffles = max(99, min(SHUFFLES, ENOUGH // max(livs, 1)))
    tallies: dict[tuple[str, ...], list[int]] = {names: [] for names in wanted}
    for _ in range(shuffles):
        count: Counter[tuple[str, ...]] = Counter()
        for design in designs.values():
            names = list(design.names)
            random.shuffle(names)
            for start in range(len(names)):
                for length in range(SHORTEST, LONGEST + 1):
                    row = tuple(names[start : start + length])
                    if len(row) == length and row in wanted:
                        count[row] += 1
        for row, tally in tallies.items():
            tally.append(count[row])
    result = {}
    for row, tally in tallies.items():
        seen, mean = wanted[row].occurrences, sum(tally) / shuffles
        tally.sort()
        low, high = tally[int(0.025 * shuffles)], tally[int(0.975 * shuffles)]
        above = sum(t >= seen for t in tally)
        below = sum(t <= seen for t in tally)
        p = min(1.0, 2 * (min(above, below) + 1) / (shuffles + 1))
        bounds = seen / max(high, 0.5), seen / max(low, 0.5)
        result[wanted[row].motif] = Enrichment(seen / max(mean, 0.5), *bounds, p)
    return result


def _effects(
    have: set[Hashable], values: Values, labels: Sequence[str]
) -> list[Effect]:
    found = []
    for label in labels:
        known = {id: v[label] for id, v in values.items() if label in v}
        with_it = [value for id, value in known.items() if id in have]
        without = [value for id, value in known.items() if id not in have]
        if min(len(with_it), len(without)) < FEWEST:
            continue
        test = stats.mannwhitneyu(with_it, without)
        rank = 2 * float(test.statistic) / (len(with_it) * len(without)) - 1
        difference = median(with_it) - median(without)
        base = abs(median(without))
        relative = difference / base if base else 0.0
        found.append(Effect(label, difference, relative, rank, float(test.pvalue)))
    return found


def _corrected(rows: list[Row]) -> list[Row]:
    """With q: the smallest false discovery rate at which the row would be reported."""
    tested = [row for row in rows if row.enrichment]
    order = sorted(tested, key=lambda row: row.enrichment.p if row.enrichment else 1.0)
    q, rates = 1.0, {}
    for place in range(len(order), 0, -1):
        enrichment = order[place - 1].enrichment
        assert enrichment is not None
        q = min(q, enrichment.p * len(order) / place)
        rates[id(order[place - 1])] = q
    return [
        (
            replace(row, enrichment=replace(row.enrichment, q=rates[id(row)]))
            if row.enrichment
            else row
        )
        for row in rows
    ]
