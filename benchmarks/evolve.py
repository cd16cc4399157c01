"""What a search finds that random search does not, from real text on two cores.

    python -m benchmarks.evolve                      # `make demo-evolve`: one seed
    python -m benchmarks.evolve --seeds 3 --minutes 0
    python -m benchmarks.evolve --seeds 3 --minutes 0 --search benchmarks/shallow.star

For each seed: the search of examples/search/tiny.star, then random search with the same
first population and as many evaluations. Hypervolumes are pymoo's, up to 1.1 times the
nadir, where ideal and nadir are those of the first population. `hypervolume` is on the
scales of the measures, as in the view of a run: bits linear, cache logarithmic.
`hypervolume_linear` has both linear: there, every small cache is nothing beside that of
the first population's attention. Everything stays in build/evolve, where --resume goes
on. What was measured goes to benchmarks/results/evolve.json.
"""

import argparse
import json
import math
import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Scored, front, hypervolume, placed, score
from starc.evolve.storage.database import FILE, Database
from starc.evolve.storage.rows import Generation, Row
from starc.evolve.views.live import View
from starc.evolve.workers.local import Local
from starc.folders import Folder

ROOT = Path(__file__).parent.parent
SEARCH = ROOT / "examples" / "search" / "tiny.star"
RESULTS = ROOT / "benchmarks" / "results" / "evolve.json"
PROCESSES = 2

SCALES = {"hypervolume": "log cache", "hypervolume_linear": "linear cache"}
Parser = argparse.ArgumentParser

GOAL_RATIO, GOAL_STRIPED, GOAL_TRANSFORMER = 1.15, 0.63, 0.10


def arguments(
    what: str | None,
    folder: str,
    search: str = "",
    trainers: Sequence[str] = ("real", "simulated"),
) -> Parser:
    """What every benchmark of a search takes; its run goes to build/`folder`."""
    parser = Parser(description=what)
    of = ROOT / "benchmarks" / search if search else SEARCH
    parser.add_argument("--search", type=Path, default=of)
    parser.add_argument("--steps", type=int, default=0, help="0: those of the file")
    parser.add_argument("--population", type=int, default=0)
    parser.add_argument("--generations", type=int, default=0)
    parser.add_argument("--data", default="")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / folder)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--trainer", default="real", choices=trainers)
    return parser


def spec(given: argparse.Namespace) -> Spec:
    problems = Problems()
    found = read(given.search.read_text(), problems)
    problems.check()
    assert found is not None
    trainer = replace(found.trainer, kind=given.trainer)
    if given.steps:
        trainer = replace(trainer, steps=given.steps)
    return replace(
        found,
        trainer=trainer,
        population=given.population or found.population,
        generations=given.generations or found.generations,
        data=given.data,
    )


class Found(NamedTuple):
    """Of a run: its candidates and generations, and seconds by the clock."""

    rows: list[Row]
    generations: list[Generation]
    seconds: float


def run(wanted: Spec, folder: Path, resume: bool) -> Found:
    """A new run, or one that goes on, to its end."""

    def team(spec: Spec, candidates: Folder) -> Local:
        return Local(spec, candidates, PROCESSES, 1)

    with View(Console(stderr=True, highlight=False)) as view:
        if resume and (folder / FILE).exists():
            end = coordinator.resume(folder, team, view)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            end = coordinator.begin(wanted, folder, team, view)
    if end.state == "interrupted":
        raise SystemExit(130)
    database = Database.open(folder)
    try:
        elapsed = database.seconds("elapsed")
        return Found(database.candidates(), database.generations(), elapsed)
    finally:
        database.close()


def scored(rows: list[Row], wanted: Spec) -> list[Scored]:
    return [
        score(row.id, row.rung or 0, row.outcome, wanted)
        for row in rows
        if row.outcome is not None
    ]


def of_seed(seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Both searches and what they found."""
    wanted = replace(spec(given), seed=seed, minutes=given.minutes / 2)
    folder = given.folder / str(seed)
    search = run(wanted, folder / "search", given.resume)
    rows = search.rows
    measured = sum(row.outcome is not None for row in rows)
    print(f"random search, {measured} evaluations", flush=True)
    blind = replace(
        wanted, algorithm="random", generations=0, minutes=0.0, evaluations=measured
    )
    random = run(blind, folder / "random", given.resume)
    others = random.rows
    best, of_random = front(scored(rows, wanted)), front(scored(others, blind))
    begun = scored([row for row in rows if row.generation == 0], wanted)
    first = [one.values for one in begun if one.tier == 0]  # the same in both runs
    fronts = [[one.values for one in found] for found in (best, of_random)]
    linear = _compared(fronts[0], fronts[1], first)
    one, other, begin = (
        [placed(values, wanted) for values in found] for found in (*fronts, first)
    )
    on_scales = _compared(one, other, begin)
    return {
        "seed": seed,
        "evaluations": [measured, sum(row.outcome is not None for row in others)],
        "hypervolume": on_scales,
        "hypervolume_linear": linear,
        "matched_after": _matched(search, on_scales["random"] or 0.0),
        "front": [_member(row, wanted) for row in rows if _among(row, best)],
        "random_front": [
            _member(row, wanted) for row in others if _among(row, of_random)
        ],
        "baselines": {
            row.origin.removeprefix("seed:"): _member(row, wanted)
            for row in rows
            if row.origin.startswith("seed:")
        },
        "failed": sum(
            row.outcome is None or row.outcome.status != "ok" for row in rows
        ),
        "seconds": round(search.seconds + random.seconds, 1),
    }


def _matched(search: Found, volume: float) -> int | None:
    """Evaluations until the search had the hypervolume that random search ends with."""
    done = 0
    for generation in search.generations:
        born = [row for row in search.rows if row.generation == generation.number]
        done += sum(row.outcome is not None for row in born)
        if generation.hypervolume >= volume:
            return done
    return None


Points = Sequence[tuple[float, ...]]


def _compared(search: Points, blind: Points, first: Points) -> dict[str, float | None]:
    """Hypervolumes of both fronts; ideal and nadir are those of `first`."""
    columns = list(zip(*first, strict=True))
    ideal, nadir = [min(c) for c in columns], [max(c) for c in columns]
    one, other = (hypervolume(found, ideal, nadir) for found in (search, blind))
    return {"search": one, "random": other, "ratio": one / other if other else None}


def _among(row: Row, found: list[Scored]) -> bool:
    return row.id in {one.id for one in found}


def _member(row: Row, wanted: Spec) -> dict[str, Any]:
    measures = row.outcome.measures if row.outcome else {}
    return {
        "id": row.id,
        "bits_per_byte": measures.get("bits_per_byte"),
        "cache": measures.get("cache"),
        "params": measures.get("params"),
        "genome": "-".join("".join(map(str, genes)) for genes in row.candidate.genome),
    }


def reaches(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Members of the front with little cache and no worse bits than both baselines."""
    striped = found["baselines"].get("striped_hybrid", {})
    transformer = found["baselines"].get("transformer_pp", {})
    if not striped.get("bits_per_byte") or not transformer.get("bits_per_byte"):
        return []
    limit = min(
        GOAL_STRIPED * striped["cache"], GOAL_TRANSFORMER * transformer["cache"]
    )
    bits = min(striped["bits_per_byte"], transformer["bits_per_byte"])
    return [
        one
        for one in found["front"]
        if one["cache"] <= limit and one["bits_per_byte"] <= bits
    ]


def table(found: dict[str, Any]) -> str:
    """The front beside the architectures that people designed."""
    named = found["baselines"]
    lines = [f"{'':24}{'bits/byte':>10}{'cache':>12}{'params':>10}"]
    lines[0] += f"{'of striped':>12}{'of transf.':>12}"
    listed = [*named.items(), *((f"front: {m['id']}", m) for m in found["front"])]
    for name, one in listed:
        if one["bits_per_byte"] is None:
            lines.append(f"{name:24}{'failed':>10}")
            continue
        line = f"{name:24}{one['bits_per_byte']:>10.4f}{one['cache']:>12,.0f}"
        line += f"{one['params']:>10,.0f}"
        for other in ("striped_hybrid", "transformer_pp"):
            cache = named.get(other, {}).get("cache")
            line += f"{one['cache'] / cache:>11.1%} " if cache else f"{'-':>12}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def say(found: dict[str, Any]) -> None:
    print(f"\nseed {found['seed']}, {found['evaluations']} evaluations")
    print(table(found))
    for key, scale in SCALES.items():
        volumes = found[key]
        print(
            f"hypervolume, {scale}: search {volumes['search']:.4f}, random "
            f"{volumes['random']:.4f}, ratio {volumes['ratio'] or math.nan:.3f}"
        )
    if matched := found["matched_after"]:
        print(f"the search had what random search ends with after {matched}")
    good = reaches(found)
    goal = "at most 63 % of striped's and 10 % of Transformer's cache, no worse bits"
    print(f"{goal}: {', '.join(str(m['id']) for m in good) or 'none'}", flush=True)


def median_ratio(found: list[dict[str, Any]], key: str) -> float:
    ratios = [one[key]["ratio"] for one in found if one[key]["ratio"] is not None]
    return statistics.median(ratios) if ratios else math.nan


def _name(given: argparse.Namespace) -> str:
    if given.search != SEARCH:
        return str(given.search.stem)
    return "demo" if given.seeds == 1 else "long"


def main() -> None:
    parser = arguments(__doc__, "evolve")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=9.5, help="for both searches; 0: no limit"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    found = []
    for seed in range(given.seeds):
        found.append(of_seed(seed, given))
        say(found[-1])
    medians = {key: median_ratio(found, key) for key in SCALES}
    for key, scale in SCALES.items():
        print(
            f"median ratio of {len(found)} seeds, {scale}: {medians[key]:.3f}", end=""
        )
        print(f" (goal {GOAL_RATIO})" if key == "hypervolume" else "")
    if given.trainer != "real":
        print("simulated training: nothing is written to benchmarks/results")
        return
    wanted = spec(given)
    whole = {
        "date": date.today().isoformat(),
        "cores": PROCESSES,
        "load_before": round(load, 1),
        "minutes": round(sum(one["seconds"] for one in found) / 60, 1),
        "recipe": {
            "livs": list(wanted.depth),
            "steps": wanted.trainer.steps,
            "batch": wanted.trainer.batch,
            "context": wanted.trainer.context,
            "population": wanted.population,
            "generations": wanted.generations,
        },
        "median_ratio": medians["hypervolume"],
        "median_ratio_linear": medians["hypervolume_linear"],
        "seeds": found,
    }
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept[_name(given)] = whole
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
    print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
