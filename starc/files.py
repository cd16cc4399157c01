"""Files are written whole or not at all: beside the old one, then renamed over it.

And never over what was read: `protect` says what that is, and whatever is written here
is held against it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READ_IN_FOLDERS = (
    *(".star", ".py", ".safetensors", ".sqlite", ".lock"),
    *(".npy", ".bin", ".jsonl"),
)
"""How the names of files begin to end that a command reads in a folder it was given."""

_protected: set[tuple[int, int]] = set()
"""Device and number of files and folders: the same for every link to one."""


def protect(name: str | Path | int) -> None:
    """From now on nothing is written over this file, or what is read in this folder.

    name: or a descriptor. One that is not there, or no file of a disk, is none.
    """
    found = _stat(name)
    if found is not None and stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFDIR):
        _protected.add((found.st_dev, found.st_ino))


def require_plain(path: Path) -> None:
    """OSError unless it is a file of a disk: others may never end, or never begin."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        said = "Is no plain file, and may have no end"
        raise OSError(errno.EINVAL, said, str(path))


def unprotect() -> None:
    """What was read may be written over: the command has ended."""
    _protected.clear()


def is_protected(name: str | Path | int) -> bool:
    """Whether to write there would destroy what was read."""
    found = _stat(name) if _protected else None
    if found is None or not stat.S_ISREG(found.st_mode):
        return False
    if (found.st_dev, found.st_ino) in _protected:
        return True
    if isinstance(name, int):
        return False
    path = Path(os.path.realpath(name))
    if not path.suffix.startswith(_READ_IN_FOLDERS):
        return False
    above = [_stat(folder) for folder in path.parents]
    return any((one.st_dev, one.st_ino) in _protected for one in above if one)


@contextmanager
def replaced(
    path: Path, durable: bool = True, in_place: bool = False
) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block succeeds.

    durable: on the disk itself before that, so that a power cut leaves one of the two;
    it takes milliseconds, and what can be made again does without. in_place: it is what
    was read, and may be replaced.

    On any exception, Ctrl-C included, it is removed and `path` stays what it was. A
    link is followed, the permissions of an older file are kept. OSError names `path`.
    """
    if not in_place and is_protected(path):
        raise OSError(errno.EINVAL, "This is read, and would be overwritten", str(path))
    real, temporary = Path(os.path.realpath(path)), None
    try:
        temporary = _beside(real)
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(real)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and _hides(error, real, temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def hidden(place: Path, path: Path) -> Iterator[None]:
    """An OSError of `place`, or of what is in it, names `path`: what the user knows."""
    try:
        yield
    except OSError as error:
        named = Path(str(error.filename))
        if error.errno is None or place not in (named, *named.parents):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """UTF-8 with the line ends of `text`; lone surrogates are written out."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"), durable)


def write_bytes(
    path: Path, data: bytes, durable: bool = True, in_place: bool = False
) -> None:
    """A file, whole or not at all. Devices and pipes are written to. OSError."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
    elif not (is_protected(path) and path.read_bytes() == data):
        with replaced(path, durable, in_place) as temporary:
            temporary.write_bytes(data)


def _beside(real: Path) -> Path:
    """A new empty file in the same folder, with the permissions of the old one."""
    path = real.with_name(f".{real.name[:40]}.{os.urandom(6).hex()}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    path.chmod(_mode(real))
    return path


def _hides(error: OSError, real: Path, temporary: Path | None) -> bool:
    """Whether it names a file that nobody knows of, or none."""
    if error.errno is None:
        return False
    hidden = (None, str(real), str(real.parent), str(temporary))
    named = Path(str(error.filename)).name
    return error.filename in hidden or named.startswith(f".{real.name[:40]}.")


def _stat(name: str | Path | int) -> os.stat_result | None:
    try:
        return os.stat(name)
    except (OSError, ValueError):
        return None


def _mode(path: Path) -> int:
    """The permissions `path` has, or those a new file would get here."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
