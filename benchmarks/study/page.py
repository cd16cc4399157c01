"""docs/study.md, written from the numbers alone."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.study.claims import share, side

Numbers = dict[str, Any]

NAMES = {
    "transformer_pp": "Transformer++",
    "striped_mamba": "StripedMamba",
    "lfm2_like": "LFM2-like",
    "mamba2_hybrid": "Mamba-2 hybrid",
}
WORDS = {
    "holds": "holds here",
    "fails": "does not hold here",
    "open": "not decided",
    "not run": "not run yet",
}
HEAD = """\
# A study: what the search finds, claim by claim

Written by `python -m benchmarks.study`; its numbers are in `benchmarks/results/`, and
every training is a line below `benchmarks/results/study/`. The same command goes on
where it stopped, `--minutes 9` in pieces, and `--report` writes this page anew.
"""


def text(found: Numbers) -> str:
    return "\n".join([HEAD, *_lines(found)]).rstrip() + "\n"


def _lines(found: Numbers) -> Iterable[str]:
    yield from _claims(found)
    yield from _state(found)
    yield from _recipe(found["size"])
    yield from _models(found)
    yield from _against(found)
    yield from _ahead(found)
    yield from _ranks(found)
    yield from _doubled(found)
    yield from _motifs(found)


def prose(text: str, bullet: bool = False) -> str:
    """In lines as the other pages have them."""
    begin, then = ("- ", "  ") if bullet else ("", "")
    words = " ".join(text.split())
    return textwrap.fill(
        words,
        90,
        initial_indent=begin,
        subsequent_indent=then,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _recipe(size: Numbers) -> Iterable[str]:
    yield "\n## What was done\n"
    tokens, times = size["batch"] * size["window"], size["long"] // size["steps"]
    for one in (
        f"""**Searches**: {size["searches"]}, each with a seed of its own and no designs
        of people in its first population: {size["depth"]} LIVs of width
        {size["width"]}, {size["population"]} candidates in {size["generations"]}
        generations, with a surrogate, for bits per byte, cache and parameters (without
        embeddings, as on all of this page), and with no more parameters than
        Transformer++ of that width and depth. A candidate sees {size["steps"]} steps of
        {tokens} bytes at a learning rate of {size["rate"]:g}.""",
        f"""**Text**: the source of Python's own library; bits are of held-out text.
        Caches are of {size["context"]:,} tokens at 2 bytes a number.""",
        """**Baselines** have as many parameters as Transformer++: the hidden width of
        their SwiGLUs makes up for the rest.""",
        """**Finalists**: of each search the candidate with the fewest bits (*quality*),
        the same among those with at most 87 % of Transformer++'s parameters and 92 % of
        StripedMamba's (*size*), and among those with at most 10 % of Transformer++'s
        cache and 63 % of StripedMamba's (*cache*).""",
        f"""**Learning rates**: each finalist and baseline has its own, the best of a
        grid of factors of two that grows while the best is at its end;
        {size["choosing"]} steps with a seed that nothing else has. The same trainings
        choose among the finalists of the three searches, so that those of the
        confirmation choose nothing.""",
        f"""**Confirmation**: {size["long"]} steps, {times} times those of the search,
        with {size["seeds"]} seeds each. Intervals are 95 %, Student's t over seeds;
        differences are taken seed by seed.""",
    ):
        yield prose(one, bullet=True)


def _state(found: Numbers) -> Iterable[str]:
    size = found["size"]
    yield "\n## How far it is\n"
    lacking = size["searches"] - len(found["searches"])
    left = sum(of - done for done, of in found["done"].values())
    if lacking:
        yield prose(
            f"""**Of {size["searches"]} searches {lacking} are not finished, and what
            follows from all of them is not run.**"""
        )
    elif left:
        yield prose(
            f"""**{left} trainings are not done yet**, and as many as follow from them;
            rows that need them say so."""
        )
    else:
        yield "Everything is done."
    rows = []
    for one in found["searches"]:
        cells = (one["candidates"], one["trained"], one["too large"], one["failed"])
        best = "-" if one["best bits"] is None else f"{one['best bits']:.3f}"
        rows.append([one["seed"], *cells, best])
    if rows:
        head = "search", "candidates", "trained", "too large", "failed", "fewest bits"
        yield ""
        yield from table(head, rows)
    yield ""
    stages = [[stage, done, of] for stage, (done, of) in found["done"].items()]
    yield from table(("trainings", "done", "planned by now"), stages)
    yield ""
    yield prose(
        f"""All trainings but those of the searches took {found["seconds"] / 60:.0f}
        minutes by the clock, on one core and beside other work."""
    )


# Claims -------------------------------------------------------------------------------


def _claims(found: Numbers) -> Iterable[str]:
    yield "\n## The claims\n"
    rows = []
    for claim, goal, answer in (
        (
            "quality: synthesised ahead of hybrids",
            "best of three beats every baseline by more than the interval",
            _quality(found),
        ),
        (
            "quality and size: 13 % fewer parameters",
            "at least 13 % fewer than Transformer++ and 8 % fewer than the hybrid at "
            "no worse bits per byte",
            _smaller(found, "size"),
        ),
        (
            "quality and cache: -37 % and -90 %",
            "at most 63 % of the hybrid's, 10 % of the Transformer's at no worse bits "
            "per byte, after the long training",
            _smaller(found, "cache"),
        ),
        (
            "over 90 % of candidates ahead",
            "share ahead of each baseline in generation 3 and in the last",
            _shares(found),
        ),
        (
            "full width and depth is best; thin and deep transfers",
            "rank correlation between widths, depths, budgets; `scale` by stack and "
            "interleave compared at twice the size",
            _full(found),
        ),
        (
            "motifs: two differential short convolutions sharing a featurizer; early "
            "LIVs sharing features with later ones",
            "enrichment with intervals, in three independent searches",
            _enriched(found),
        ),
    ):
        rows.append([claim, goal, *answer])
    yield from table(("claim of the paper", "goal here", "", "found"), rows)


def _quality(found: Numbers) -> tuple[str, str]:
    told = found["quality"]
    if told["best"] is None:
        return WORDS["not run"], "-"
    return _verdict(told["verdict"]), _said(told["best"], told["against"])


def _smaller(found: Numbers, kind: str) -> tuple[str, str]:
    told = found["smaller"][kind]
    if told["best"] is None:
        return WORDS["not run"], "-"
    shares = ", ".join(
        f"{one['share']:.0%} of {NAMES[name]}'s"
        for name, one in told["against"].items()
    )
    bits = {name: one["bits"] for name, one in told["against"].items()}
    return _verdict(told["verdict"]), f"{shares}; {_said(told['best'], bits)}"


def _verdict(word: str) -> str:
    return f"**{WORDS[word]}**"


def _said(name: str, against: Numbers) -> str:
    parts = [f"{delta(one)} to {NAMES[other]}" for other, one in against.items()]
    return f"`{name}`: bits {', '.join(parts)}"


def _shares(found: Numbers) -> tuple[str, str]:
    told = found["ahead"]
    if not told["against"] or not found["searches"]:
        return WORDS["not run"], "-"
    parts, last = [], []
    for name, one in told["against"].items():
        early, late = (share(one["generations"][told[at]]) for at in ("early", "last"))
        last.append(late or 0.0)
        parts.append(f"{NAMES[name]} {percent(early)} and {percent(late)}")
    verdict = "holds" if min(last) > 0.9 else "fails"
    return _verdict(verdict), "; ".join(parts)


def _full(found: Numbers) -> tuple[str, str]:
    leads = found["ranks"].get("leads", [])
    if not any("difference" in one for one in leads):
        return WORDS["not run"], "-"
    parts, lows, highs = [], [], []
    for one in leads:
        what, target = one["other"]
        if "difference" not in one:
            parts.append(f"against {what}: not run yet")
            lows.append(-1.0)
            highs.append(1.0)
            continue
        ends = f"{one['low']:+.2f} to {one['high']:+.2f}"
        parts.append(f"rho {one['difference']:+.2f} ({ends}) against {what}")
        lows.append(one["low"])
        highs.append(one["high"])
    verdict = "holds" if min(lows) > 0 else "fails" if min(highs) < 0 else "open"
    return _verdict(verdict), "; ".join(parts)


def _enriched(found: Numbers) -> tuple[str, str]:
    if not found["searches"]:
        return WORDS["not run"], "-"
    parts, sides = [], []
    for one in found["motifs"][:2]:
        told = one["together"]
        parts.append(f"{one['name']}: odds ratio {ratio(told)}")
        sides.append(
            "holds" if told["low"] > 1 else "fails" if told["high"] < 1 else "open"
        )
    whole = len(found["searches"]) == found["size"]["searches"]
    for word in ("fails", "open"):
        if word in sides or not whole:
            return _verdict(word if word in sides else "open"), "; ".join(parts)
    return _verdict("holds"), "; ".join(parts)


# Tables -------------------------------------------------------------------------------


def _models(found: Numbers) -> Iterable[str]:
    rows = []
    for name, one in found["models"].items():
        rate = "-" if one["rate"] is None else f"{one['rate']:g}"
        chosen = "-" if one["chosen bits"] is None else f"{one['chosen bits']:.3f}"
        costs = f"{one['params_without_embeddings']:,.0f}", f"{one['cache']:,.0f}"
        shown = NAMES.get(name, f"`{name}`")
        bits = value(one["bits"]) if one["confirmed"] else "-"
        rows.append([shown, *costs, rate, chosen, bits])
    yield "\n## Finalists and baselines\n"
    if not found["searches"]:
        yield "There are no finalists yet.\n"
    steps = found["size"]["choosing"], found["size"]["long"]
    head = "model", "parameters", "cache", "learning rate"
    last = f"bits, {steps[0]} steps", f"bits, {steps[1]} steps, 95 %"
    yield from table((*head, *last), rows)
    if any(one["bits"] for one in found["models"].values()):
        yield picture(found, "confirmation", "bits per byte and cache, confirmed")


def _against(found: Numbers) -> Iterable[str]:
    """The size of each difference, and what would decide it."""
    lines = []
    pairs = [("quality", found["quality"]["best"], found["quality"]["against"])]
    for kind, told in found["smaller"].items():
        bits = {name: one["bits"] for name, one in told["against"].items()}
        pairs.append((kind, told["best"], bits))
    for _kind, best, against in pairs:
        for name, one in against.items():
            if best is None or one is None:
                continue
            words = {
                "less": "fewer bits",
                "more": "**more bits**",
                "both": "not decided",
                "unknown": "one seed",
            }
            lines.append(
                [f"`{best}`", NAMES[name], delta(one), words[side(one)], needed(one)]
            )
    if lines:
        yield ""
        yield prose(
            """Differences of bits per byte, seed by seed. *Would decide*: with so many
            seeds the interval would leave out 0, if mean and spread stayed as they
            are."""
        )
        yield ""
        head = "finalist", "against", "difference", "", "would decide"
        yield from table(head, lines)


def _ahead(found: Numbers) -> Iterable[str]:
    told = found["ahead"]
    if not told["against"] or not found["searches"]:
        return
    yield "\n## Who is ahead, by generation\n"
    yield prose(
        f"""Of the candidates that were born and trained in a generation, the share with
        fewer bits than a baseline that was trained as short ({found["size"]["steps"]}
        steps, at the best learning rate it has then; candidates have one for all). All
        searches together, and in brackets each."""
    )
    yield ""
    last = told["last"]
    head = ("ahead of", "its bits", *(str(number) for number in range(last + 1)))
    rows = []
    for name, one in told["against"].items():
        cells = [
            f"{percent(share(by))} ({', '.join(percent(share([x])) for x in by)})"
            for by in one["generations"]
        ]
        rows.append([NAMES[name], f"{one['bits']:.3f}", *cells])
    yield from table(head, rows)
    yield picture(found, "ahead", "share ahead of each baseline, by generation")


def _ranks(found: Numbers) -> Iterable[str]:
    told = found["ranks"]
    rows = []
    for one in told.get("rows", []):
        if "rho" in one:
            ends = f"{one['low']:.2f} to {one['high']:.2f}"
            cells = [f"{one['rho']:.2f}", ends, str(one["count"])]
        else:
            cells = ["not run yet", "", str(one["count"])]
        rows.append([one["cheap"], one["target"], *cells])
    if rows:
        size = found["size"]
        yield "\n## What a cheaper training says\n"
        yield prose(
            f"""Spearman's rho between the bits of one training and of another, over
            designs of all searches, evenly from the best to the worst. Where nothing
            else is said a training has {size["steps"]} steps and the seed of the
            search. *Half the depth* is the first half of a design; *stacked* it stands
            there twice and has {size["long"]} steps: the search for a motif that is
            stacked."""
        )
        yield ""
        yield from table(("ranks by", "as", "rho", "95 %", "designs"), rows)


def _doubled(found: Numbers) -> Iterable[str]:
    rows = []
    for one in found["doubled"]:
        cells = [value(one[way]) for way in ("stack", "interleave")]
        both = "interleave - stack", "stack - transformer_pp"
        rows.append([f"`{one['name']}`", *cells, *(delta(one[key]) for key in both)])
    if rows:
        size = found["size"]
        yield "\n## At twice the depth\n"
        yield prose(
            f"""`starc scale --depth {2 * size["depth"]}`, {size["doubled"]} steps,
            {size["doubled_seeds"]} seeds, with the learning rates of above."""
        )
        yield ""
        head = "finalist", "stack", "interleave", "interleave - stack"
        yield from table((*head, "stack - Transformer++ stacked"), rows)


def _motifs(found: Numbers) -> Iterable[str]:
    if not found["searches"]:
        return
    yield "\n## Motifs\n"
    yield prose(
        """How many of those that survived a search have it, beside those trained of its
        first generation; and the odds ratio of all searches with its 95 % interval (a
        half is added to each count). Survivors descend from one another, so that the
        intervals are too narrow."""
    )
    yield ""
    seeds = [f"search {one['seed']}" for one in found["searches"]]
    rows = []
    for one in found["motifs"]:
        cells = [
            f"{x['last'][0]}/{x['last'][1]}, {x['first'][0]}/{x['first'][1]}"
            for x in one["searches"]
        ]
        rows.append([one["name"], *cells, ratio(one["together"])])
    yield from table(("motif", *seeds, "odds ratio of all"), rows)


def picture(found: Numbers, name: str, what: str) -> str:
    return f"\n![{what}](study/{found['size']['name']}-{name}.svg)"


# Words --------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def value(told: Numbers | None) -> str:
    if told is None:
        return "not run yet"
    if told["half"] is None:
        return f"{told['mean']:.4f} (1 seed)"
    return f"{told['mean']:.4f} ± {told['half']:.4f} ({told['count']})"


def delta(told: Numbers | None) -> str:
    if told is None:
        return "not run yet"
    half = "" if told["half"] is None else f" ± {told['half']:.4f}"
    return f"{told['mean']:+.4f}{half}"


def needed(told: Numbers) -> str:
    if side(told) in ("less", "more"):
        return "decided"
    count = told["needed"]
    return "more than 1,000 seeds" if count is None else f"about {count} seeds"


def percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.0%}"


def ratio(told: Numbers | None) -> str:
    if told is None:
        return "-"
    return f"{told['ratio']:.1f} ({told['low']:.1f} to {told['high']:.1f})"
