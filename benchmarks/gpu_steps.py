"""The steps of `benchmarks.gpu`: each within its time, none at another's cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks import gpu_cases, gpu_model
from benchmarks.gpu_measure import Row, measure, measure_peer
from benchmarks.gpu_report import line
from benchmarks.gpu_timing import Machine, Timer, within

SIDES = ("ours", "theirs")
SECONDS = 60.0
"""The most for one step. Not measured: compiled, the longest should need 20."""


@dataclass(frozen=True)
class Step:
    kernel: str
    """As its rows name it."""
    call: Callable[[list[Row]], list[Row]]
    """Takes the rows of the kernel so far, and gives more."""
    peer: str = ""
    """Whose times it adds to these rows; empty for ours."""

    @property
    def name(self) -> str:
        return f"{self.kernel}, {self.peer}" if self.peer else self.kernel


def steps(machine: Machine, timer: Timer, device: str = "cuda") -> list[Step]:
    """All of ours, then all of theirs."""
    full, small = gpu_cases.FULL, gpu_cases.SMALL
    ours = [
        Step(c.name, lambda _, c=c: measure(c, machine, timer, full, small, device))
        for c in gpu_cases.CASES
    ]
    theirs = [
        Step(
            case.name,
            lambda rows, c=case, p=peer: measure_peer(c, p, rows, timer, full, device),
            peer.name,
        )
        for case in gpu_cases.CASES
        for peer in case.peers
    ]
    for task in gpu_model.TASKS:
        ours.append(Step(task.name, lambda _, t=task: t.ours(machine, timer)))
        theirs.append(
            Step(task.name, lambda rows, t=task: t.theirs(rows, timer), task.peer)
        )
    return ours + theirs


def run_all(
    todo: list[Step], report: Row, seconds: float, write: Callable[[], None]
) -> bool:
    """Adds to the report's rows, and writes it after each step; those that it has are
    left out. False where a step has left the GPU unusable for this process."""
    until = time.monotonic() + seconds
    for step in todo:
        if step.name in report["seconds"]:
            continue
        begun = time.monotonic()
        attempt(step, report["rows"], until - begun)
        report["seconds"][step.name] = round(time.monotonic() - begun, 1)
        sound = usable()
        write()
        for row in report["rows"]:
            if row["kernel"] == step.kernel:
                print(line(row), flush=True)
        if not sound:
            return False
    return True


def attempt(step: Step, rows: list[Row], seconds: float) -> None:
    """New rows; or what says why there are none: time, memory, an error."""
    mine = [row for row in rows if row["kernel"] == step.kernel and "ms" in row]
    if step.peer and not mine:
        return
    try:
        if seconds <= 0:
            raise TimeoutError("no time left in this call")
        with within(min(SECONDS, seconds)):
            rows += step.call(mine)
    except Exception as problem:  # one step must not cost the others
        said = f"{problem!r}"[:500]
        if step.peer:
            for row in mine:
                row["peers"][step.peer] = {"missing": said}
        else:
            rows.append({"kernel": step.kernel, "failed": said})


def usable() -> bool:
    """Whether the GPU still does what this process asks; frees memory."""
    if not torch.cuda.is_available():
        return True
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError:  # torch's for the device is one
        return False
    return True


def warm(todo: list[Step], side: str) -> None:
    """Each step of one side once, so that what it needs is compiled; nothing counts."""
    rows: list[Row] = []
    for step in todo:
        if step.peer and side == "theirs":
            rows = [{"kernel": step.kernel, "ms": 1.0, "peers": {}} for _ in range(2)]
        if bool(step.peer) == (side == "theirs"):
            attempt(step, rows, 600.0)
            print(step.name, rows, flush=True)
