"""The front against the architectures that the search began with."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import dist

from starc.evolve.report.measures import Axis, costs
from starc.evolve.report.picks import scaled
from starc.evolve.report.read import Run
from starc.evolve.storage.rows import Row


@dataclass(frozen=True)
class Baseline:
    """A seed, how many members of the front are no worse than it in every objective,
    and of these the one nearest to the ideal point; None: there is none.
    """

    seed: Row
    name: str
    better: int
    best: Row | None


def baselines(run: Run, objectives: Sequence[Axis]) -> list[Baseline]:
    """Every seed that was evaluated. A seed on the front is not counted for itself."""
    found = scaled(run.front, objectives)
    distance = {
        id: dist(point, (0.0,) * len(point))
        for id, point in zip(found.ids, found.points, strict=True)
    }
    rows = []
    for seed in run.evaluated:
        values = costs(seed, objectives)
        if not seed.origin.startswith("seed:") or values is None:
            continue
        better = [
            entry
            for entry in run.front
            if entry.id != seed.id and _no_worse(costs(entry, objectives), values)
        ]
        best = min(better, key=lambda e: (distance[e.id], e.id), default=None)
        name = seed.origin.removeprefix("seed:")
        rows.append(Baseline(seed, name, len(better), best))
    return rows


def _no_worse(own: list[float] | None, other: list[float]) -> bool:
    return own is not None and all(a <= b for a, b in zip(own, other, strict=True))
