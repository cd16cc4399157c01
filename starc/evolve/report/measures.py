"""The axes of a run: its objectives and whatever else was measured, with units."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from starc.evolve.evaluation.repeats import AGAIN
from starc.evolve.problem.objectives import LINEAR, Scale, find
from starc.evolve.report.read import Run
from starc.evolve.storage.rows import Row

QUALITIES = ("bits_per_byte", "perplexity", "loss", "mad")
"""Of measures that training gives, those that say how good a model is; first wins."""


@dataclass(frozen=True)
class Axis:
    """`direction`: "min" or "max" is better. `static`: known without training."""

    label: str
    unit: str
    direction: str
    static: bool
    objective: bool
    meaning: str = ""
    scale: Scale = LINEAR

    def cost(self, value: float) -> float:
        """Smaller is better."""
        return value if self.direction == "min" else -value


def axes(run: Run) -> tuple[Axis, ...]:
    """Objectives first, in their order, then every other measure by name."""
    given = {o.label: o.direction for o in run.spec.objectives}
    labels = dict.fromkeys(given)
    found = {label for e in run.entries if e.outcome for label in e.outcome.measures}
    labels.update(dict.fromkeys(sorted(found - _repeated(run, found, given))))
    return tuple(_axis(label, given.get(label)) for label in labels)


ALIKE = {"loss", "perplexity", "bits_per_byte"}
"""One number in three units."""


def _repeated(run: Run, found: set[str], given: Collection[str]) -> set[str]:
    """Measures that say once more what another one says already."""
    repeated = {label for label in found if label.endswith(AGAIN)}
    repeated |= {f"loss_at_{run.spec.trainer.steps}"}
    kept = ALIKE & {*given} or {name for name in QUALITIES if name in found & ALIKE}
    return repeated | (
        ALIKE - kept if ALIKE & {*given} else ALIKE - {*sorted(kept)[:1]}
    )


def _axis(label: str, direction: str | None) -> Axis:
    measure = find(label.partition("(")[0].strip())
    if measure is None:
        return Axis(label, "", direction or "min", False, direction is not None)
    better = direction or measure.direction
    return Axis(
        label,
        measure.unit,
        better,
        measure.static,
        direction is not None,
        measure.meaning,
        measure.scale,
    )


def quality(found: Sequence[Axis]) -> Axis | None:
    """What the search was after that only training tells; None: nothing was trained."""
    trained = [a for a in found if a.objective and not a.static and _says_quality(a)]
    if trained:
        return trained[0]
    named = [a for name in QUALITIES for a in found if a.label.split("(")[0] == name]
    return next(iter(named), None)


def _says_quality(axis: Axis) -> bool:
    return axis.label.split("(")[0] in QUALITIES or ":" in axis.label


def costs(entry: Row, objectives: Sequence[Axis]) -> list[float] | None:
    """All objectives of a candidate, smaller is better; None if one is missing."""
    values = [entry.measure(axis.label) for axis in objectives]
    if any(value is None for value in values):
        return None
    return [a.cost(v) for a, v in zip(objectives, values, strict=True) if v is not None]


def written(value: float | None, unit: str = "") -> str:
    """Four digits that count, thousands with a prefix where the unit takes one."""
    if value is None:
        return "–"
    size = abs(value)
    if unit in PREFIXED and size >= 1000:
        for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
            if size >= factor:
                return f"{value / factor:.4g} {prefix}{_short(unit)}".rstrip()
    if unit == "seconds" and 0 < size < 1:
        return f"{value * 1e3:.4g} ms" if size >= 1e-3 else f"{value * 1e6:.4g} µs"
    number = f"{value:,.0f}" if size >= 1e4 else f"{value:.4g}"
    return f"{number} {_short(unit)}".rstrip()


PREFIXED = ("bytes", "parameters", "FLOPs a token", "tokens a second", "FLOPs")


def _short(unit: str) -> str:
    return SHORT.get(unit, unit)


SHORT = {
    "bytes": "B",
    "parameters": "",
    "seconds": "s",
    "FLOPs a token": "FLOPs/token",
    "tokens a second": "tokens/s",
    "bits a byte": "bits/byte",
    "nats a token": "nats/token",
    "share of right answers": "",
}
