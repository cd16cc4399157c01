"""Ctrl-C, SIGTERM and the end of the minutes: between steps, never inside one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """Raised between two steps. `why`: interrupted, or out of time."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Stop:
    """Signals are noted; while the search waits for outcomes they end the waiting.

    seconds: of the budget that are left, 0: no limit. `signal`: that ended it, or 0.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.signal = 0
        self._waiting = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                self._before[number] = signal.signal(number, self._noted)
            if self.seconds:
                signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 1e-3))
        return self

    def __exit__(self, *_: object) -> None:
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises Stopped if there was a signal."""
        if self.signal:
            timed = self.signal == signal.SIGALRM
            raise Stopped("out of time" if timed else "interrupted")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A signal within the block ends it: nothing is being written."""
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def _noted(self, number: int, _: FrameType | None) -> None:
        if self.signal in (signal.SIGINT, signal.SIGTERM) and number == self.signal:
            raise KeyboardInterrupt  # a second one ends all at once
        self.signal = number
        if self._waiting:
            self._waiting = False
            self.check()
