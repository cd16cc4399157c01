"""How well the surrogate ranked the candidates that it chose, before it saw them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Any

from scipy import stats

from starc.evolve.problem.objectives import find
from starc.evolve.problem.spec import Objective
from starc.evolve.report.proxies import FEWEST, SURE, interval
from starc.evolve.report.read import Run


@dataclass(frozen=True)
class Prediction:
    """Of one objective. spearman: rank correlation of what was predicted with what was
    measured afterwards, with its 95 % interval; of the chosen alone, which differ less
    than all that were offered. within: share of what was measured inside the predicted
    95 %.
    """

    label: str
    count: int
    spearman: float
    low: float
    high: float
    within: float


def predictions(run: Run) -> list[Prediction]:
    """Objectives with at least FEWEST candidates whose values are not all alike."""
    found = []
    for goal in run.spec.objectives:
        known = list(_known(run, goal))
        means, values = [mean for mean, _, _ in known], [value for *_, value in known]
        if len(known) < FEWEST or len({*means}) < 2 or len({*values}) < 2:
            continue
        rho = float(stats.spearmanr(means, values).statistic)
        low, high = interval(rho, len(known))
        inside = [abs(value - mean) <= SURE * spread for mean, spread, value in known]
        found.append(Prediction(goal.label, len(known), rho, low, high, fmean(inside)))
    return found


def _known(run: Run, goal: Objective) -> Iterator[tuple[float, float, float]]:
    """Mean, deviation and value, on the scale of the measure, the less the better."""
    measure = find(goal.name)
    sign = -1 if goal.direction == "max" else 1
    for proposal in run.proposals.values():
        told = _object(_object(proposal.get("surrogate")).get("predicted"))
        for id, said in told.items():
            entry = run.by_id.get(int(id)) if id.isdecimal() else None
            value = entry.measure(goal.label) if entry is not None else None
            pair: Any = _object(said).get(goal.label)
            if value is None or entry is None or entry.status != "ok":
                continue
            if measure is not None and _is_pair(pair):
                yield float(pair[0]), float(pair[1]), measure.scale.place(sign * value)


def _object(found: Any) -> dict[str, Any]:
    """What a database holds in place of an object is none."""
    return found if isinstance(found, dict) else {}


def _is_pair(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) == 2
        and all(type(one) in (int, float) and isfinite(one) for one in found)
    )
