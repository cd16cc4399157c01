"""How well each cheap number ranks candidates by the quality they finally reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

from scipy import stats

from starc.evolve.report.measures import Axis
from starc.evolve.report.read import Run

FEWEST = 5
"""Candidates below which no correlation is given."""

EARLY = "loss_at_"
"""With a number of steps: the loss on the way to the last one."""

SURE = 1.959964
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True)
class Proxy:
    """Rank correlations with the final quality, both turned so that 1 is a perfect
    ranking: a positive value says that a better proxy goes with better quality.

    low, high: 95 % interval of Spearman's, by Fisher's z with the variance of Bonett
    and Wright (1 + rho^2 / 2) / (n - 3). p: of Kendall's. points: (id, proxy, quality).
    """

    name: str
    unit: str
    kind: str  # "static", "early", "trained"
    count: int
    spearman: float
    low: float
    high: float
    kendall: float
    p: float
    points: tuple[tuple[int, float, float], ...]


def proxies(run: Run, axes: Sequence[Axis], quality: Axis | None) -> tuple[Proxy, ...]:
    """The best ranking first. Of fully evaluated candidates alone: `ok`."""
    if quality is None:
        return ()
    found: list[Proxy] = []
    final = f"{EARLY}{run.spec.trainer.steps}"
    for axis in axes:
        if axis.label in (quality.label, final) or _same(axis, quality):
            continue
        early = axis.label.startswith(EARLY)
        kind = "static" if axis.static else "early" if early else "trained"
        points = [
            (entry.id, entry.measure(axis.label), entry.measure(quality.label))
            for entry in run.evaluated
        ]
        found.extend(_proxy(axis.label, axis, kind, points, quality))
    early = any(proxy.kind == "early" for proxy in found)
    for rung, outcomes in () if early else run.rungs.items():
        points = [
            (
                entry.id,
                outcomes[entry.id].measures.get(quality.label),
                entry.measure(quality.label),
            )
            for entry in run.evaluated
            if entry.id in outcomes and rung < (entry.rung or 0)
        ]
        share = _share(run, rung)
        name = f"{quality.label} at rung {rung}{share}"
        found.extend(_proxy(name, quality, "early", points, quality))
    return tuple(sorted(found, key=lambda proxy: (-proxy.spearman, proxy.name)))


def _same(axis: Axis, quality: Axis) -> bool:
    """Loss, perplexity and bits per byte rank alike by definition."""
    return {axis.label, quality.label} <= {"loss", "perplexity", "bits_per_byte"}


def _share(run: Run, rung: int) -> str:
    rungs = run.spec.trainer.rungs
    return f" ({rungs[rung]:.0%} of the steps)" if rung < len(rungs) else ""


def _proxy(
    name: str,
    axis: Axis,
    kind: str,
    points: Sequence[tuple[int, float | None, float | None]],
    quality: Axis,
) -> list[Proxy]:
    known = [(i, x, y) for i, x, y in points if x is not None and y is not None]
    cheap = [axis.cost(x) for _, x, _ in known]
    final = [quality.cost(y) for _, _, y in known]
    if len(known) < FEWEST or len({*cheap}) < 2 or len({*final}) < 2:
        return []
    spearman = float(stats.spearmanr(cheap, final).statistic)
    kendall = stats.kendalltau(cheap, final)
    low, high = interval(spearman, len(known))
    return [
        Proxy(
            name,
            axis.unit,
            kind,
            len(known),
            spearman,
            low,
            high,
            float(kendall.statistic),
            float(kendall.pvalue),
            tuple(known),
        )
    ]


def interval(rho: float, count: int) -> tuple[float, float]:
    """95 % of Spearman's rho of `count` pairs; count > 3."""
    if abs(rho) >= 1:
        return rho, rho
    spread = SURE * sqrt((1 + rho * rho / 2) / (count - 3))
    return tanh(atanh(rho) - spread), tanh(atanh(rho) + spread)
