"""All kernel tests on a GPU, then each kernel against what the memory allows.

    python -m benchmarks.gpu [--wheels DIR] [--results DIR] [--minutes 7.5] [--no-tests]

One call, less than 8 minutes, no network; needs torch, triton and this repository.
Prints a table and writes <results>/<device>.json after each step: what was found until
then is there however the run ends. A ratio is time / floor of the same run; a speed-up
is a peer's time / ours. Peers (fla-core, causal-conv1d, mamba-ssm, accelerated-scan)
are used where they import; wheels in DIR are installed into build/peers first, and
pytest too where the machine has none. Without a GPU: one line, exit status 2.

The tests take half of the time, and compile on all cores. Meanwhile two processes
beside them run each benchmark once, so that what it needs is compiled. Then: our
kernels, our model, their kernels, their model. A step that leaves the GPU unusable
costs no other: the run goes on in a new process.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import torch

from benchmarks import gpu_report, gpu_steps, gpu_tests
from benchmarks.gpu_measure import Row
from benchmarks.gpu_timing import CudaTimer, Machine, OneRun

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / "build" / "peers"
LOGS = ROOT / "build" / "gpu"
TESTS = 0.5
"""Of the whole time, for the tests."""


def main(arguments: list[str] | None = None) -> int:
    begun = time.monotonic()
    options = _parser().parse_args(arguments)
    if not torch.cuda.is_available():
        print("benchmarks.gpu: torch finds no GPU here, so nothing was measured")
        return 2
    wheels = install(options.wheels) if options.wheels else "none asked for"
    find_peers()
    if options.warm:
        todo = gpu_steps.steps(Machine("", 1, 1, 1), OneRun())
        gpu_steps.warm(todo, options.warm)
        return 0
    if options.resume:
        path = options.resume
        report = json.loads(path.read_text(encoding="utf-8"))
    else:
        device = torch.cuda.get_device_name()
        path = gpu_report.path_of(options.results, device)
        report = new_report(device, wheels)
    write = partial(gpu_report.write, path, report)
    write()
    if not options.no_tests and not options.resume:
        report["tests"] = tests_and_warming(60 * TESTS * options.minutes)
        print(report["tests"].get("tail") or report["tests"], flush=True)
        write()
    timer = CudaTimer()
    machine = Machine(**report["machine"] or vars(Machine.measure(timer)))
    report["machine"] = vars(machine)
    left = 60 * options.minutes - (time.monotonic() - begun)
    todo = gpu_steps.steps(machine, timer)
    done = gpu_steps.run_all(todo, report, left, write)
    if not done:  # a kernel has broken this process's hold on the GPU
        left = options.minutes - (time.monotonic() - begun) / 60
        again = ["-m", "benchmarks.gpu", "--resume", str(path), "--minutes", f"{left}"]
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *again])
    print(f"{machine.device}: a copy moves {machine.bytes_per_second / 1e9:.0f} GB/s")
    print(f"{gpu_report.table(report['rows'])}\nwritten to {path}")
    return 1 if report["tests"].get("passed") is False else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wheels", type=Path, help="a folder of wheels of peers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    parser.add_argument("--minutes", type=float, default=7.5, help="for everything")
    parser.add_argument("--no-tests", action="store_true", help="only the benchmarks")
    parser.add_argument("--warm", choices=gpu_steps.SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--resume", type=Path, help=argparse.SUPPRESS)
    return parser


def new_report(device: str, wheels: str) -> Row:
    return {
        "device": device,
        "torch": torch.__version__,
        "triton": importlib.import_module("triton").__version__,
        "wheels": wheels,
        "tests": {"ran": False, "why": "--no-tests"},
        "machine": None,
        "seconds": {},
        "rows": [],
    }


def tests_and_warming(seconds: float) -> Row:
    """The tests' result; the warming beside them ends with their time at the latest."""
    until = time.monotonic() + seconds
    LOGS.mkdir(parents=True, exist_ok=True)
    warming = []
    for side in gpu_steps.SIDES:
        with (LOGS / f"warm_{side}.log").open("w") as log:
            words = [sys.executable, "-m", "benchmarks.gpu", "--warm", side]
            inside = gpu_tests.environment(PEERS)
            warming.append(
                subprocess.Popen(
                    words,
                    cwd=ROOT,
                    env=inside,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
    found = gpu_tests.run(seconds, PEERS, LOGS / "tests.log")
    for process in warming:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        gpu_tests.end(process)
    return found


def install(folder: Path) -> str:
    """Wheels of a folder into build/peers, for `find_peers`."""
    wheels = sorted(str(path) for path in folder.glob("*.whl"))
    if not wheels:
        return f"no wheels in {folder}"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        + ["--upgrade", "--target", str(PEERS), *wheels],
        capture_output=True,
        text=True,
    )
    return done.stderr.strip() if done.returncode else f"{len(wheels)} wheels"


def find_peers() -> None:
    """Put what is in build/peers first on the path."""
    if PEERS.is_dir():
        sys.path.insert(0, str(PEERS))
        importlib.invalidate_caches()


if __name__ == "__main__":
    sys.exit(main())
