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


def read_seconds(parameters: list[torch.Tensor], repeat: int = 7) -> float:
    """To read tensors once, without computing anything that takes longer."""
    flat = [parameter.detach().view(-1).view(torch.int32) for parameter in parameters]
    return statistics.median(
        timed(lambda: [tensor.max() for tensor in flat]) for _ in range(repeat)
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
