"""All kernel tests on a GPU, then each kernel against what the memory allows.

    python -m benchmarks.gpu [--wheels DIR] [--minutes 7.5] [--no-tests]

One call, less than 8 minutes, no network; needs torch, triton and this repository.
Prints a table and writes benchmarks/results/<device>.json. A ratio is time / floor of
the same run; a speed-up is a peer's time / ours. Peers (fla-core, causal-conv1d,
mamba-ssm, accelerated-scan) are used where they import; wheels in DIR are installed
into build/peers first, and pytest too where the machine has none. Without a GPU: one
line, exit status 2.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / "build" / "peers"
Row = dict[str, Any]


class Timer(Protocol):
    def milliseconds(self, call: Callable[[], object]) -> float: ...


class CudaTimer:
    """Median of 20 runs between two events each, after 3 that are not counted."""

    def milliseconds(self, call: Callable[[], object]) -> float:
        for _ in range(3):
            call()
        times = []
        for _ in range(20):
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            call()
            stop.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(stop))
        return statistics.median(times)


@dataclass(frozen=True)
class Machine:
    """What the floors are made of, measured or read on the device itself."""

    device: str
    bytes_per_second: float
    """Read and written by a copy."""
    flops_per_second: float
    """Of a bfloat16 matmul."""
    exponentials_per_second: float

    @classmethod
    def measure(cls, timer: Timer, size: int = 2**30, side: int = 8192) -> "Machine":
        source = torch.empty(size, dtype=torch.uint8, device="cuda").fill_(1)
        target = torch.empty_like(source)
        copy = timer.milliseconds(lambda: target.copy_(source)) / 1e3
        a = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
        matmul = timer.milliseconds(lambda: a @ a) / 1e3
        facts = torch.cuda.get_device_properties(0)
        clock = getattr(facts, "clock_rate", 1_980_000) * 1e3  # else an H200's
        return cls(
            facts.name,
            2 * size / copy,
            2 * side**3 / matmul,
            16 * facts.multi_processor_count * clock,
        )

    def floor(self, moved: float, flops: float, exponentials: float) -> float:
        """Milliseconds that the slowest of three units needs."""
        return 1e3 * max(
            moved / self.bytes_per_second,
            flops / self.flops_per_second,
            exponentials / self.exponentials_per_second,
        )


def first(out: Any) -> Tensor:
    tensor: Tensor = out[0] if isinstance(out, tuple) else out
    return tensor


def directions(
    call: Callable[..., Any], inputs: list[Tensor], timer: Timer
) -> tuple[float, float]:
    """Milliseconds forward without gradients, and of a backward pass alone."""
    with torch.no_grad():
        forward = timer.milliseconds(lambda: call(*inputs))
    leaves = [z.detach().requires_grad_() for z in inputs]
    y = first(call(*leaves))
    dy = torch.randn_like(y)
    backward = timer.milliseconds(
        lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True)
    )
    return forward, backward


@contextmanager
def plain_path() -> Iterator[None]:
    """Plain PyTorch inside, whatever the environment says outside."""
    before = os.environ.get("STAR_KERNELS")
    os.environ["STAR_KERNELS"] = "off"
    try:
        yield
    finally:
        del os.environ["STAR_KERNELS"]
        if before is not None:
            os.environ["STAR_KERNELS"] = before


def largest_error(case: Any, shape: Any, device: str) -> float:
    """Of outputs and gradients on a small shape, bfloat16 against plain float64."""
    inputs = case.inputs(shape, torch.bfloat16, device)

    def run(tensors: list[Tensor]) -> list[Tensor]:
        leaves = [z.detach().requires_grad_() for z in tensors]
        y = first(case.call(*leaves))
        return [y.detach(), *torch.autograd.grad(y, leaves, torch.ones_like(y))]

    got = run(inputs)
    with plain_path():
        want = run([z.double() for z in inputs])
    return max(
        float((g.double() - w).norm() / w.norm())
        for g, w in zip(got, want, strict=True)
    )


def measure(
    case: Any, machine: Machine, timer: Timer, full: Any, small: Any, device: str
) -> list[Row]:
    """Two rows, forward and backward; a peer that fails is named with its reason."""
    inputs = case.inputs(full, torch.bfloat16, device)
    error = largest_error(case, small, device)
    ours = directions(case.call, inputs, timer)
    rows: list[Row] = []
    elements = full[0] * full[1] * full[2]
    for n, name in enumerate(("forward", "backward")):
        floor = machine.floor(
            2 * case.moves[n] * elements,
            case.flops[n] * elements,
            case.exponentials * elements,
        )
        rows.append(
            {
                "kernel": case.name,
                "pass": name,
                "ms": ours[n],
                "floor_ms": floor,
                "ratio": ours[n] / floor,
                "asked": case.asked[n],
                "reached": ours[n] / floor <= case.asked[n],
                "error": error,
                "peers": {},
            }
        )
    for peer in case.peers:
        try:
            call, theirs = peer.make(inputs)
            times = directions(call, theirs, timer)
        except Exception as problem:  # theirs, not ours: said in the result
            for row in rows:
                row["peers"][peer.name] = {"missing": f"{problem!r}"[:200]}
            continue
        for n, row in enumerate(rows):
            row["peers"][peer.name] = {
                "ms": times[n],
                "speedup": times[n] / ours[n],
                "asked": peer.asked[n],
            }
    return rows


def table(rows: list[Row]) -> str:
    head = f"{'kernel':24} {'pass':9} {'ms':>8} {'floor':>8} {'ratio':>6} {'asked':>6}"
    lines = [head + "  against"]
    for row in rows:
        if "failed" in row:
            lines.append(f"{row['kernel']:24} {row['failed']}")
            continue
        against = [
            (
                f"{name} {peer['speedup']:.2f}x (asked {peer['asked'] or '-'})"
                if "speedup" in peer
                else f"{name}: not here"
            )
            for name, peer in row.get("peers", {}).items()
        ]
        lines.append(
            f"{row['kernel']:24} {row['pass']:9} {row['ms']:8.3f}"
            f" {row['floor_ms']:8.3f} {row['ratio']:6.2f} {row['asked'] or '-':>6}"
            f"  {'; '.join(against)}"
        )
    return "\n".join(lines)


def run_tests(seconds: float) -> Row:
    """tests/triton compiled for the device, in a process of its own."""
    if importlib.util.find_spec("pytest") is None:
        return {
            "ran": False,
            "why": "no pytest here, nor among the wheels",
        }
    environment = dict(os.environ, STAR_TEST_DEVICE="cuda", STAR_TEST_ALL="1")
    path = [str(PEERS), str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(p for p in path if p)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "tests/triton"]
    if importlib.util.find_spec("xdist") is not None:
        command += ["-n", "8"]
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"")[-2000:]  # bytes here, whatever text= says
        tail = said.decode(errors="replace") if isinstance(said, bytes) else said
        return {"ran": True, "passed": False, "tail": f"{tail}\n{late}"}
    return {
        "ran": True,
        "passed": done.returncode == 0,
        "seconds": round(time.monotonic() - start, 1),
        "tail": done.stdout[-4000:] + done.stderr[-1000:],
    }


def install(folder: Path) -> str:
    """Wheels of a folder into build/peers, which then goes first on the path."""
    wheels = sorted(str(path) for path in folder.glob("*.whl"))
    if not wheels:
        return f"no wheels in {folder}"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        + ["--upgrade", "--target", str(PEERS), *wheels],
        capture_output=True,
        text=True,
    )
    sys.path.insert(0, str(PEERS))
    importlib.invalidate_caches()
    return done.stderr.strip() if done.returncode else f"{len(wheels)} wheels"


def result_path(device: str) -> Path:
    """benchmarks/results/nvidia_h200.json for "NVIDIA H200"."""
    name = "".join(letter if letter.isalnum() else "_" for letter in device.lower())
    return RESULTS / f"{name}.json"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wheels", type=Path, help="a folder of wheels of peers")
    parser.add_argument("--minutes", type=float, default=7.5, help="for everything")
    parser.add_argument("--no-tests", action="store_true", help="only the benchmarks")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("benchmarks.gpu: torch finds no GPU here, so nothing was measured")
        return 2
    deadline = time.monotonic() + 60 * options.minutes
    wheels = install(options.wheels) if options.wheels else "none asked for"
    tests: Row = {"ran": False, "why": "--no-tests"}
    if not options.no_tests:
        tests = run_tests(0.55 * 60 * options.minutes)
        print(tests.get("tail") or tests.get("why"), flush=True)
    from benchmarks import gpu_cases, gpu_model

    torch.manual_seed(0)
    timer = CudaTimer()
    machine = Machine.measure(timer)
    rows: list[Row] = []
    work: list[tuple[str, Callable[[], list[Row]]]] = [
        (
            case.name,
            lambda case=case: measure(
                case, machine, timer, gpu_cases.FULL, gpu_cases.SMALL, "cuda"
            ),
        )
        for case in gpu_cases.CASES
    ]
    work += [
        ("decode", lambda: gpu_model.decode(machine, timer)),
        ("training", lambda: gpu_model.training(machine, timer)),
    ]
    for name, call in work:
        rows += attempt(name, call, deadline)
        torch.cuda.empty_cache()
    report = {
        "machine": vars(machine),
        "torch": torch.__version__,
        "triton": importlib.import_module("triton").__version__,
        "wheels": wheels,
        "tests": tests,
        "rows": rows,
    }
    path = result_path(machine.device)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    gigabytes = machine.bytes_per_second / 1e9
    print(f"{machine.device}: a copy moves {gigabytes:.0f} GB/s")
    print(f"{table(rows)}\nwritten to {path}")
    return 1 if tests.get("passed") is False else 0


def attempt(name: str, call: Callable[[], list[Row]], deadline: float) -> list[Row]:
    """The rows, or one that says why there are none: time, memory, an error."""
    if time.monotonic() > deadline:
        return [{"kernel": name, "failed": "no time left in this call"}]
    try:
        return call()
    except Exception as problem:  # one case must not cost the others
        return [{"kernel": name, "failed": f"{problem!r}"[:500]}]


if __name__ == "__main__":
    sys.exit(main())
