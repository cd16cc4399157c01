"""What a comparison found: means with 95 % intervals (Student's t), as a table."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from starc.columns import aligned
from starc.training.compare import Entry, Result

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """mean +- half, with probability LEVEL; half is None for a single value."""

    mean: float
    half: float | None
    count: int


@dataclass(frozen=True)
class Line:
    """Of one model. difference: of the loss to the first model's, seed by seed: seeds
    have their data in common, so this is surer than the two losses are."""

    name: str
    seeds: int
    failed: tuple[str, ...]
    loss: Estimate | None
    bits_per_byte: Estimate | None
    difference: Estimate | None
    parameters: int | None
    cache: int | None
    tokens_per_second: float | None


def estimate(values: Sequence[float]) -> Estimate | None:
    """Of values that are independent and normal; None where there are none."""
    if not values:
        return None
    count = len(values)
    if count == 1:
        return Estimate(values[0], None, 1)
    from scipy.stats import t

    quantile = float(t.ppf((1 + LEVEL) / 2, count - 1))
    half = quantile * statistics.stdev(values) / math.sqrt(count)
    return Estimate(statistics.fmean(values), half, count)


def lines(entries: Sequence[Entry], results: Sequence[Result]) -> list[Line]:
    at = cache_context(entries)
    base = _losses(entries[0], results)
    first, *others = (_line(one, results, base, at) for one in entries)
    return [replace(first, difference=None), *others]


def cache_context(entries: Sequence[Entry]) -> int:
    """Tokens at which caches are compared: all models are made for so many."""
    return min(one.context for one in entries)


def _line(
    one: Entry, results: Sequence[Result], base: dict[int, float], at: int
) -> Line:
    mine = [result for result in results if result.name == one.name]
    done = [result for result in mine if result.status == "ok"]
    bits = [r.bits_per_byte for r in done if r.bits_per_byte is not None]
    own = _losses(one, results)
    apart = [own[seed] - base[seed] for seed in own if seed in base]
    speeds = [result.tokens / result.seconds for result in done if result.seconds]
    return Line(
        one.name,
        len(done),
        tuple(f"seed {r.seed}: {r.reason}" for r in mine if r.status != "ok"),
        estimate([result.loss for result in done]),
        estimate(bits),
        estimate(apart),
        mine[0].parameters if mine else None,
        one.cache(at),
        statistics.median(speeds) if speeds else None,
    )


def _losses(one: Entry, results: Sequence[Result]) -> dict[int, float]:
    return {r.seed: r.loss for r in results if r.name == one.name and r.status == "ok"}


def as_text(found: Sequence[Line], at: int) -> str:
    """A line a model, and below it who diverged."""
    head = ["model", "seeds", "loss", "bits/byte", "loss - first's", "parameters"]
    rows = [[*head, f"cache at {at:,}", "tokens/s"]]
    for one in found:
        rows.append(
            [
                one.name,
                str(one.seeds),
                _printed(one.loss),
                _printed(one.bits_per_byte),
                _printed(one.difference, "+"),
                "-" if one.parameters is None else f"{one.parameters:,}",
                "-" if one.cache is None else f"{one.cache:,} B",
                "-" if not one.tokens_per_second else f"{one.tokens_per_second:,.0f}",
            ]
        )
    text = "".join(f"{line}\n" for line in aligned(rows, 5))
    for one in found:
        text += "".join(f"{one.name}: {reason}\n" for reason in one.failed)
    return text + "+-: 95 % confidence, Student's t over seeds\n"


def as_json(found: Sequence[Line], results: Sequence[Result], at: int) -> str:
    """The same, and every single result."""
    whole = {
        "level": LEVEL,
        "cache_context": at,
        "models": [asdict(line) for line in found],
        "results": [_plain(result) for result in results],
    }
    return json.dumps(whole, indent=2) + "\n"


def _plain(result: Result) -> dict[str, object]:
    found = asdict(result)
    return {**found, "loss": found["loss"] if result.status == "ok" else None}


def _printed(value: Estimate | None, sign: str = "") -> str:
    if value is None:
        return "-"
    mean = f"{value.mean:{sign}.4f}"
    return mean if value.half is None else f"{mean} +- {value.half:.4f}"
