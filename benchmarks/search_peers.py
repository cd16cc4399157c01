"""What a search finds beside optimizers that anyone would pick instead.

    pip install 'starc[peers]'
    python -m benchmarks.search_peers                 # written to results
    python -m benchmarks.search_peers --seeds 2 --spaces tiny --methods starc
    python -m benchmarks.search_peers --spaces paper --resume         # in pieces

`starc evolve` with and without `surrogate = true`, also with `variation = paper`, and
random search with the sampling of that; NSGA-II and TPE (multivariate) of Optuna, and
NSGA-II of pymoo for mixed variables: as many evaluations each, in three spaces of the
simulated landscape (starc/evolve/evaluation/simulated.py), in one of real trainings,
which are looked up (benchmarks/table.py), and for three seeds and 96 evaluations in one
that trains what is asked for, with the seed of the search (benchmarks/trainings.py).
The peers have one categorical variable a LIV, its class, and the same population;
otherwise they are as they come. What they ask for again costs them nothing, as it does
in starc; one in 32 simulated designs fails, for all. Nobody begins with designs that
people made.

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
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import table as trained
from benchmarks import trainings
from benchmarks.fronts import (
    BEST,
    EVALUATIONS,
    OURS,
    SCALES,
    Curve,
    Reference,
    Values,
    progress,
    ratios,
    undominated,
)
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
from starc.evolve.selection.ranking import objectives
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
    "real": "model real { width = 32; vocab = 256; context = 1024 }; "
    f"search {{ {POOL}; depth = 6; population = 12; minimize bits_per_byte, cache; "
    "trainer = real(steps = 32, batch = 8, context = 64, lr = 0.016, warmup = 4) }",
}
"""8 and 12 LIVs of 6 classes; 24 LIVs of the paper's 17; 4 of 7, all trained; 6 of 6,
trained when one asks."""

SEEDS, REAL_SEEDS = 10, 3
"""How many seeds a space has, and the one that trains, which has 96 evaluations."""

ASKS = 10
"""Designs that a peer may ask for, for each that is evaluated: most are repeated."""


def space(name: str, seed: int) -> Spec:
    problems = Problems()
    found = read(SPACES[name], problems)
    problems.check()
    assert found is not None
    told = replace(found.trainer, kind="simulated")  # `measures` says what comes out
    budget = EVALUATIONS[0] if name == "real" else max(EVALUATIONS)
    found = replace(found, generations=0, evaluations=budget, trainer=told)
    found = replace(found, surrogate=False)  # a method of its own
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
    if spec.name == "real":
        bits = trainings.bits(candidate, SPACES["real"], spec)
        return costs | {"bits_per_byte": bits}
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


# Comparing ---------------------------------------------------------------------------


def reference(spec: Spec) -> Reference:
    first = replace(published(spec), evaluations=spec.population)
    return Reference(spec, [one for one in searched(first) if one])


def best_known(name: str, curves: dict[str, list[Curve]]) -> list[Values]:
    """The front of all that anyone found in a space, of the table of all there is."""
    found = {point for seeds in curves.values() for curve in seeds for point in curve}
    if name == "table":
        spec = space(name, 0)
        found |= {valued(one, spec) for one in trained.space(spec.pool)}
    points = sorted(point for point in found if point)
    return [points[at] for at in undominated(points)]


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
    parser.add_argument("--seeds", type=int, help=f"{SEEDS}; {REAL_SEEDS} of real")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--spaces", default=",".join(SPACES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "search_peers")
    parser.add_argument("--resume", action="store_true", help="keep what is finished")
    given = parser.parse_args()
    methods = given.methods.split(",")
    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"spaces": {}}
    for name in given.spaces.split(","):
        count = given.seeds or (REAL_SEEDS if name == "real" else SEEDS)
        seeds = range(given.first, given.first + count)
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
