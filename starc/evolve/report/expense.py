"""What a search cost: seconds by what they went into, and FLOPs of training."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from starc.evolve.report.read import Run

PASSES = 3
"""Forward and backward of a training step, in forward passes."""

COORDINATOR = 0


def seconds(run: Run) -> list[dict[str, Any]]:
    """Of workers, by name of the timing: total, number, mean and share; most expensive
    first."""
    total: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for timing in run.timings:
        if timing.candidate != COORDINATOR:
            total[timing.name] += timing.seconds  # type: ignore[assignment]
            count[timing.name] += 1
    whole = sum(total.values()) or 1.0
    return [
        {
            "name": name,
            "seconds": float(spent),
            "count": count[name],
            "mean": spent / count[name],
            "share": spent / whole,
        }
        for name, spent in total.most_common()
    ]


@dataclass(frozen=True)
class Engine:
    """What proposing, recording and selecting took, and the run by the clock.

    Seconds; each: of a candidate. share: of the elapsed time.
    """

    seconds: float
    elapsed: float
    each: float
    share: float


def engine(run: Run) -> Engine | None:
    """None before the first generation is finished."""
    own = {"engine": 0.0, "elapsed": 0.0}
    for timing in run.timings:
        if timing.candidate == COORDINATOR and timing.name in own:
            own[timing.name] += timing.seconds
    measured = sum(entry.outcome is not None for entry in run.entries)
    if not own["elapsed"] or not measured:
        return None
    spent, elapsed = own["engine"], own["elapsed"]
    return Engine(spent, elapsed, spent / measured, spent / elapsed)


def by_generation(run: Run) -> dict[str, list[float]]:
    """Seconds spent on the candidates of each generation, by name of the timing."""
    numbers = sorted({entry.generation for entry in run.entries})
    place = {number: at for at, number in enumerate(numbers)}
    found: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(numbers))
    for timing in run.timings:
        entry = run.by_id.get(timing.candidate)
        if entry is not None:
            found[timing.name][place[entry.generation]] += timing.seconds
    return dict(found)


def training_flops(run: Run) -> tuple[float, float] | None:
    """FLOPs of all training, and what halving saved; None: flops were not measured.

    tokens x FLOPs a token x 3 for each candidate (a backward pass is two forward
    ones), times the share of the steps that it came to and the learning rates tried.
    """
    trainer = run.spec.trainer
    tokens = trainer.steps * trainer.batch * trainer.context
    spent = full = 0.0
    known = False
    for entry in run.entries:
        if entry.outcome is None or entry.status not in ("ok", "stopped"):
            continue
        flops = next(
            (
                value
                for label, value in entry.outcome.measures.items()
                if label.partition("(")[0] == "flops"
            ),
            None,
        )
        if flops is None:
            continue
        known = True
        whole = flops * tokens * PASSES * max(len(trainer.learning_rates), 1)
        last = min(entry.rung or 0, len(trainer.rungs) - 1)
        spent += whole * (trainer.rungs[last] if trainer.rungs else 1.0)
        full += whole
    return (spent, full - spent) if known else None
