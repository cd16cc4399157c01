"""The steps of `benchmarks.gpu`: each within its time, none at another's cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks import gpu_cases, gpu_model
from benchmarks.gpu_cases import Case, Peer
from benchmarks.gpu_measure import Row, measure, measure_peer
from benchmarks.gpu_model import Task
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

    def ours(case: Case) -> Step:
        call = partial(measure, case, machine, timer, full, small, device)
        return Step(case.name, lambda _: call())

    def theirs(case: Case, peer: Peer) -> Step:
        def call(rows: list[Row]) -> list[Row]:
            return measure_peer(case, peer, rows, timer, full, device)

        return Step(case.name, call, peer.name)

    def of_task(task: Task) -> tuple[Step, Step]:
        own = Step(task.name, lambda _: task.ours(machine, timer))
        return own, Step(task.name, lambda rows: task.theirs(rows, timer), task.peer)

    cases, tasks = gpu_cases.CASES, [of_task(task) for task in gpu_model.TASKS]
    return [
        *map(ours, cases),
        *(own for own, _ in tasks),
        *(theirs(case, peer) for case in cases for peer in case.peers),
        *(other for _, other in tasks),
    ]


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
