"""How the hypervolume of a run grew, candidate by candidate."""

from collections.abc import Iterator, Sequence

from starc.evolve.problem.spec import Spec
from starc.evolve.report.read import Run
from starc.evolve.selection.ranking import Scored, front, hypervolume, placed, score


def measured(run: Run) -> list[Scored]:
    """Those that were measured to the end and are feasible, in order."""
    found = [
        score(entry.id, entry.rung or 0, entry.outcome, run.spec)
        for entry in run.evaluated
        if entry.outcome is not None
    ]
    return [one for one in found if one.tier == 0]


def ends(scored: Sequence[Scored], spec: Spec) -> tuple[list[float], list[float]]:
    """The best and the worst in each objective, as placed; empty of none."""
    columns = list(zip(*(placed(one.values, spec) for one in scored), strict=True))
    return [min(column) for column in columns], [max(column) for column in columns]


def growth(
    scored: Sequence[Scored], spec: Spec, ideal: Sequence[float], nadir: Sequence[float]
) -> Iterator[tuple[int, float]]:
    """Each that came onto the front of those before it, and the hypervolume then."""
    best: list[Scored] = []
    for one in scored:
        now = front([*best, one])
        if one in now:
            best = now
            values = [placed(member.values, spec) for member in best]
            yield one.id, hypervolume(values, ideal, nadir)
