"""How much work something is, and waiting: the only tests file that reads a clock.

A number of seconds says which machine ran the test and what else ran there. Work is
counted instead, or compared between two sizes by a bound that only another order of
growth can pass. How long things take is measured in `benchmarks/`.
"""

import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

PATIENCE = 600.0
"""Seconds until `until` takes something for hung: far more than any machine needs."""


def calls(run: Callable[[], object]) -> int:
    """Calls of Python and C functions that `run` makes: the same on every machine."""
    count = 0

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def grows(
    small: Callable[[], object],
    large: Callable[[], object],
    by: float,
    rounds: int = 10,
) -> float:
    """By how many times `large` takes longer, for work that hides within C functions.

    The least of several runs each, in turn, so that what else the machine does meets
    both; the first that stays within `by` will do, because nothing else makes a run
    shorter. No garbage is collected meanwhile: that takes as long as the tests before
    this one left objects. Let the sizes differ by 16 or more and `by` lie well between
    the orders: 16 is linear, 256 quadratic, 80 a bound.
    """
    least = [float("inf"), float("inf")]
    collected = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for index, run in enumerate((small, large)):
                start = time.process_time()
                run()
                least[index] = min(least[index], time.process_time() - start)
            if least[1] <= by * least[0]:
                break
    finally:
        if collected:
            gc.enable()
    return least[1] / max(least[0], 1e-6)


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for something that another process does; fails where it never comes."""
    given_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < given_up, f"in {PATIENCE:.0f} seconds: no {what}"
        time.sleep(0.01)
