"""A space that is trained whole: 4 LIVs of 7 classes each, nothing shared.

    python -m benchmarks.table                # trains what lacks, every seed
    python -m benchmarks.table --minutes 9    # in pieces
    python -m benchmarks.table --report       # counts, and says the noise

7 ** 4 = 2,401 architectures, no two of which compute the same (their functions are
told apart by starc/ir/identity.py), each trained from two seeds for as long as a search
would: bits of held-out text, beside parameters, cache and FLOPs. Searches of this space
cost nothing, since a training is looked up, and its best front is known. How to use it:
docs/table.md. The rows are in benchmarks/results/table.csv, which is also where a later
run goes on; what they were made with, and the noise between two seeds, in table.json.

The pool grows class by class: first come all functions of its first two classes, then
those of three, each with one seed, and one in eight with both, so that what is there is
whole for the beginning of the pool, and its noise is known. The other second seeds
follow.
"""

import argparse
import csv
import json
import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from starc import compiler, passes
from starc.diagnostics import Problems
from starc.evolve.evaluation import static
from starc.evolve.evaluation.failure import failed
from starc.evolve.problem.architecture import function, source, surroundings, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "benchmarks" / "results" / "table.csv"
ABOUT = ROOT / "benchmarks" / "results" / "table.json"

SEARCH = """model table { width = 16; vocab = 256; context = 1024 }
search {
  pool = [SA-1, SA-3, Rec-1, GConv-1, GConv-1-Diff, GMemless, GConv-2]
  depth = 4; labels = 0; population = 12
  trainer = real(steps = 20, batch = 16, context = 32, lr = 0.02, warmup = 1)
  minimize bits_per_byte, cache
}
"""
SEEDS = (0, 1)
COSTS = ("params", "params_without_embeddings", "cache", "flops")
"""What the text of a model says, as `starc evolve` counts it."""

EARLY = 8
"""One function in so many has its second seed at once."""

Livs = tuple[str, ...]


@dataclass
class Row:
    """One function. costs: by name, see COSTS. bits: a byte of held-out text, by seed;
    nan where that training diverged."""

    livs: Livs
    costs: dict[str, int]
    bits: dict[int, float] = field(default_factory=dict)


# Reading ------------------------------------------------------------------------------


def load(file: Path = ROWS) -> dict[Livs, Row]:
    """Every function by its four LIVs, from the first to the last layer."""
    with file.open(newline="") as lines:
        return {row.livs: row for row in map(_read, csv.DictReader(lines))}


def _read(line: Mapping[str, str]) -> Row:
    bits = {seed: line[f"bits_{seed}"] for seed in SEEDS}
    return Row(
        tuple(line["livs"].split()),
        {name: int(line[name]) for name in COSTS},
        {seed: float(found) for seed, found in bits.items() if found},
    )


@cache
def spec() -> Spec:
    """The search whose candidates these are; `simulated` by looking them up."""
    problems = Problems()
    found = read(SEARCH, problems)
    problems.check()
    assert found is not None
    return found


def livs_of(candidate: Candidate) -> Livs:
    classes = surroundings(spec()).classes
    return tuple(classes[code].name for code, *_ in candidate.genome)


@cache
def _shipped() -> dict[Livs, Row]:
    return load()


def measures(candidate: Candidate) -> dict[str, float]:
    """What a search of the table is told: costs, and the bits of the first seed.

    Raises Ended where that training diverged.
    """
    row = _shipped()[livs_of(candidate)]
    bits = row.bits[SEEDS[0]]
    if math.isnan(bits):
        raise failed("diverged")
    return {**row.costs, "bits_per_byte": bits}


# Making -------------------------------------------------------------------------------


def space(pool: Sequence[str] = ()) -> list[Candidate]:
    """All candidates, or those of some classes. No two are of one function."""
    codes = [surroundings(spec()).code(name) for name in pool or spec().pool]
    return [
        Candidate(tuple((code, 1, 1, 1, 1) for code in genome))
        for genome in product(codes, repeat=spec().depth[1])
    ]


def functions(some: Sequence[Candidate]) -> set[str]:
    """What they compute, told apart by structure."""
    return {function(to_ir(candidate, spec())) for candidate in some}


def todo(rows: Mapping[Livs, Row]) -> Iterator[tuple[Candidate, int]]:
    """Trainings that lack, in the order in which they are worth most."""
    drawn, pool = space(), spec().pool
    random.Random(0).shuffle(drawn)
    drawn.sort(key=lambda one: max(map(pool.index, livs_of(one))))
    planned = []
    for at, candidate in enumerate(drawn):
        planned += [(candidate, seed) for seed in (SEEDS[:1] if at % EARLY else SEEDS)]
    planned += [(candidate, seed) for seed in SEEDS for candidate in drawn]
    for candidate, seed in dict.fromkeys(planned):
        row = rows.get(livs_of(candidate))
        if row is None or seed not in row.bits:
            yield candidate, seed


def complete(rows: Mapping[Livs, Row]) -> tuple[str, ...]:
    """The beginning of the pool of which every function has its first seed."""
    pool, depth = spec().pool, spec().depth[1]
    known = {livs for livs, row in rows.items() if SEEDS[0] in row.bits}
    whole = [
        count
        for count in range(1, len(pool) + 1)
        if known.issuperset(product(pool[:count], repeat=depth))
    ]
    return pool[: max(whole, default=0)]


def train(candidate: Candidate, spec: Spec, seed: int, folder: Path) -> float:
    """Bits a byte of held-out text, trained as `spec` says; nan where it diverges."""
    import torch

    from starc.evolve.evaluation import data
    from starc.training import emitted
    from starc.training.run import begin
    from starc.training.settings import Settings

    torch.set_num_threads(1)
    trainer = spec.trainer
    text = compiler.compile(source(candidate, spec), "candidate.star")
    module = emitted.of_source(text.encode(), folder / "model.py")
    run = begin(
        module,
        Settings(
            steps=trainer.steps,
            batch=trainer.batch,
            context=trainer.context,
            learning_rate=trainer.learning_rates[0],
            warmup=trainer.warmup,
            weight_decay=trainer.weight_decay,
            seed=seed,
            device="cpu",
        ),
        data.load(spec),
    )
    for _ in range(trainer.steps):
        run.take_step()
    loss = run.validation_loss()
    emitted.forget(module)
    return loss / math.log(2) if math.isfinite(loss) else math.nan


def costs_of(candidate: Candidate) -> dict[str, int]:
    found = static.measures(passes.run(to_ir(candidate, spec())), spec())
    return {name: int(found[name]) for name in COSTS}


def write(rows: Mapping[Livs, Row], file: Path = ROWS) -> None:
    """Whole or not at all, in the order of the space."""
    unfinished = file.with_suffix(".part")
    with unfinished.open("w", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(["livs", *COSTS, *(f"bits_{seed}" for seed in SEEDS)])
        for candidate in space():
            row = rows.get(livs_of(candidate))
            if row is not None:
                bits = (row.bits.get(seed) for seed in SEEDS)
                shown = ["" if one is None else f"{one:.4f}" for one in bits]
                costs = [row.costs[name] for name in COSTS]
                out.writerow([" ".join(row.livs), *costs, *shown])
    os.replace(unfinished, file)


# What it says of itself ---------------------------------------------------------------


def told(found: dict[str, Any]) -> list[str]:
    """The lines of docs/table.md about how far it is."""
    first, second = found["trained"]
    lines = [
        f"| functions with seed 0 | {first:,} of {found['functions']:,} |",
        f"| with both | {second:,} |",
        f"| classes whose functions are all there | {', '.join(found['complete'])} |",
        f"| that are | {len(found['complete']) ** 4:,} functions |",
        f"| diverged | {found['diverged']} |",
    ]
    if "noise" in found:
        low, high = found["bits"]
        lines += [
            f"| bits, lowest to highest | {low:.2f} to {high:.2f} |",
            f"| standard deviation of functions | {found['spread']:.3f} |",
            f"| noise of one seed | {found['noise']:.3f} |",
            f"| share of the variance that is no noise | {found['reliability']:.0%} |",
            f"| rank correlation between the seeds | {found['spearman']:.2f} |",
        ]
    return lines


def about(rows: Mapping[Livs, Row]) -> dict[str, Any]:
    """Counts, the spread of the bits, and the noise between two seeds.

    noise: the standard deviation of one training about its function's mean, from the
    differences of the functions with two. spread: of the first seed, over functions.
    reliability: the share of that variance that is not noise; spearman: between the
    seeds, over these functions.
    """
    from scipy.stats import spearmanr

    first, second = SEEDS
    bits = {at: row.bits for at, row in rows.items()}
    fine = {
        at: {seed: one for seed, one in of.items() if not math.isnan(one)}
        for at, of in bits.items()
    }
    singles = [of[first] for of in fine.values() if first in of]
    pairs = [(of[first], of[second]) for of in fine.values() if len(of) == 2]
    found: dict[str, Any] = {
        "functions": len(space()),
        "trained": [sum(seed in of for of in bits.values()) for seed in SEEDS],
        "complete": complete(rows),
        "diverged": sum(math.isnan(one) for of in bits.values() for one in of.values()),
    }
    if len(pairs) > 2:
        noise = math.sqrt(statistics.mean((a - b) ** 2 for a, b in pairs) / 2)
        spread = statistics.pstdev(singles)
        found |= {
            "pairs": len(pairs),
            "noise": round(noise, 4),
            "spread": round(spread, 4),
            "reliability": round(1 - noise**2 / spread**2, 3),
            "spearman": round(float(spearmanr(*zip(*pairs, strict=True)).statistic), 3),
            "bits": [round(min(singles), 4), round(max(singles), 4)],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="train nothing")
    given = parser.parse_args()
    rows = load() if ROWS.exists() else {}
    if not given.report:
        _train(rows, time.monotonic() + 60 * given.minutes, given.processes)
    from starc.evolve.evaluation import data

    counts = about(rows)
    print(json.dumps(counts, indent=1))
    made = {
        "date": date.today().isoformat(),
        "text": data.load(spec()).digest[:16],
        "search": SEARCH,
        "trainer": asdict(spec().trainer),
    }
    ABOUT.write_text(json.dumps(made | counts, indent=1) + "\n")


def _train(rows: dict[Livs, Row], deadline: float, processes: int) -> None:
    """Adds to the rows, and writes them each half minute and at the end."""
    planned, saved = list(todo(rows)), time.monotonic()
    try:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            trained = pool.imap(_trained, planned)
            for (candidate, seed), bits in zip(planned, trained, strict=True):
                livs = livs_of(candidate)
                if livs not in rows:
                    rows[livs] = Row(livs, costs_of(candidate))
                rows[livs].bits[seed] = bits
                if time.monotonic() >= deadline:
                    break
                if time.monotonic() - saved > 30:
                    write(rows)
                    saved = time.monotonic()
    finally:
        write(rows)


def _trained(task: tuple[Candidate, int]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        candidate, seed = task
        return train(candidate, spec(), seed, Path(folder))


if __name__ == "__main__":
    main()
