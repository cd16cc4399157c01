"""Files are written whole or not at all: beside the old one, then renamed over it."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block succeeds.

    durable: on the disk itself before that, so that a power cut leaves one of the two;
    it takes milliseconds, and what can be made again does without.

    On any exception, Ctrl-C included, it is removed and `path` stays what it was. A
    link is followed, the permissions of an older file are kept. OSError as usual.
    """
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(_mode(path))
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Writes UTF-8 with the line ends of `text`. Devices and pipes are written to."""
    if path.is_dir():
        raise IsADirectoryError(21, "Is a directory", str(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8", newline="")
        return
    with replaced(path, durable) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def _mode(path: Path) -> int:
    """The permissions `path` has, or those a new file would get here."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
