"""What a search costs besides training and timing: variation, compiling, selection.

    python benchmarks/evolve_engine.py [EVALUATIONS]

Static evaluations (parameters, cache, FLOPs of 24 LIVs at width 768, from a parent to
the numbers) in two processes, and the engine's own time in a search of 288 candidates
with a simulated trainer. Processor time is what counts where the machine is shared.
"""

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from starc import passes
from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.architecture import to_ir
from starc.evolve.database import Database
from starc.evolve.spec import Spec, read
from starc.evolve.streams import stream
from starc.evolve.variation import Variation
from starc.evolve.workers import Inline
from starc.ir.cost import costs

PROCESSES = 2

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


def main(count: int) -> None:
    share = count // PROCESSES
    began = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = list(pool.map(static, range(PROCESSES), [share] * PROCESSES))
    wall, used = time.perf_counter() - began, sum(seconds for seconds, _ in found)
    each = 1000 * used / (share * PROCESSES)
    print(
        f"{share * PROCESSES:,} static evaluations: {wall:.1f} s on {PROCESSES} cores"
    )
    print(f"  {each:.2f} ms of a processor each; 100,000: {each * 50:.0f} s on two")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        began, used = time.perf_counter(), time.process_time()
        end = coordinator.begin(spec(), run, Inline)
        wall, used = time.perf_counter() - began, time.process_time() - used
        engine = Database.open(run).seconds("engine")
    print(f"a search of {end.evaluations} candidates, trainer simulated: {wall:.1f} s")
    print(f"  {1000 * engine / end.evaluations:.1f} ms an evaluation by the clock to")
    print("  propose, record and select; all in all, files and compiling included,")
    print(f"  {1000 * wall / end.evaluations:.1f} ms by the clock, ", end="")
    print(f"{1000 * used / end.evaluations:.1f} ms of a processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
