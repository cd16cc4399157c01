"""What a search finds beside optimizers that anyone would pick instead.

    pip install 'starc[peers]'
    python -m benchmarks.search_peers                 # written to results
    python -m benchmarks.search_peers --seeds 2 --spaces tiny --methods starc
    python -m benchmarks.search_peers --spaces paper --resume         # in pieces

`starc evolve` with and without `surrogate = true`, also with `variation = paper`, and
random search with the sampling of that; NSGA-II and TPE (multivariate) of Optuna, and
NSGA-II of pymoo for mixed variables: as many evaluations each, in three spaces of the
simulated landscape (starc/evolve/evaluation/simulated.py) and in one of real
trainings, which are looked up (benchmarks/table.py). The peers have one categorical
variable a LIV, its class, and the same population; otherwise they are as they come.
What they ask for again costs them nothing, as it does in starc; one in 32 simulated
designs fails, for all. Nobody begins with designs that people made.

Hypervolumes reach up to 1.1 times the nadir. Ideal and nadir are those of the published
sampling's first population, for all methods of a seed. `log`: bits linear, cache
logarithmic, as the search takes distances; `linear`: both linear. Ratios are of one
seed; their median has a 95 % percentile bootstrap interval over the seeds. `matched` is
the share of the evaluations after which the search had what random search ends with;
`closed` the share of what random search leaves to the best front known: of all runs
together, of all methods and seeds, and of the whole table, where there is one.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Any

from benchmarks import table as trained
from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.evaluation import simulated, static
from starc.evolve.evaluation.failure import Ended, in_words
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.requirements import require
from starc.evolve.problem.architecture import surroundings
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import hypervolume, objectives, placed
from starc.evolve.storage.database import Database
from starc.evolve.workers.local import Inline

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "search_peers.json"
GOAL = "trainer = simulated; minimize bits_per_byte, cache"
TINY = "model tiny { width = 64; vocab = 256; context = 1024 }"
POOL = "pool = [SA-1, SA-3, Rec-1, GConv-1, GConv-1-Diff, GMemless]"
PAPER = "model paper { width = 768; vocab = 256; context = 4096 }"
SPACES = {
    "shallow": f"{TINY}; search {{ {POOL}; depth = 8; population = 12; {GOAL} }}",
    "tiny": f"{TINY}; search {{ {POOL}; depth = 12; population = 12; {GOAL} }}",
    "paper": f"{PAPER}; search {{ depth = 24; population = 16; {GOAL} }}",
    "table": trained.SEARCH,
}
"""8 and 12 LIVs of 6 classes; 24 LIVs of the paper's 17; 4 of 7, all trained."""

EVALUATIONS = (96, 288)
ASKS = 10
"""Designs that a peer may ask for, for each that is evaluated: most are repeated."""

Values = tuple[float, ...]
Curve = list[Values | None]
"""Of each evaluation, in order: the values of the objectives, None where it failed."""


def space(name: str, seed: int) -> Spec:
    problems = Problems()
    found = read(SPACES[name], problems)
    problems.check()
    assert found is not None
    told = replace(found.trainer, kind="simulated")  # nothing is trained here
    budget = max(EVALUATIONS)
    found = replace(found, generations=0, evaluations=budget, trainer=told)
    if name == "table":
        found = replace(found, pool=trained.complete(trained.load()))
    return replace(found, seed=seed)


def published(spec: Spec) -> Spec:
    """The same search with the paper's operators and rates."""
    return replace(spec, variation="paper", crossover=2, mutation=0.1)


def measures(candidate: Candidate, spec: Spec) -> dict[str, float]:
    """What a training would say, and what the text does. Raises Ended."""
    if spec.name == trained.spec().name:
        return trained.measures(candidate)
    costs = static.of(candidate, spec)
    require(spec, costs)
    return costs | simulated.measures(candidate, spec, costs, 0)


def valued(candidate: Candidate, spec: Spec) -> Values | None:
    """The objectives, all to be minimized; None where it fails."""
    try:
        return objectives(measures(candidate, spec), spec)
    except Ended:
        return None


class Told(Inline):
    """Workers that know: they answer with `measures`."""

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._waiting:
            task = self._waiting.popleft()
            try:
                found = Outcome("ok", "", measures(task.candidate, self.spec), {})
            except Ended as end:
                found = Outcome(end.status, in_words(end), {}, {})
            yield task.number, found


# Methods ------------------------------------------------------------------------------


def searched(spec: Spec) -> Curve:
    """`starc evolve` itself, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if coordinator.begin(spec, Path(folder), Told).state == "interrupted":
            raise SystemExit(130)
        database = Database.open(Path(folder))
        try:
            rows = database.candidates()
        finally:
            database.close()
    return [
        objectives(row.outcome.measures, spec) if row.outcome.status == "ok" else None
        for row in rows
        if row.outcome is not None
    ]


@dataclass
class Landscape:
    """What peers ask: the classes of all LIVs -> values. Counts each design once."""

    spec: Spec
    curve: Curve = field(default_factory=list)
    known: dict[tuple[int, ...], Values | None] = field(default_factory=dict)

    def __call__(self, codes: tuple[int, ...]) -> Values | None:
        if codes not in self.known:
            candidate = Candidate(tuple((code, 1, 1, 1, 1) for code in codes))
            self.known[codes] = valued(candidate, self.spec)
            self.curve.append(self.known[codes])
        return self.known[codes]

    @property
    def done(self) -> bool:
        return len(self.curve) >= self.spec.evaluations


def optuna_peer(spec: Spec, sampler: Any) -> Curve:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        directions=["minimize"] * len(spec.objectives), sampler=sampler
    )
    pool, landscape = surroundings(spec).pool, Landscape(spec)
    for _ in range(ASKS * spec.evaluations):
        if landscape.done:
            break
        trial = study.ask()
        values = landscape(
            tuple(
                trial.suggest_categorical(str(position), pool)
                for position in range(spec.depth[1])
            )
        )
        if values is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, values)
    return landscape.curve


def optuna_nsga2(spec: Spec) -> Curve:
    from optuna.samplers import NSGAIISampler

    sampler = NSGAIISampler(population_size=spec.population, seed=spec.seed)
    return optuna_peer(spec, sampler)


def optuna_tpe(spec: Spec) -> Curve:
    from optuna.samplers import TPESampler

    return optuna_peer(spec, TPESampler(multivariate=True, seed=spec.seed))


def pymoo_nsga2(spec: Spec) -> Curve:
    import numpy as np
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mixed import (
        MixedVariableDuplicateElimination,
        MixedVariableMating,
        MixedVariableSampling,
    )
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.core.variable import Choice

    pool, landscape = surroundings(spec).pool, Landscape(spec)
    depth, goals = spec.depth[1], len(spec.objectives)

    class Classes(ElementwiseProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            names = {str(position): Choice(options=pool) for position in range(depth)}
            super().__init__(vars=names, n_obj=goals)

        def _evaluate(self, asked: dict[str, int], out: dict[str, Any]) -> None:
            codes = tuple(int(asked[str(position)]) for position in range(depth))
            values = None if landscape.done else landscape(codes)
            out["F"] = np.array(values or (1e30,) * goals)  # it knows of no failure

    unlike = MixedVariableDuplicateElimination()
    algorithm = NSGA2(
        pop_size=spec.population,
        sampling=MixedVariableSampling(),
        mating=MixedVariableMating(eliminate_duplicates=unlike),
        eliminate_duplicates=unlike,
    )
    algorithm.setup(
        Classes(), termination=("n_eval", ASKS * spec.evaluations), seed=spec.seed
    )
    while algorithm.has_next() and not landscape.done:
        algorithm.next()
    return landscape.curve


METHODS: dict[str, Callable[[Spec], Curve]] = {
    "starc surrogate": lambda spec: searched(replace(spec, surrogate=True)),
    "starc": searched,
    "starc paper": lambda spec: searched(published(spec)),
    "random search": lambda spec: searched(
        replace(published(spec), algorithm="random")
    ),
    "optuna nsga2": optuna_nsga2,
    "optuna tpe": optuna_tpe,
    "pymoo nsga2": pymoo_nsga2,
}
OURS = ("starc surrogate", "starc")
PEERS = ("optuna nsga2", "optuna tpe", "pymoo nsga2")


# Comparing ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """Ideal and nadir of a first population."""

    spec: Spec
    first: Sequence[Values]

    def volumes(self, curve: Curve) -> dict[str, list[float]]:
        """By scale: the hypervolume after each number of evaluations."""
        return {
            scale: [self.volume(curve[:count], scale) for count in EVALUATIONS]
            for scale in SCALES
        }

    def most(self, best: Sequence[Values]) -> dict[str, list[float]]:
        """The same of a front that is there from the first evaluation on."""
        return {
            scale: [self.volume(best, scale)] * len(EVALUATIONS) for scale in SCALES
        }

    def volume(self, points: Sequence[Values | None], scale: str) -> float:
        first = [self._at(one, scale) for one in self.first]
        columns = list(zip(*first, strict=True))
        ends = [min(c) for c in columns], [max(c) for c in columns]
        return hypervolume([self._at(one, scale) for one in points if one], *ends)

    def matched(self, curve: Curve, volume: float, scale: str, count: int) -> float:
        """Share of `count` evaluations after which so much was found; inf: never."""
        for at in range(1, count + 1):
            if self.volume(curve[:at], scale) >= volume:
                return at / count
        return inf

    def _at(self, values: Values, scale: str) -> Values:
        return placed(values, self.spec) if scale == "log" else values


SCALES = ("log", "linear")


def reference(spec: Spec) -> Reference:
    first = replace(published(spec), evaluations=spec.population)
    return Reference(spec, [one for one in searched(first) if one])


def interval(ratios: Sequence[float]) -> list[float]:
    """95 % percentile bootstrap interval of the median, the same each time."""
    import numpy as np

    random = np.random.default_rng(0)
    drawn = random.choice(ratios, size=(10_000, len(ratios)))
    ends = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return [round(float(end), 3) for end in ends]


def ratios(
    volumes: dict[str, list[dict[str, list[float]]]], one: str
) -> dict[str, dict[str, Any]]:
    """Of `one` to each other method, and to the best peer: by scale and evaluations.

    The best peer is the one with the greatest median: no choice seed by seed.
    """
    found: dict[str, dict[str, Any]] = {}
    for scale in SCALES:
        for at, count in enumerate(EVALUATIONS):
            column = {
                method: [seed[scale][at] for seed in seeds]
                for method, seeds in volumes.items()
            }
            line: dict[str, Any] = {}
            for method, theirs in column.items():
                if method != one:
                    pairs = zip(column[one], theirs, strict=True)
                    shares = [mine / other for mine, other in pairs if other]
                    line[method] = {
                        "median": round(statistics.median(shares), 3),
                        "interval": interval(shares),
                    }
            peers = [method for method in PEERS if method in column]
            if peers:
                best = max(peers, key=lambda m: statistics.median(column[m]))
                line["best peer"] = {"is": best, **line[best]}
            found[f"{scale}, {count}"] = line
    return found


def progress(
    one: str,
    curves: dict[str, list[Curve]],
    against: Sequence[Reference],
    best: Sequence[Values],
) -> dict[str, dict[str, float]]:
    """Of `one` beside random search, medians over the seeds: see the docstring."""
    found = {}
    for scale in SCALES:
        for count in EVALUATIONS:
            matched, closed = [], []
            pairs = zip(curves[one], curves["random search"], against, strict=True)
            for mine, theirs, reference in pairs:
                has, random, most = (
                    reference.volume(curve, scale)
                    for curve in (mine[:count], theirs[:count], best)
                )
                matched.append(reference.matched(mine, random, scale, count))
                closed.append((has - random) / (most - random))
            found[f"{scale}, {count}"] = {
                "matched": round(statistics.median(matched), 3),
                "closed": round(statistics.median(closed), 3),
            }
    return found


def best_known(name: str, curves: dict[str, list[Curve]]) -> list[Values]:
    """The front of all that anyone found in a space, of the table of all there is."""
    found = {point for seeds in curves.values() for curve in seeds for point in curve}
    if name == "table":
        spec = space(name, 0)
        found |= {valued(one, spec) for one in trained.space(spec.pool)}
    points = sorted(point for point in found if point)
    return [points[at] for at in _undominated(points)]


def _undominated(points: Sequence[Values]) -> list[int]:
    import numpy as np
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    sort = NonDominatedSorting().do
    return [int(at) for at in sort(np.array(points), only_non_dominated_front=True)]


LIVS = {
    "shallow": "8 LIVs, 6 classes",
    "tiny": "12 LIVs, 6 classes",
    "paper": "24 LIVs, 17 classes",
    "table": "table: 4 LIVs, 7 classes",
}
BEST = "best known"
SHOWN = ("best peer", *PEERS, "random search", "starc")


def table(result: dict[str, Any]) -> list[str]:
    """The rows of docs/evolve.md, of the search with its surrogate."""
    rows = []
    for name, found in result["spaces"].items():
        for column, line in found["ratios"]["starc surrogate"].items():
            scale, count = column.split(", ")
            moved = found["beside random search"]["starc surrogate"][column]
            cells = [LIVS[name], str(found["seeds"]), count, scale]
            for other in SHOWN:
                low, high = line[other]["interval"]
                cells.append(f"{line[other]['median']:.2f} ({low:.2f} to {high:.2f})")
            cells += [f"{moved['matched']:.2f}", f"{moved['closed']:.0%}"]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def curve_of(method: str, spec: Spec, folder: Path, resume: bool) -> Curve:
    """The method's curve: a file of `folder` that `resume` finds, or made now."""
    file = folder / f"{method.replace(' ', '_')}.json"
    if resume and file.exists():
        found = json.loads(file.read_text())
        return [None if one is None else tuple(one) for one in found]
    curve = METHODS[method](spec)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(curve) + "\n")
    return curve


def compared(
    name: str, seeds: range, methods: Sequence[str], given: Any
) -> dict[str, Any]:
    """One space: what each method finds, and ours beside the others."""
    curves: dict[str, list[Curve]] = {method: [] for method in methods}
    against = []
    for seed in seeds:
        spec, folder = space(name, seed), given.folder / name / str(seed)
        against.append(reference(spec))
        for method in methods:
            curves[method].append(curve_of(method, spec, folder, given.resume))
        print(f"{name}, seed {seed}", flush=True)
    best = best_known(name, curves)
    volumes = {
        method: [
            of_seed.volumes(curve)
            for of_seed, curve in zip(against, found, strict=True)
        ]
        for method, found in curves.items()
    }
    volumes[BEST] = [one.most(best) for one in against]
    ours = [one for one in OURS if one in methods]
    return {
        "date": date.today().isoformat(),
        "first": seeds.start,
        "seeds": len(seeds),
        "ratios": {one: ratios(volumes, one) for one in ours},
        "beside random search": {
            one: progress(one, curves, against, best)
            for one in ours
            if "random search" in methods
        },
        "hypervolumes": {
            method: [
                {scale: [round(v, 4) for v in one[scale]] for scale in SCALES}
                for one in found
            ]
            for method, found in volumes.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--spaces", default=",".join(SPACES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "search_peers")
    parser.add_argument("--resume", action="store_true", help="keep what is finished")
    given = parser.parse_args()
    methods = given.methods.split(",")
    seeds = range(given.first, given.first + given.seeds)
    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"spaces": {}}
    for name in given.spaces.split(","):
        found = compared(name, seeds, methods, given)
        for one, columns in found["ratios"].items():
            for column, line in columns.items():
                print(f"{name}, {column}: {one} as a share of")
                for other, ratio in line.items():
                    print(f"  {other:16}{ratio['median']:7.3f}  {ratio['interval']}")
        print(json.dumps(found["beside random search"], indent=1))
        if methods != list(METHODS):
            print("not everything: nothing is written to benchmarks/results")
            continue
        spaces = {**result["spaces"], name: found}
        result = {
            "versions": {one: version(one) for one in ("optuna", "pymoo", "starc")},
            "evaluations": EVALUATIONS,
            "spaces": {one: spaces[one] for one in SPACES if one in spaces},
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name} is written to {RESULTS.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    main()
