"""How much of two objectives searches found, and how one of them compares with others.

For benchmarks/search_peers.py and benchmarks/ablations.py; what the numbers mean stands
in the first. The rows of docs/evolve.md are written here too.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import hypervolume, placed

Values = tuple[float, ...]
Curve = list[Values | None]
"""Of each evaluation, in order: the values of the objectives, None where it failed."""

EVALUATIONS = (96, 288)
"""After which searches are compared, as far as their budget goes."""

SCALES = ("log", "linear")
OURS = ("starc surrogate", "starc")
PEERS = ("optuna nsga2", "optuna tpe", "pymoo nsga2")


@dataclass(frozen=True)
class Reference:
    """Ideal and nadir of a first population."""

    spec: Spec
    first: Sequence[Values]

    @property
    def counts(self) -> list[int]:
        return [count for count in EVALUATIONS if count <= self.spec.evaluations]

    def volumes(self, curve: Curve) -> dict[str, list[float]]:
        """By scale: the hypervolume after each number of evaluations."""
        return {
            scale: [self.volume(curve[:count], scale) for count in self.counts]
            for scale in SCALES
        }

    def most(self, best: Sequence[Values]) -> dict[str, list[float]]:
        """The same of a front that is there from the first evaluation on."""
        return {
            scale: [self.volume(best, scale)] * len(self.counts) for scale in SCALES
        }

    def volume(self, points: Sequence[Values | None], scale: str) -> float:
        first = [self._at(one, scale) for one in self.first]
        columns = list(zip(*first, strict=True))
        ends = [min(c) for c in columns], [max(c) for c in columns]
        return hypervolume([self._at(one, scale) for one in points if one], *ends)

    def matched(self, curve: Curve, volume: float, scale: str, count: int) -> float:
        """Share of `count` evaluations after which so much was found; inf: never."""
        for at in range(1, count + 1):
            if self.volume(curve[:at], scale) >= volume:
                return at / count
        return inf

    def _at(self, values: Values, scale: str) -> Values:
        return placed(values, self.spec) if scale == "log" else values


def interval(ratios: Sequence[float]) -> list[float]:
    """95 % percentile bootstrap interval of the median, the same each time."""
    import numpy as np

    random = np.random.default_rng(0)
    drawn = random.choice(ratios, size=(10_000, len(ratios)))
    ends = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return [round(float(end), 3) for end in ends]


def ratios(
    volumes: dict[str, list[dict[str, list[float]]]], one: str
) -> dict[str, dict[str, Any]]:
    """Of `one` to each other method, and to the best peer: by scale and evaluations.

    The best peer is the one with the greatest median: no choice seed by seed.
    """
    found: dict[str, dict[str, Any]] = {}
    for scale in SCALES:
        for at, count in enumerate(EVALUATIONS[: len(volumes[one][0][scale])]):
            column = {
                method: [seed[scale][at] for seed in seeds]
                for method, seeds in volumes.items()
            }
            line: dict[str, Any] = {}
            for method, theirs in column.items():
                if method != one:
                    pairs = zip(column[one], theirs, strict=True)
                    shares = [mine / other for mine, other in pairs if other]
                    line[method] = {
                        "median": round(statistics.median(shares), 3),
                        "interval": interval(shares),
                    }
            peers = [method for method in PEERS if method in column]
            if peers:
                best = max(peers, key=lambda m: statistics.median(column[m]))
                line["best peer"] = {"is": best, **line[best]}
            found[f"{scale}, {count}"] = line
    return found


def progress(
    one: str,
    curves: dict[str, list[Curve]],
    against: Sequence[Reference],
    best: Sequence[Values],
) -> dict[str, dict[str, float]]:
    """Of `one` beside random search, medians over the seeds: see the docstring."""
    found = {}
    for scale in SCALES:
        for count in against[0].counts:
            matched, closed = [], []
            pairs = zip(curves[one], curves["random search"], against, strict=True)
            for mine, theirs, reference in pairs:
                has, random, most = (
                    reference.volume(curve, scale)
                    for curve in (mine[:count], theirs[:count], best)
                )
                matched.append(reference.matched(mine, random, scale, count))
                closed.append((has - random) / (most - random))
            found[f"{scale}, {count}"] = {
                "matched": round(statistics.median(matched), 3),
                "closed": round(statistics.median(closed), 3),
            }
    return found


def undominated(points: Sequence[Values]) -> list[int]:
    import numpy as np
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    sort = NonDominatedSorting().do
    return [int(at) for at in sort(np.array(points), only_non_dominated_front=True)]


LIVS = {
    "shallow": "8 LIVs, 6 classes",
    "tiny": "12 LIVs, 6 classes",
    "paper": "24 LIVs, 17 classes",
    "table": "table: 4 LIVs, 7 classes",
    "real": "trained: 6 LIVs, 6 classes",
}
BEST = "best known"
SIMULATED = ("shallow", "tiny", "paper")
OTHERS = ("shallow", "tiny", "table", "real")
SHOWN = ("best peer", *PEERS, "random search", "starc")


def table(result: dict[str, Any]) -> list[str]:
    """The rows of docs/evolve.md, of the search with its surrogate."""
    rows = []
    for name, found in result["spaces"].items():
        for column, line in found["ratios"]["starc surrogate"].items():
            scale, count = column.split(", ")
            moved = found["beside random search"]["starc surrogate"][column]
            cells = [LIVS[name], str(found["seeds"]), count, scale]
            for other in SHOWN:
                low, high = line[other]["interval"]
                cells.append(f"{line[other]['median']:.2f} ({low:.2f} to {high:.2f})")
            cells += [f"{moved['matched']:.2f}", f"{moved['closed']:.0%}"]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def goals(result: dict[str, Any]) -> list[str]:
    """Rows of docs/evolve.md: what was asked for and what was found, missed in bold."""
    peer, random = "best peer", "random search"
    asked: list[tuple[str, Any, Sequence[str], Sequence[str], str]] = [
        ("1.25 times the best peer", (1.25).__le__, ("paper",), SCALES, peer),
        ("more than the best peer", (1.0).__lt__, OTHERS, SCALES, peer),
        (
            "1.25 times random search",
            (1.25).__le__,
            ("tiny", "paper"),
            ("log",),
            random,
        ),
        ("matched after at most a fifth", (0.2).__ge__, SIMULATED, SCALES, "matched"),
        ("at least half closed", (0.5).__le__, SIMULATED, ("linear",), "closed"),
    ]
    rows = []
    for words, met, spaces, scales, what in asked:
        for name in filter(result["spaces"].get, spaces):
            found = result["spaces"][name]
            cells = [words, LIVS[name]]
            for scale in SCALES:
                for count in EVALUATIONS:
                    column = f"{scale}, {count}"
                    if scale not in scales or column not in found["ratios"][OURS[0]]:
                        cells.append("")
                        continue
                    line = found["ratios"][OURS[0]][column]
                    moved = found["beside random search"][OURS[0]][column]
                    value = moved[what] if what in moved else line[what]["median"]
                    said = f"{value:.3f}"
                    cells.append(said if met(value) else f"**{said}**")
            rows.append(f"| {' | '.join(cells)} |")
    return rows
