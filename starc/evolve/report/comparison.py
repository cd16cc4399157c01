"""Several runs of one problem: what each had found after as many evaluations.

Runs that differ in nothing but their random seed are one group: of it there is a median
and a band from the lowest to the highest run.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from starc.evolve.problem.spec import BUDGET
from starc.evolve.report.growth import ends, growth, measured
from starc.evolve.report.measures import Axis, axes
from starc.evolve.report.read import ReportError, Run
from starc.evolve.selection.ranking import Scored, front
from starc.evolve.storage.rows import Row


@dataclass(frozen=True)
class Curve:
    """The hypervolume of a run after each of its evaluations that raised it, from 0
    evaluations on. evaluations: in all, of candidates that describe an architecture."""

    at: tuple[int, ...]
    volume: tuple[float, ...]
    evaluations: int

    def after(self, evaluations: int) -> float:
        """Of all candidates that were among the first so many."""
        return self.volume[bisect_right(self.at, evaluations) - 1]


@dataclass(frozen=True)
class Member:
    """A run among others. front: its members on the front of all runs together."""

    name: str
    run: Run
    curve: Curve
    front: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone; letter: what the page calls them."""

    letter: str
    members: tuple[Member, ...]

    @property
    def evaluations(self) -> int:
        """What each of them has reached."""
        return min(member.curve.evaluations for member in self.members)

    def band(self, evaluations: int) -> tuple[float, float, float]:
        """Lowest, median and highest hypervolume after so many evaluations."""
        found = [member.curve.after(evaluations) for member in self.members]
        return min(found), median(found), max(found)

    def steps(self) -> list[int]:
        """Where the band changes, up to what each of them has reached."""
        found = {at for member in self.members for at in member.curve.at}
        last = self.evaluations
        return sorted({at for at in found if at < last} | {0, last})

    def best(self, axis: Axis) -> float | None:
        values = [
            value
            for member in self.members
            for entry in member.run.front
            if (value := entry.measure(axis.label)) is not None
        ]
        return min(values, key=axis.cost, default=None)


@dataclass(frozen=True)
class Comparison:
    """objectives: of all runs. settings: those in which groups differ, a text each.

    common: evaluations that every run has reached, where groups are set beside each
    other.
    """

    objectives: tuple[Axis, ...]
    groups: tuple[Group, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    common: int


def compare(runs: Sequence[tuple[str, Run]]) -> Comparison:
    """Runs by name. Raises ReportError where they have other objectives.

    All hypervolumes are of one scale: 0 is the best value of any run's first
    generation in an objective, 1 the worst.
    """
    _one_problem(runs)
    scored = {name: measured(run) for name, run in runs}
    born = [
        one
        for name, run in runs
        for one in scored[name]
        if run.by_id[one.id].generation == 0
    ]
    ideal, nadir = ends(born, runs[0][1].spec)
    best = _joint(runs, scored)
    found: dict[str, list[Member]] = {}
    for name, run in runs:
        curve = _curve(run, scored[name], ideal, nadir)
        member = Member(name, run, curve, best[name])
        found.setdefault(json.dumps(_settings(run), sort_keys=True), []).append(member)
    groups = tuple(
        Group(_letter(number), tuple(members))
        for number, members in enumerate(found.values())
    )
    objectives = tuple(axis for axis in axes(runs[0][1]) if axis.objective)
    common = min(group.evaluations for group in groups)
    return Comparison(objectives, groups, _differences(groups), common)


def _letter(number: int) -> str:
    """A to Z, then A2 to Z2, ..."""
    return chr(ord("A") + number % 26) + (f"{number // 26 + 1}" if number > 25 else "")


def _one_problem(runs: Sequence[tuple[str, Run]]) -> None:
    wanted: dict[str, str] = {}
    for name, run in runs:
        goals = ", ".join(f"{one.direction} {one.label}" for one in run.spec.objectives)
        wanted.setdefault(goals, name)
    if len(wanted) > 1:
        (one, first), (other, second) = list(wanted.items())[:2]
        raise ReportError(
            f"{first} has the objectives {one}, {second} {other}: only runs of the "
            "same objectives, in the same order, can be compared"
        )


def _curve(
    run: Run, scored: Sequence[Scored], ideal: Sequence[float], nadir: Sequence[float]
) -> Curve:
    number = {entry.id: count for count, entry in enumerate(_evaluated(run), start=1)}
    at, volumes = [0], [0.0]
    for id, volume in growth(scored, run.spec, ideal, nadir):
        if volume > volumes[-1]:
            at.append(number[id])
            volumes.append(volume)
    return Curve(tuple(at), tuple(volumes), len(number))


def _evaluated(run: Run) -> list[Row]:
    """Candidates that have had an evaluation."""
    return [entry for entry in run.entries if entry.outcome and entry.legal]


def _joint(
    runs: Sequence[tuple[str, Run]], scored: dict[str, list[Scored]]
) -> dict[str, tuple[int, ...]]:
    """Of each run its members on the front of all."""
    origin = [(name, one) for name, _ in runs for one in scored[name]]
    numbered = [Scored(at, one.values, 0) for at, (_, one) in enumerate(origin)]
    found: dict[str, list[int]] = {name: [] for name, _ in runs}
    for one in front(numbered):
        name, own = origin[one.id]
        found[name].append(own.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _settings(run: Run) -> dict[str, Any]:
    """All that decides results but the seed, a flat name each: `trainer.steps`."""
    found: dict[str, Any] = {}
    for name, value in json.loads(run.spec.to_json()).items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            found[name] = value
    return {name: found[name] for name in found if name not in ("seed", *BUDGET)}


def _differences(
    groups: Sequence[Group],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    every = [_settings(group.members[0].run) for group in groups]
    names = dict.fromkeys(name for one in every for name in one)
    return tuple(
        (name, tuple(_said(one.get(name)) for one in every))
        for name in names
        if any(a.get(name) != b.get(name) for a, b in pairwise(every))
    )


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False)
