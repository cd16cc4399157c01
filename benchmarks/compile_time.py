"""How long the compiler takes: a process, a genome, a long model, static costs.

    python -m benchmarks.compile_time [--genomes 60] [--rounds 15] [--clock wall]

Genomes are random legal ones of 24 LIVs, from much sharing to little. A process is held
against one that only imports lark, jinja2 and typer: they take turns, so that what else
the machine does meets both. Inside the process nothing is formatted by black, which no
line of these files needs. On a machine that others load, `--clock cpu` counts processor
time. Writes
benchmarks/results/compile_time.json.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import starc
from starc import compiler, genome, passes
from starc.diagnostics import Problems
from starc.frontend.unparse import unparse
from starc.ir.cost import costs

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "compile_time.json"
LIVS = 24
NO_BYTECODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


IMPORTS = ["-c", "import lark, jinja2, typer"]
"""What a start is held against: the libraries that starc is made with."""

COMMANDS = {
    "compile": ["compile", "GENOME", "-o", os.devnull],
    "check": ["check", "GENOME"],
    "show": ["show", "GENOME"],
    "fmt": ["fmt", "--check", "GENOME"],
}


def starts(text: str, clock: str, rounds: int) -> dict[str, Any]:
    """Whole processes, from the start of Python to its end, in turn with `IMPORTS`.

    Each has its modules compiled, as what is installed has.
    """
    environment = {k: v for k, v in os.environ.items() if k not in NO_BYTECODE}

    def used() -> float:
        if clock == "wall":
            return time.perf_counter()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    def seconds(arguments: list[str]) -> float:
        start = used()
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        return used() - start

    with tempfile.TemporaryDirectory() as folder:
        genome_file = Path(folder) / "genome.star"
        genome_file.write_text(text, encoding="utf-8")
        calls = {"imports": IMPORTS}
        for name, arguments in COMMANDS.items():
            given = [str(genome_file) if a == "GENOME" else a for a in arguments]
            calls[name] = ["-m", "starc", *given]
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(rounds + 1):
            for name, arguments in calls.items():
                found = seconds(arguments)
                if turn:  # the first one compiles modules
                    taken[name].append(found)
    unit = {"best": min(taken["imports"]), "median": median(taken["imports"])}
    return {
        name: {
            "best_seconds": round(min(times), 3),
            "median_seconds": round(median(times), 3),
            "times_imports_best": round(min(times) / unit["best"], 2),
            "times_imports_median": round(median(times) / unit["median"], 2),
        }
        for name, times in taken.items()
    }


def imported(module: str) -> bool:
    """Whether compiling imports a module."""
    code = (
        "import sys; from starc.cli import main\n"
        "sys.argv = ['starc', 'compile', 'examples/transformer_pp_125m.star', '-o',"
        f" '{os.devnull}']\n"
        "try: main()\n"
        f"finally: print({module!r} in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.split()[-1] == "True"


def milliseconds(
    call: Callable[[Any], object], inputs: list[Any], now: Callable[[], float]
) -> dict[str, float]:
    """Median and largest over the inputs, each once: the second time is cheaper."""
    found = []
    for given in inputs:
        start = now()
        call(given)
        found.append(1e3 * (now() - start))
    return {
        "median_ms": round(median(found), 2),
        "largest_ms": round(max(found), 2),
    }


def text_of(genes: genome.Genome) -> str:
    return unparse(genome.decode(genes))


def from_genome(genes: genome.Genome) -> str:
    return starc.compile(text_of(genes))


def evaluate(genes: genome.Genome) -> int:
    """What a search asks of a candidate: integers to static costs, without text."""
    problems = Problems()
    model = compiler.build(genome.decode(genes), problems)
    problems.check()
    assert model is not None
    return costs(passes.run(model), 4096, 2).total.params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--genomes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    given = parser.parse_args()
    now = time.perf_counter if given.clock == "wall" else time.process_time
    random = Random(0)
    sharing = (1, 3, 8, 40)

    def genomes(livs: int, number: int) -> list[genome.Genome]:
        return [
            genome.random_genome(random, livs, labels=sharing[turn % len(sharing)])
            for turn in range(number)
        ]

    for genes in genomes(LIVS, 12):  # reads the grammar, the prelude, the templates
        from_genome(genes)
    texts = [text_of(genes) for genes in genomes(LIVS, given.genomes)]
    long = [text_of(genes) for genes in genomes(1000, 4)]
    found: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
            "clock": given.clock,
        },
        "processes": starts(texts[0], given.clock, given.rounds),
        "imports_torch": imported("torch"),
        "imports_black": imported("black"),
        "text_to_text": milliseconds(starc.compile, texts, now),
        "genome_to_text": milliseconds(from_genome, genomes(LIVS, given.genomes), now),
        "genome_to_costs": milliseconds(evaluate, genomes(LIVS, given.genomes), now),
        "text_to_text_1000_livs": milliseconds(starc.compile, long, now),
    }
    ratio = (
        found["text_to_text_1000_livs"]["median_ms"]
        / found["text_to_text"]["median_ms"]
    )
    found["times_of_24_livs"] = round(ratio, 1)
    each = found["genome_to_costs"]["median_ms"]
    found["minutes_of_100_000_costs_on_2_cores"] = round(1e5 * each / 2 / 6e4, 2)
    for name, value in found.items():
        print(f"{name:40}{value}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
