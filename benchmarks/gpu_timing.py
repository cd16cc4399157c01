"""Time on a GPU, what the device itself can do, and how long something may take."""

import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch


class Timer(Protocol):
    def milliseconds(self, call: Callable[[], object]) -> float: ...


class CudaTimer:
    """Median of 20 runs between two events, of 5 where they take more than 3 seconds.

    The first run, which may compile, is not counted. Before each the cache is filled
    with other data and the device waits, so that launches lie ready when it starts.
    """

    def __init__(self) -> None:
        self.other = torch.empty(2**28, dtype=torch.uint8, device="cuda")

    def milliseconds(self, call: Callable[[], object]) -> float:
        call()
        once = self._once(call)
        runs = int(min(20, max(5, 3000 / max(once, 1e-3))))
        return statistics.median(self._once(call) for _ in range(runs))

    def _once(self, call: Callable[[], object]) -> float:
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.other.zero_()
        torch.cuda._sleep(1_000_000)  # clocks: half a millisecond
        start.record()
        call()
        stop.record()
        torch.cuda.synchronize()
        milliseconds: float = start.elapsed_time(stop)
        return milliseconds


class OneRun:
    """Measures nothing: what runs under it is compiled afterwards."""

    def milliseconds(self, call: Callable[[], object]) -> float:
        call()
        return 1.0


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


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """TimeoutError where it takes longer: between two steps of Python, so not sharp."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds:.0f} s")

    before, begun = signal.signal(signal.SIGALRM, late), time.monotonic()
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        left = max(outer - (time.monotonic() - begun), 1e-3) if outer else 0
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)
