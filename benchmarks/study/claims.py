"""What the results say of each claim, as numbers; nothing here is trained."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from math import exp, log, sqrt
from statistics import stdev
from typing import Any

from scipy import stats

from benchmarks.study.plan import (
    AGAIN,
    HALF,
    LESS_CACHE,
    LESS_SIZE,
    STACKED,
    THIN,
    Plan,
    costs_of,
    whole,
)
from benchmarks.study.searches import Member, Search
from benchmarks.study.sizes import BASELINES, CACHE, QUALITY, SIZE
from benchmarks.study.trainings import Task
from starc.draw.picture import FEATURES, WEIGHTS
from starc.evolve.report import designs
from starc.evolve.report.designs import Design
from starc.evolve.report.enrichment import SURE, odds
from starc.evolve.report.proxies import FEWEST, interval
from starc.training.compare_table import LEVEL, estimate

EARLY = 3
"""The generation, from 0, in which the paper's candidates are ahead already."""

Numbers = dict[str, Any]


def found(plan: Plan, size: str) -> Numbers:
    """All that is known, as docs/study.md says it."""
    told = {
        "date": date.today().isoformat(),
        "starc": version("starc"),
        "size": asdict(plan.size) | {"name": size},
        "done": done(plan),
        "seconds": round(sum(one.seconds for one in plan.known.values())),
        "searches": [searched(plan, one) for one in plan.searches],
        "models": models(plan),
        "quality": quality(plan),
        "smaller": smaller(plan),
        "ahead": ahead(plan),
        "ranks": ranks(plan),
        "doubled": doubled(plan),
        "motifs": motifs(plan),
    }
    rounded: Numbers = _rounded(told)
    return rounded


def _rounded(value: Any) -> Any:
    """Numbers that are the same on any machine."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value


def done(plan: Plan) -> dict[str, list[int]]:
    """Stage -> trainings that are known, of those that are planned by now."""
    counted: dict[str, list[int]] = {}
    for task in {one.key: one for one in plan.tasks()}.values():
        counts = counted.setdefault(task.stage, [0, 0])
        counts[0] += task.key in plan.known
        counts[1] += 1
    return counted


def searched(plan: Plan, search: Search) -> Numbers:
    """Of one search: who was trained, and what its front has."""
    status = [one.status for one in search.members.values()]
    return {
        "seed": search.seed,
        "candidates": len(status),
        "trained": status.count("ok"),
        "too large": status.count("invalid"),
        "failed": status.count("failed"),
        "best bits": min((one[QUALITY] for one in search.trained), default=None),
    }


def models(plan: Plan) -> Numbers:
    """Contestants: costs, learning rate, and bits after each training."""
    rows = {}
    for name, text in plan.contestants.items():
        told = plan.chosen.get(name)
        rows[name] = {
            **costs_of(text),
            "text": text,
            "rate": None if told is None else told.rate,
            "chosen bits": None if told is None else told.bits,
            "confirmed": name in plan.confirmed,
            "bits": _estimate(list(_confirmed(plan, name).values())),
        }
    return rows


# Confirmation -------------------------------------------------------------------------


def _confirmed(plan: Plan, name: str) -> dict[int, float]:
    """Bits by seed, after the long training."""
    rate = plan.rates.get(name)
    if rate is None or name not in plan.confirmed:
        return {}
    tasks = [one for one in plan.confirmation() if one.name == name]
    return _bits(plan, tasks)


def _bits(plan: Plan, tasks: Sequence[Task]) -> dict[int, float]:
    known = ((task.seed, plan.known.get(task.key)) for task in tasks)
    return {s: one.bits for s, one in known if one is not None and one.bits is not None}


def _estimate(values: Sequence[float]) -> Numbers | None:
    told = estimate(values)
    return None if told is None else asdict(told)


def difference(one: dict[int, float], other: dict[int, float]) -> Numbers | None:
    """Of bits, seed by seed, with its 95 % interval; seeds that would decide it."""
    apart = [one[seed] - other[seed] for seed in one if seed in other]
    told = estimate(apart)
    if told is None:
        return None
    needed = seeds_needed(told.mean, stdev(apart)) if len(apart) > 1 else None
    return asdict(told) | {"needed": needed}


def seeds_needed(mean: float, spread: float, most: int = 1000) -> int | None:
    """Fewest seeds whose interval would leave 0 out, if all went on as it is."""
    for count in range(2, most + 1):
        quantile = float(stats.t.ppf((1 + LEVEL) / 2, count - 1))
        if quantile * spread / sqrt(count) < abs(mean):
            return count
    return None


def side(told: Numbers | None) -> str:
    """Where the interval of a difference of bits lies: less, more or both."""
    if told is None or told["half"] is None:
        return "unknown"
    low, high = told["mean"] - told["half"], told["mean"] + told["half"]
    return "less" if high < 0 else "more" if low > 0 else "both"


def quality(plan: Plan) -> Numbers:
    """The best of three against each baseline."""
    name = plan.best.get("quality")
    own = _confirmed(plan, name) if name else {}
    against = {other: difference(own, _confirmed(plan, other)) for other in BASELINES}
    return {"best": name, "against": against, "verdict": verdict(against.values())}


def verdict(differences: Any) -> str:
    """holds, fails or open: whether all lie below 0; any above it."""
    sides = [side(one) for one in differences]
    if "unknown" in sides:
        return "not run"
    if "more" in sides:
        return "fails"
    return "holds" if {*sides} == {"less"} else "open"


def smaller(plan: Plan) -> Numbers:
    """With fewer parameters, and with less cache: shares, and differences of bits."""
    rows = {}
    for kind, measure, asked in ("size", SIZE, LESS_SIZE), ("cache", CACHE, LESS_CACHE):
        name = plan.best.get(kind)
        own = _confirmed(plan, name) if name else {}
        against = {}
        for other, most in asked.items():
            mine = costs_of(plan.contestants[name])[measure] if name else None
            theirs = costs_of(plan.contestants[other])[measure]
            against[other] = {
                "share": mine and mine / theirs,
                "asked": most,
                "bits": difference(own, _confirmed(plan, other)),
            }
        told = [one["bits"] for one in against.values()]
        rows[kind] = {"best": name, "against": against, "verdict": verdict(told)}
    return rows


# Who is ahead -------------------------------------------------------------------------


def ahead(plan: Plan) -> Numbers:
    """Of the candidates that were trained in a generation: the share with fewer bits
    than a baseline that was trained as short, at the best learning rate it has then."""
    last = plan.size.generations - 1
    against: Numbers = {}
    for name in BASELINES:
        theirs = plan.short_bits(name)
        if theirs is None:
            continue
        by = [
            [_share(search.born(number), theirs) for search in plan.searches]
            for number in range(last + 1)
        ]
        against[name] = {"bits": theirs, "generations": by}
    return {"early": EARLY, "last": last, "against": against}


def _share(born: Sequence[Member], bits: float) -> list[int]:
    return [sum(one[QUALITY] < bits for one in born), len(born)]


# Ranks --------------------------------------------------------------------------------


def ranks(plan: Plan) -> Numbers:
    """How trainings that cost less rank the sample of designs, beside longer ones; and
    by how much full width and depth ranks better than half of it."""
    if not plan.whole:
        return {}
    short, long = whole(plan.size.steps), whole(plan.size.long)
    columns = {short: {name: one[QUALITY] for name, one in plan.sampled}}
    for what in (AGAIN, THIN, HALF, *plan.budgets, long, STACKED):
        keys = {n: plan.variant(what, n, one).key for n, one in plan.sampled}
        results = {n: plan.known[key] for n, key in keys.items() if key in plan.known}
        columns[what] = {n: r.bits for n, r in results.items() if r.bits is not None}
    cheap = short, AGAIN, THIN, HALF
    pairs = [(AGAIN, short)]
    pairs += [(one, target) for target in (*plan.budgets, long) for one in cheap]
    pairs += [(one, long) for one in plan.budgets]
    pairs += [(HALF, STACKED), (short, STACKED)]
    others = (THIN, long), (HALF, STACKED)
    return {
        "rows": [_rank(columns, *pair) for pair in pairs],
        "leads": [_lead(columns, (short, long), other) for other in others],
    }


Columns = dict[str, dict[str, float]]
"""Training -> design -> bits."""


def _rank(columns: Columns, cheap: str, target: str) -> Numbers:
    names, (xs, ys) = _common(columns, (cheap, target))
    row: Numbers = {"cheap": cheap, "target": target, "count": len(names)}
    if len(names) >= FEWEST:
        rho = float(stats.spearmanr(xs, ys).statistic)
        low, high = interval(rho, len(names))
        row |= {"rho": rho, "low": low, "high": high}
    return row


def _lead(columns: Columns, one: tuple[str, str], other: tuple[str, str]) -> Numbers:
    """rho of `one` minus that of `other`, over the same designs; the interval is a
    bootstrap's, of the designs."""
    import numpy as np

    names, found = _common(columns, (*one, *other))
    row: Numbers = {"other": other, "count": len(names)}
    if len(names) < FEWEST:
        return row
    drawn = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    values = np.array(found)
    ranked = stats.rankdata(values[:, drawn], axis=2)
    ranked = ranked - ranked.mean(2, keepdims=True)
    norm = np.sqrt((ranked**2).sum(2))
    rhos = [
        (ranked[a] * ranked[b]).sum(1) / np.maximum(norm[a] * norm[b], 1e-12)
        for a, b in ((0, 1), (2, 3))
    ]
    low, high = np.percentile(rhos[0] - rhos[1], (2.5, 97.5))
    whole_, part = (stats.spearmanr(*values[at : at + 2]).statistic for at in (0, 2))
    return row | {
        "difference": float(whole_ - part),
        "low": float(low),
        "high": float(high),
    }


def _common(
    columns: Columns, wanted: Sequence[str]
) -> tuple[list[str], list[list[float]]]:
    """Designs that all these trainings have, and the bits of each."""
    names = [n for n in columns[wanted[0]] if all(n in columns[w] for w in wanted)]
    return names, [[columns[what][name] for name in names] for what in wanted]


# Twice the size -----------------------------------------------------------------------


def doubled(plan: Plan) -> list[Numbers]:
    """Stack beside interleave, and beside Transformer++ stacked, with differences."""
    if len(plan.rates) < len(plan.contestants) or not plan.best:
        return []
    tasks: dict[str, list[Task]] = {}
    for task in plan.doubling():
        tasks.setdefault(task.name, []).append(task)
    bits = {name: _bits(plan, some) for name, some in tasks.items()}
    rows = []
    for name in dict.fromkeys(plan.best.values()):
        stacked, spread = (bits[f"{name}, {way}"] for way in ("stack", "interleave"))
        rows.append(
            {
                "name": name,
                "stack": _estimate([*stacked.values()]),
                "interleave": _estimate([*spread.values()]),
                "interleave - stack": difference(spread, stacked),
                "stack - transformer_pp": difference(
                    stacked, bits["transformer_pp, stack"]
                ),
            }
        )
    return rows


# Motifs -------------------------------------------------------------------------------


def differential_pair(design: Design) -> bool:
    """Two differential short convolutions, of which one has the other's weights."""
    return any(
        arc.kind == WEIGHTS
        and design.names[arc.source] == design.names[arc.target] == "GConv-1-Diff"
        for arc in design.arcs
    )


def early_features(design: Design) -> bool:
    """A LIV of the first half whose features one of the second half takes."""
    half = len(design.names) // 2
    return any(
        arc.kind == FEATURES and arc.source < half <= arc.target for arc in design.arcs
    )


def any_sharing(design: Design) -> bool:
    return bool(design.arcs)


MOTIFS: dict[str, Callable[[Design], bool]] = {
    "two GConv-1-Diff share a featurizer": differential_pair,
    "an early LIV lends features to a later one": early_features,
    "anything is shared": any_sharing,
    **{
        f"{name} is used": (lambda design, name=name: name in design.names)  # type: ignore[misc]
        for name in ("GConv-1", "SA-3", "Rec-1-Diff", "GMemless", "GConv-1-Diff")
    },
}
"""The paper's two motifs; what they are made of; the classes that it found favoured."""


def motifs(plan: Plan) -> list[Numbers]:
    """How often a motif is among those that survived a search, beside those trained of
    its first generation: odds ratios of each search, and of all together."""
    rows = []
    for name, has in MOTIFS.items():
        of = [_enriched(plan, search, has) for search in plan.searches]
        rows.append({"name": name, "searches": of, "together": _together(of)})
    return rows


def _enriched(plan: Plan, search: Search, has: Callable[[Design], bool]) -> Numbers:
    survived = {*search.populations[-1]}
    first, last = search.born(0), [one for one in search.trained if one.id in survived]
    a, b = (sum(has(_design(plan, one)) for one in some) for some in (last, first))
    told = odds(a, len(last), b, len(first))
    counts = {"last": [a, len(last)], "first": [b, len(first)]}
    return counts | {"ratio": told.ratio, "low": told.low, "high": told.high}


def _design(plan: Plan, one: Member) -> Design:
    told = designs.design(one.text(plan.size))
    assert told is not None
    return told


def _together(of: Sequence[Numbers]) -> Numbers | None:
    """By the weight of each log odds ratio; searches are taken as independent."""
    if not of:
        return None
    spreads = [(log(one["high"]) - log(one["low"])) / (2 * SURE) for one in of]
    weights = [1 / spread**2 for spread in spreads]
    mean = sum(w * log(one["ratio"]) for w, one in zip(weights, of, strict=True))
    mean, spread = mean / sum(weights), SURE / sqrt(sum(weights))
    ends = exp(mean), exp(mean - spread), exp(mean + spread)
    return dict(zip(("ratio", "low", "high"), ends, strict=True))


def share(counts: Sequence[Sequence[int]]) -> float | None:
    """Of all searches together; each is (some, of those)."""
    trained = sum(of for _, of in counts)
    return sum(some for some, _ in counts) / trained if trained else None
