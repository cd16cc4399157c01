"""What searching numbers and structure brings, one word at a time.

    python -m benchmarks.ablations [--seeds 10]

The space of benchmarks.search_peers with 12 LIVs, as it is and with one thing more to
search: parameters of its LIVs (`open`), where the norms stand (`placement`), the
scale of the residual (`residual_scale`), the number of LIVs under a bound of the
parameters, and the width with it; with children that take motifs of the population as
blocks; and with operators off: nothing shared, without repair, with the paper's
variation. Each has as many evaluations, on the simulated landscape, where classes,
sizes and caches matter.
Placement and scale change nothing but luck there: of these two it tells what a larger
space costs, and nothing of what it may bring.

Hypervolumes are as in benchmarks.search_peers, from ideal and nadir of the first
population of the plain space of that seed; ratios to the plain space are taken seed by
seed, medians with 95 % bootstrap intervals. Results: benchmarks/results/ablations.json.
"""

import argparse
import json
import statistics
from dataclasses import replace
from datetime import date
from typing import Any

from benchmarks import search_peers
from benchmarks.fronts import EVALUATIONS, SCALES, Reference, interval
from starc.diagnostics import Problems
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec

RESULTS = search_peers.ROOT / "benchmarks" / "results" / "ablations.json"
DEPTH = "depth = 12"
WORDS = {
    "plain": DEPTH,
    "open": f"{DEPTH}; open = [GConv-1(kernel = [2, 3, 4]), "
    "GMemless(expand = [2, 8/3, 4]), SA-3(kv_heads = [1, 2])]",
    "placement": f"{DEPTH}; placement = [pre, post, sandwich]",
    "residual_scale": f"{DEPTH}; residual_scale = [1/2, 1, 2]",
    "depth": "depth = [8, 16]; require params <= 320_000",
    "depth and width": "depth = [8, 16]; width = [48, 64, 96]; "
    "require params <= 320_000",
    "blocks": f"{DEPTH}; blocks = true",
    "labels = 0": f"{DEPTH}; labels = 0",
    "no repair": f"{DEPTH}; repair = false",
    "variation = paper": f"{DEPTH}; variation = paper",
}
"""What a row is called -> the words of its search block."""


def space(name: str, seed: int) -> Spec:
    goal, pool = search_peers.GOAL, search_peers.POOL
    text = f"search {{ {pool}; population = 12; {WORDS[name]}; {goal} }}"
    problems = Problems()
    found = read(f"{search_peers.TINY}; {text}", problems)
    problems.check()
    assert found is not None
    return replace(found, seed=seed, generations=0, evaluations=max(EVALUATIONS))


def volumes(name: str, seed: int, against: Reference) -> dict[str, list[float]]:
    return against.volumes(search_peers.searched(space(name, seed)))


def table(result: dict[str, Any]) -> list[str]:
    """The rows of docs/evolve.md."""
    rows = []
    for name, columns in result["ratios"].items():
        cells = [f"`{name}`"]
        for one in columns.values():
            low, high = one["interval"]
            cells.append(f"{one['median']:.2f} ({low:.2f} to {high:.2f})")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    seeds = range(given.seeds)
    against = [search_peers.reference(space("plain", seed)) for seed in seeds]
    found: dict[str, list[dict[str, list[float]]]] = {}
    for name in WORDS:
        found[name] = [volumes(name, seed, against[seed]) for seed in seeds]
        print(name, flush=True)
    ratios: dict[str, dict[str, Any]] = {}
    for name in WORDS:
        if name == "plain":
            continue
        ratios[name] = {}
        for scale in SCALES:
            for at, count in enumerate(EVALUATIONS):
                pairs = zip(found[name], found["plain"], strict=True)
                shares = [one[scale][at] / plain[scale][at] for one, plain in pairs]
                ratios[name][f"{scale}, {count}"] = {
                    "median": round(statistics.median(shares), 3),
                    "interval": interval(shares),
                }
    result = {
        "date": date.today().isoformat(),
        "seeds": given.seeds,
        "evaluations": EVALUATIONS,
        "words": WORDS,
        "ratios": ratios,
    }
    print("\n".join(table(result)))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
