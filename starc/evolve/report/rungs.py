"""What an early end costs in ranking: front ranks at an earlier rung and the last."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from starc.evolve.report.proxies import FEWEST, interval
from starc.evolve.report.read import Run
from starc.evolve.selection.ranking import Scored, fronts, objectives


@dataclass(frozen=True)
class Agreement:
    """Front ranks at an earlier rung and at the last one, of candidates with both.

    share: of the steps, at the rung. stopped: candidates that halving ended there, of
    whom nobody knows the last rank. count: those with both, over which spearman (low to
    high: 95 %, as of proxies) and kendall (tau-b, since ranks tie) are taken; None
    where they are too few or all alike. front, seen: members of the last front, and how
    many of them were in the first front at the rung already.
    """

    rung: int
    share: float
    stopped: int
    count: int
    spearman: float | None
    low: float | None
    high: float | None
    kendall: float | None
    front: int
    seen: int


def agreements(run: Run) -> tuple[Agreement, ...]:
    """Of every rung but the last; what breaks a requirement or failed is left out."""
    shares = run.spec.trainer.rungs
    last = _scored(run, len(shares) - 1)
    return tuple(
        agreement(rung, shares[rung], _scored(run, rung), last, _stopped(run, rung))
        for rung in range(len(shares) - 1)
    )


def agreement(
    rung: int,
    share: float,
    early: Sequence[Scored],
    final: Sequence[Scored],
    stopped: int = 0,
) -> Agreement:
    """Of two rungs; candidates that only one of them knows are left out."""
    known = {one.id for one in early} & {one.id for one in final}
    before, after = (
        _ranks([one for one in scored if one.id in known]) for scored in (early, final)
    )
    ids = sorted(known)
    first, second = [before[id] for id in ids], [after[id] for id in ids]
    spearman = low = high = kendall = None
    if len(ids) >= FEWEST and len({*first}) > 1 and len({*second}) > 1:
        spearman = float(stats.spearmanr(first, second).statistic)
        low, high = interval(spearman, len(ids))
        kendall = float(stats.kendalltau(first, second).statistic)
    best = [id for id in ids if after[id] == 0]
    seen = sum(before[id] == 0 for id in best)
    return Agreement(
        rung, share, stopped, len(ids), spearman, low, high, kendall, len(best), seen
    )


def _ranks(scored: Sequence[Scored]) -> dict[int, int]:
    """By id the number of the front, from 0."""
    return {
        one.id: level for level, front in enumerate(fronts(scored)) for one in front
    }


def _scored(run: Run, rung: int) -> list[Scored]:
    """Everything with all objectives at a rung."""
    found = []
    for id, outcome in run.rungs.get(rung, {}).items():
        values = objectives(outcome.measures, run.spec)
        if outcome.status == "ok" and values is not None:
            found.append(Scored(id, values, 0))
    return found


def _stopped(run: Run, rung: int) -> int:
    return sum(e.status == "stopped" and e.rung == rung for e in run.entries)
