"""The launches of every kernel file: of a file here, or of its cases."""

import importlib
from pathlib import Path
from typing import Any

from tests.triton.every_kernel import FUNCTIONS
from tests.triton.sized_launches import SizedLaunches

FILES = [path.stem for path in Path(__file__).parent.glob("launches_*.py")]
SIZED = {kernel.name: kernel for kernel in FUNCTIONS if kernel.tiles is not None}
NAMES = sorted([*SIZED, *(name.removeprefix("launches_") for name in FILES)])


def launches_of(name: str) -> Any:
    """KERNEL, calls(module) and arguments(), as ahead_of_time.py says."""
    if name in SIZED:
        return SizedLaunches(SIZED[name])
    return importlib.import_module(f"tests.triton.launches_{name}")
