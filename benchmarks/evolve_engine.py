"""What a search costs besides training and timing: variation, compiling, selection.

    python -m benchmarks.evolve_engine [--run build/evolve/0/search] [--write]

Static evaluations (parameters, cache, FLOPs of 24 LIVs at width 768, from a parent to
the numbers) in two processes; the engine's own time in a search of 288 candidates with
a simulated trainer, and how long its report takes to open; and the engine's share of a
run that trained, as `make demo-evolve` leaves one. Processor time is what counts where
the machine is shared. --write: to benchmarks/results/evolve_engine.json. --many 10000
does a simulated search of so many candidates, and nothing else.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.machine import facts
from starc import passes
from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.problem.architecture import to_ir
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.report.page import report
from starc.evolve.storage.database import FILE, Database
from starc.evolve.variation.operators import Variation
from starc.evolve.variation.random_streams import stream
from starc.evolve.workers.local import Inline
from starc.ir.cost import costs

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "evolve_engine.json"
TRAINED = ROOT / "build" / "evolve" / "0" / "search"
PROCESSES = 2
OPENINGS = 5

SEARCH = """
model searched { width = 768 }
search {
  pool = [SA-1, SA-3, Rec-1, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless]
  seeds = [transformer_pp, striped_hybrid, lfm2]
  minimize bits_per_byte, cache
  trainer = simulated
}
"""


def spec() -> Spec:
    problems = Problems()
    found = read(SEARCH, problems)
    problems.check()
    assert found is not None
    return found


def static(worker: int, count: int) -> tuple[float, int]:
    """A walk: children of the last few. Processor seconds, and a sum as evidence."""
    began, total = time.process_time(), 0
    search = spec()
    variation = Variation(search)
    pool = [variation.sample(stream(worker, i)).candidate for i in range(16)]
    for i in range(count):
        random = stream(worker, "child", i)
        one, two = random.randrange(16), random.randrange(16)
        child = variation.child((one, pool[one]), (two, pool[two]), random).candidate
        pool[random.randrange(16)] = child
        found = costs(passes.run(to_ir(child, search)), 4096, 2)
        total += found.total.params + found.total.cache_bytes
        total += int(found.total.prefill_flops)
    return time.process_time() - began, total


def statics(count: int) -> dict[str, float]:
    """Seconds by the clock, and milliseconds of a processor each, in two processes."""
    share = count // PROCESSES
    began = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = list(pool.map(static, range(PROCESSES), [share] * PROCESSES))
    wall, used = time.perf_counter() - began, sum(seconds for seconds, _ in found)
    each = 1000 * used / (share * PROCESSES)
    return {"count": share * PROCESSES, "seconds": wall, "processor_ms": each}


def simulated(
    folder: Path, evaluations: int = 0, surrogate: bool = False
) -> dict[str, float]:
    """The engine's own milliseconds an evaluation, and all with files and compiling.

    evaluations: instead of 18 generations.
    """
    search = replace(spec(), surrogate=surrogate)
    if evaluations:
        search = replace(search, generations=0, evaluations=evaluations)
    began, used = time.perf_counter(), time.process_time()
    end = coordinator.begin(search, folder, Inline)
    wall, used = time.perf_counter() - began, time.process_time() - used
    count = end.evaluations
    return {
        "candidates": count,
        "engine_ms": 1000 * Database.open(folder).seconds("engine") / count,
        "all_ms": 1000 * wall / count,
        "all_processor_ms": 1000 * used / count,
        "database_megabytes": (folder / FILE).stat().st_size / 1e6,
    }


def trained(folder: Path) -> dict[str, Any]:
    """From the timings of a run that trained: what each step took.

    engine: proposing, recording and selecting. Steps of workers are in milliseconds an
    evaluation, mean and median: the first of a process has imports in it.
    """
    database = Database.open(folder)
    count = database.count("WHERE key NOT LIKE 'illegal:%'")
    engine, elapsed = database.seconds("engine"), database.seconds("elapsed")
    steps: dict[str, list[float]] = defaultdict(list)
    for timing in database.timings():
        if timing.candidate:
            steps[timing.name].append(1000 * timing.seconds)
    return {
        "candidates": count,
        "engine_ms": 1000 * engine / count,
        "engine_share": engine / elapsed,
        "elapsed_seconds": elapsed,
        "steps_ms": {
            name: {"mean": statistics.fmean(found), "median": statistics.median(found)}
            for name, found in sorted(steps.items())
        },
    }


def opening(run: Path) -> dict[str, float] | None:
    """Milliseconds from asking for the report to its first chart, in chromium; None:
    there is none. Each time a new browser, which has cached nothing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        return None
    began = time.perf_counter()
    page = report(run)
    written = time.perf_counter() - began
    path = run / "report.html"
    path.write_text(page, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"]
    found = []
    for number in range(OPENINGS):
        profile = f"--user-data-dir={run / f'profile{number}'}"
        command = [browser, *flags, profile, "--dump-dom", path.as_uri()]
        seen = subprocess.run(command, capture_output=True, text=True, check=True)
        ready = re.search(r'data-ready="(\d+)"', seen.stdout)
        assert ready, "the scripts did not run to their end"
        found.append(float(ready.group(1)))
    return {
        "median_ms": statistics.median(found),
        "least_ms": min(found),
        "most_ms": max(found),
        "openings": OPENINGS,
        "written_seconds": written,
        "megabytes": len(page.encode()) / 1e6,
    }


def say(found: dict[str, Any]) -> None:
    static, search, real = found["static"], found["simulated"], found["trained"]
    each = static["processor_ms"]
    print(f"{static['count']:,} static evaluations: {static['seconds']:.1f} s on two")
    print(f"  {each:.2f} ms of a processor each; 100,000: {each * 50:.0f} s on two")
    print(f"a search of {search['candidates']} candidates, trainer simulated:")
    print(f"  {search['engine_ms']:.1f} ms an evaluation to propose, record and select")
    print(f"  {search['all_ms']:.1f} ms all in all, files and compiling included,")
    print(f"  {search['all_processor_ms']:.1f} ms of a processor")
    each = found["surrogate"]["engine_ms"]
    print(f"  with a surrogate {each:.0f} ms to propose, record and select")
    if page := found["report"]:
        print(f"  its report opens in {page['median_ms']:.0f} ms, the median of")
        print(f"  {page['openings']}: {page['least_ms']:.0f} to {page['most_ms']:.0f}")
    if real:
        print(f"a search of {real['candidates']} candidates that trained:")
        print(f"  engine {real['engine_ms']:.1f} ms an evaluation (goal 20), ", end="")
        print(f"{real['engine_share']:.2%} of the run (goal 1 %)")
        for name, step in real["steps_ms"].items():
            print(f"  {name}: median {step['median']:.0f} ms, mean {step['mean']:.0f}")


def many(evaluations: int, write: bool) -> None:
    """Of a long search: the engine, the size of its database, and its report."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        found: dict[str, Any] = {"load": facts()["load"]}
        found |= simulated(run, evaluations)
        found["report"] = opening(run)
    print(json.dumps(found, indent=2))
    if write:
        whole = json.loads(RESULTS.read_text()) | {"many": found}
        RESULTS.write_text(json.dumps(whole, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="static evaluations")
    parser.add_argument("--run", type=Path, default=TRAINED, help="one that trained")
    parser.add_argument("--many", type=int, default=0, help="a search of so many alone")
    parser.add_argument("--write", action="store_true", help=f"to {RESULTS.name}")
    given = parser.parse_args()
    if given.many:
        return many(given.many, given.write)
    found: dict[str, Any] = {"date": date.today().isoformat(), "machine": facts()}
    found["static"] = statics(given.count)
    with tempfile.TemporaryDirectory() as folder:
        found["simulated"] = simulated(Path(folder) / "run")
        found["report"] = opening(Path(folder) / "run")
        found["surrogate"] = simulated(Path(folder) / "surrogate", surrogate=True)
    found["trained"] = trained(given.run) if given.run.exists() else None
    say(found)
    if given.write:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
