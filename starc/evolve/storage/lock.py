"""One coordinator a run."""

import fcntl
import os
from pathlib import Path

from starc.evolve.storage.errors import RunError
from starc.folders import Folder

FILE = "evolve.lock"
_HELD: set[Path] = set()


class Lock:
    """Held from `take` to `release`, or until the process ends, however it does.

    A lock of POSIX, not of flock(2): children do not inherit it, so that workers that
    outlive a killed coordinator for a moment do not keep the run closed.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.resolve() / FILE
        self._handle = -1

    def take(self) -> None:
        """Raises RunError if another coordinator has it; OSError."""
        if self.path in _HELD:  # POSIX would let the same process in again
            raise RunError(self._in_use(os.getpid()))
        handle = Folder(self.path.parent).open(FILE, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise RunError(self._in_use(holder)) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle
        _HELD.add(self.path)

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            _HELD.discard(self.path)
            self._handle = -1

    def _in_use(self, holder: int | str) -> str:
        who = f"process {holder}" if holder else "another process"
        return (
            f"{self.path.parent} is being searched by {who}: one run, one coordinator"
        )
