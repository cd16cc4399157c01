"""What a number was measured on: processor, versions, load, speed of the memory."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers


def facts() -> dict[str, Any]:
    """The machine and the versions. `load`: waiting processes of the last minute."""
    return {
        "processor": _processor(),
        "kind": kind(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def copy_gigabytes_per_second(size: int = 2**28, repeat: int = 7) -> float:
    """Bytes read and written by a copy of `size` bytes, which no cache holds."""
    source = torch.empty(size, dtype=torch.uint8).fill_(1)
    target = torch.empty_like(source)
    seconds = [timed(lambda: target.copy_(source)) for _ in range(repeat)]
    return 2 * size / statistics.median(seconds) / 1e9


def read(tensors: list[torch.Tensor]) -> None:
    """Reads tensors once, without computing anything that takes longer."""
    for tensor in tensors:
        tensor.view(-1).view(torch.int32).max()


def timed(
    call: Callable[[], object], now: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds of one call."""
    start = now()
    call()
    return now() - start


KINDS = {
    "amx": "amx_bf16",
    "avx512_bf16": "avx512_bf16",
    "avx512": "avx512f",
    "avx2": "avx2",
}
"""What a processor multiplies matrices with, the best first, and its flag."""


def kind() -> str:
    """Which of KINDS the processor is, for PyTorch chooses its products by that."""
    flags = _cpuinfo("flags").split()
    found = (name for name, flag in KINDS.items() if flag in flags)
    return next(found, platform.machine())


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(key: str) -> str:
    """What Linux says of the first processor, empty where it does not."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""
