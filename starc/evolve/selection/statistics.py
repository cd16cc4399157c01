"""What is counted of a generation, for the live view and the report."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Scored, hypervolume, placed
from starc.evolve.storage.rows import Generation, Row


def statistics_of(
    spec: Spec,
    last: Generation | None,
    proposal: dict[str, Any],
    children: Sequence[Row],
    born: Sequence[Scored],
    population: Sequence[Scored],
    noise: Sequence[float] = (),
) -> dict[str, Any]:
    """proposal: as counted when it was made. status: how many outcomes of each kind.

    objectives: best and median of the population, by label. reference: ideal and nadir
    of the first generation that has any values, which hypervolumes are measured by.
    noise: by label, of those objectives whose noise is known.
    """
    outcomes = [row.outcome for row in children if row.outcome is not None]
    goals = zip(spec.objectives, noise, strict=False)
    known = {one.label: apart for one, apart in goals if apart}
    found = {"noise": known} if known else {}
    return found | {
        "proposal": proposal,
        "origins": _counted(row.origin.partition(":")[0] for row in children),
        "status": _counted(outcome.status for outcome in outcomes),
        "objectives": _objectives(spec, population),
        "reference": _reference(last, born),
    }


def hypervolume_of(
    spec: Spec, front: Sequence[Scored], statistics: dict[str, Any]
) -> float:
    """On the scales of the measures, from ideal and nadir of `statistics`."""
    reference = statistics["reference"]
    if reference is None:
        return 0.0
    values = [placed(one.values, spec) for one in front]
    ideal, nadir = (placed(reference[end], spec) for end in ("ideal", "nadir"))
    return hypervolume(values, ideal, nadir)


def _counted(words: Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _objectives(spec: Spec, population: Sequence[Scored]) -> dict[str, Any]:
    measured = [one.values for one in population if one.tier == 0]
    found = {}
    for column, objective in enumerate(spec.objectives):
        values = [row[column] for row in measured]
        sign = -1 if objective.direction == "max" else 1
        if values:
            best, middle = sign * min(values), sign * median(values)
            found[objective.label] = {"best": best, "median": middle}
    return found


def _reference(
    last: Generation | None, born: Sequence[Scored]
) -> dict[str, list[float]] | None:
    known: dict[str, list[float]] | None = (
        last.statistics["reference"] if last is not None else None
    )
    values = [one.values for one in born if one.tier == 0]
    if known is not None or not values:
        return known
    columns = list(zip(*values, strict=True))
    return {"ideal": [min(c) for c in columns], "nadir": [max(c) for c in columns]}
