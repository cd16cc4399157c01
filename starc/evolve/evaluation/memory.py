"""The most memory that a piece of work needs, above what the process had before."""

import ctypes
import gc
import threading
from pathlib import Path
from types import TracebackType

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Peak:
    """`nbytes` after `end_use`: the peak between begin_use and end_use.

    It counts from the start of the block, so that a model made in it is included, but
    not what its initialization needed beside it. On a GPU it is what torch allocated,
    on Linux the resident memory, elsewhere 0.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.nbytes = 0
        self._before = 0
        self._sampler: _Sampler | None = None

    def __enter__(self) -> "Peak":
        _tidy()
        if self.device.type == "cuda":
            self._before = torch.cuda.memory_allocated(self.device)
        else:
            self._before = _resident("VmRSS")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sampler is not None:
            self._sampler.stop()

    def begin_use(self) -> None:
        _tidy()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            _CLEAR.write_text("5")  # VmHWM starts again from VmRSS: man proc_pid_clear
        except OSError:
            self._sampler = _Sampler()

    def end_use(self) -> None:
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
        elif self._sampler is not None:
            peak = self._sampler.stop()
        else:
            peak = _resident("VmHWM")
        self.nbytes = max(0, peak - self._before)


class _Sampler:
    """Looks at the memory every millisecond, where the kernel keeps no peak."""

    def __init__(self) -> None:
        self._peak = _resident("VmRSS")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.001):
            self._peak = max(self._peak, _resident("VmRSS"))

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return self._peak


def _resident(line: str) -> int:
    """Bytes; 0 where the system does not say."""
    try:
        for found in _STATUS.read_text().splitlines():
            if found.startswith(f"{line}:"):
                return int(found.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _tidy() -> None:
    """Gives back what is free, so that earlier work neither hides nor adds anything."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not glibc
