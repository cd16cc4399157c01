"""Who survives: fronts, crowding and hypervolume (pymoo's), feasible ones first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.objectives import find
from starc.evolve.problem.spec import Requirement, Spec

if TYPE_CHECKING:
    from numpy import ndarray

OUTSIDE = 1.1
"""The reference point of the hypervolume: so far from the ideal, the nadir being 1."""


@dataclass(frozen=True)
class Scored:
    """What selection knows of a candidate.

    values: of the objectives, all to be minimized. tier: 0 measured to the end and
    feasible, 1 stopped at an earlier rung, 2 breaks a requirement, 3 has no values.
    order: within tiers 1 and 2, the less the better.
    """

    id: int
    values: tuple[float, ...] = ()
    tier: int = 3
    order: float = 0.0


@dataclass(frozen=True)
class Ranked:
    """A place among others: the less the better, and the more room the better."""

    id: int
    rank: int
    room: float

    @property
    def key(self) -> tuple[int, float, int]:
        return self.rank, -self.room, self.id


def score(id: int, rung: int, outcome: Outcome, spec: Spec) -> Scored:
    """The candidate's place in the order of tiers, from its last outcome."""
    broken = violation(outcome.measures, spec.requirements)
    values = objectives(outcome.measures, spec)
    if broken > 0 and outcome.status in ("ok", "invalid", "stopped"):
        return Scored(id, values or (), 2, broken)
    if values is None or outcome.status not in ("ok", "stopped"):
        return Scored(id)
    if outcome.status == "stopped":
        return Scored(id, values, 1, -rung)
    return Scored(id, values, 0)


def objectives(measures: dict[str, float], spec: Spec) -> tuple[float, ...] | None:
    """Values of the objectives, those to be maximized negated; None if one lacks."""
    found = [measures.get(one.label, math.nan) for one in spec.objectives]
    return toward_less(found, spec) if all(map(math.isfinite, found)) else None


def toward_less(values: Sequence[float], spec: Spec) -> tuple[float, ...]:
    """Values of the objectives, those to be maximized negated."""
    there = zip(values, spec.objectives, strict=True)
    return tuple(-value if one.direction == "max" else value for value, one in there)


def placed(values: Sequence[float], spec: Spec) -> tuple[float, ...]:
    """Values of the objectives on the scales of their measures: see Scale."""
    found = []
    for objective, value in zip(spec.objectives, values, strict=True):
        measure = find(objective.name)
        found.append(value if measure is None else measure.scale.place(value))
    return tuple(found)


def violation(measures: dict[str, float], requirements: Iterable[Requirement]) -> float:
    """How far the requirements are missed, as shares of their bounds, in sum."""
    total = 0.0
    for required in requirements:
        if required.label not in measures:
            continue
        over = measures[required.label] - required.bound
        if required.relation in (">=", ">"):
            over = -over
        elif required.relation == "==":
            over = abs(over)
        missed = over > 0 or (over == 0 and required.relation in ("<", ">"))
        if missed:
            total += max(over / (abs(required.bound) or 1.0), 1e-12)
    return total


def rank(
    scored: Sequence[Scored], spec: Spec, noise: Sequence[float] = ()
) -> list[Ranked]:
    """All of them, the best first. Ties are broken by id, so the order is no matter.

    noise: of each objective, what a difference must be more than to be one.
    """
    found: list[Ranked] = []
    level = 0
    for group in _groups(sorted(scored, key=lambda one: one.id)):
        if group[0].tier in (0, 1):
            for front in fronts(group, noise):
                rooms = crowding([placed(one.values, spec) for one in front])
                found += [
                    Ranked(one.id, level, room)
                    for one, room in zip(front, rooms, strict=True)
                ]
                level += 1
        else:
            found += [Ranked(one.id, level, 0.0) for one in group]
            level += 1
    return sorted(found, key=lambda one: one.key)


def _groups(scored: Sequence[Scored]) -> list[list[Scored]]:
    """Those of one tier and order together, the best first."""
    groups: dict[tuple[int, float], list[Scored]] = {}
    for one in scored:
        groups.setdefault((one.tier, one.order), []).append(one)
    return [groups[key] for key in sorted(groups)]


def fronts(scored: Sequence[Scored], noise: Sequence[float] = ()) -> list[list[Scored]]:
    """Non-dominated sorting. One dominates another where it is better in an objective
    and worse in none, each by more than the `noise`."""
    if not scored:
        return []
    if any(noise):
        return _fronts_of_ties(scored, noise)
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    found = NonDominatedSorting().do(_matrix([one.values for one in scored]))
    return [[scored[i] for i in sorted(front)] for front in found]


def _fronts_of_ties(
    scored: Sequence[Scored], noise: Sequence[float]
) -> list[list[Scored]]:
    """With several noisy objectives some may dominate each other in a circle, since
    ties of ties are none: where that leaves nobody undominated, noise is left out."""
    values = _matrix([one.values for one in scored])
    beyond, any_less = _dominating(values, noise), _dominating(values, (0.0,))
    left, found = list(range(len(scored))), []
    while left:
        best = _undominated(left, beyond) or _undominated(left, any_less)
        found.append([scored[at] for at in best])
        left = [at for at in left if at not in best]
    return found


def _dominating(values: "ndarray", noise: Sequence[float]) -> "ndarray":
    """[i, j]: whether by more than noise i is less in a column, and j in none."""
    import numpy as np

    less = values[:, None] < values - np.array(noise)
    found: ndarray = less.any(axis=2) & ~less.transpose(1, 0, 2).any(axis=2)
    return found


def _undominated(some: Sequence[int], dominating: "ndarray") -> list[int]:
    return [at for at in some if not dominating[some, at].any()]


def front(scored: Sequence[Scored]) -> list[Scored]:
    """The first front of those that were measured to the end and are feasible."""
    found = fronts([one for one in scored if one.tier == 0])
    return found[0] if found else []


def crowding(values: Sequence[tuple[float, ...]]) -> list[float]:
    """NSGA-II's crowding distance of the members of one front, of values as placed."""
    from pymoo.operators.survival.rank_and_crowding.metrics import (
        get_crowding_function,
    )

    found = get_crowding_function("cd").do(_matrix(values))
    return [float(distance) for distance in found]


def hypervolume(
    values: Sequence[tuple[float, ...]],
    ideal: Sequence[float],
    nadir: Sequence[float],
) -> float:
    """Of values as placed, scaled so that ideal is 0 and nadir 1, up to 1.1 in each;
    0 of no values, and where nothing is measured."""
    if not values or not ideal:
        return 0.0
    import numpy as np
    from pymoo.indicators.hv import HV

    low, high = np.array(ideal, float), np.array(nadir, float)
    scaled = (_matrix(values) - low) / np.where(high > low, high - low, 1.0)
    inside = scaled[(scaled < OUTSIDE).all(axis=1)]
    if not len(inside):
        return 0.0
    return float(HV(ref_point=np.full(len(low), OUTSIDE))(inside))


def tournament(ranked: Sequence[Ranked], size: int, random: Random) -> Ranked:
    """The best of `size` that are drawn; alike ones by lot."""
    drawn = [random.choice(ranked) for _ in range(max(1, size))]
    best = min((one.rank, -one.room) for one in drawn)
    alike = [one for one in drawn if (one.rank, -one.room) == best]
    return random.choice(alike)


def mean_ranks(scored: Sequence[Scored]) -> list[Ranked]:
    """One number instead of fronts: the mean over objectives of the rank in each.

    Ours, since pymoo's GA takes a single objective, and its decompositions (weighted
    sum, Tchebycheff, ASF) need weights and a scale that nobody stated; ranks need none.
    """
    found: list[tuple[tuple[int, float, float], int]] = []
    for group in _groups(sorted(scored, key=lambda one: one.id)):
        places = [0.0] * len(group)
        for column in range(len(group[0].values) if group[0].tier < 2 else 0):
            order = sorted({one.values[column] for one in group})
            for at, one in enumerate(group):
                places[at] += order.index(one.values[column])
        found += [
            ((one.tier, one.order, place), one.id)
            for one, place in zip(group, places, strict=True)
        ]
    levels = {key: level for level, key in enumerate(sorted({k for k, _ in found}))}
    return sorted(
        (Ranked(id, levels[key], 0.0) for key, id in found), key=lambda one: one.key
    )


def _matrix(values: Sequence[tuple[float, ...]]) -> "ndarray":
    import numpy as np

    return np.array(values, dtype=float)
