"""Which few members of a front are suggested, and by which rule each was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import dist

import numpy as np

from starc.evolve.report.measures import Axis, costs
from starc.evolve.selection.ranking import OUTSIDE, hypervolume
from starc.evolve.storage.rows import Row

KNEE = "knee"


@dataclass(frozen=True)
class Pick:
    """A candidate that is suggested. `rule` names it, `why` gives the numbers."""

    id: int
    rule: str
    why: str


@dataclass(frozen=True)
class Scaled:
    """Members of a front with all objectives, each scaled to 0 (best) to 1 (worst).

    Objectives that do not vary on the front are 0.
    """

    ids: tuple[int, ...]
    points: tuple[tuple[float, ...], ...]
    contributions: tuple[float, ...]


def scaled(front: Sequence[Row], objectives: Sequence[Axis]) -> Scaled:
    """Between the best and the worst member of the front in each objective, on the
    scale of its measure."""
    found = [(entry.id, costs(entry, objectives)) for entry in front]
    known = [
        (id, [a.scale.place(v) for a, v in zip(objectives, values, strict=True)])
        for id, values in found
        if values is not None
    ]
    if not known:
        return Scaled((), (), ())
    table = np.array([values for _, values in known], dtype=float)
    low, high = table.min(axis=0), table.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    points = tuple(tuple(map(float, point)) for point in (table - low) / spread)
    ids = tuple(id for id, _ in known)
    return Scaled(ids, points, tuple(_contributions(points)))


def _contributions(points: Sequence[tuple[float, ...]]) -> list[float]:
    """How much hypervolume the front would lose with each member."""

    def volume(some: Sequence[tuple[float, ...]]) -> float:
        return hypervolume(some, [0.0] * len(points[0]), [1.0] * len(points[0]))

    whole = volume(points)
    return [
        max(0.0, whole - volume([*points[:place], *points[place + 1 :]]))
        for place in range(len(points))
    ]


def picks(front: Sequence[Row], objectives: Sequence[Axis]) -> tuple[Pick, ...]:
    """The knee, the best in each objective, and the largest contribution.

    Ties go to the older candidate. One candidate may be found by several rules.
    """
    found = scaled(front, objectives)
    if not found.ids:
        return ()
    ideal = (0.0,) * len(objectives)
    distance = [dist(point, ideal) for point in found.points]
    nearest = min(range(len(found.ids)), key=lambda i: (distance[i], found.ids[i]))
    chosen = [
        Pick(
            found.ids[nearest],
            KNEE,
            f"nearest to the ideal point: {distance[nearest]:.3f} of at most "
            f"{len(objectives) ** 0.5:.3f}, objectives scaled to 0 … 1 over the front",
        )
    ]
    for place, axis in enumerate(objectives):
        best = min(
            range(len(found.ids)),
            key=lambda i: (found.points[i][place], distance[i], found.ids[i]),
        )
        end = "lowest" if axis.direction == "min" else "highest"
        why = f"the {end} {axis.label} on the front"
        chosen.append(Pick(found.ids[best], f"best {axis.label}", why))
    most = max(
        range(len(found.ids)), key=lambda i: (found.contributions[i], -found.ids[i])
    )
    total = sum(found.contributions) or 1.0
    why = (
        f"without it the front would lose {found.contributions[most]:.4f} of its "
        f"hypervolume (reference point {OUTSIDE} in each scaled objective), "
        f"{found.contributions[most] / total:.0%} of what all members lose alone"
    )
    chosen.append(Pick(found.ids[most], "largest hypervolume contribution", why))
    return tuple(chosen)
