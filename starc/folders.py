"""Folders that may come from a stranger: nothing in them leads out, at any moment.

A path is opened step by step, each step from the descriptor of the one before, and none
is a link. So nothing that is put in the place of a name, even while a search goes on,
makes it read or write elsewhere.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from starc import files
from starc.artefacts import ArtefactError, parse_json
from starc.values import dataclass

JSON_BYTES = 1 << 20
"""Of a file of settings or progress; starc writes a few hundred."""

_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_BY_HANDLE = Path("/proc/self/fd")
"""Where a system has it, a path to what a descriptor stands for."""


@dataclass(frozen=True)
class Folder:
    """`root` is the user's word, and may be a link; `parts` lead down from there."""

    root: Path
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: "Folder | Path", make: bool = True) -> "Folder":
        """A path is a root, and made where it is not there."""
        if isinstance(folder, Folder):
            return folder
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    @property
    def name(self) -> str:
        return self.path.name

    def __truediv__(self, name: str) -> "Folder":
        return Folder(self.root, (*self.parts, name))

    @property
    def path(self) -> Path:
        """For people to read: nothing is opened by it."""
        return self.root.joinpath(*self.parts)

    def make(self) -> None:
        """Makes it, and what is above it up to the root, which has to be there."""
        with self._handle(make=True):
            pass

    def holds(self, name: str) -> bool:
        """Whether there is a folder of that name, and no link to one."""
        try:
            with (self / name)._handle():
                return True
        except OSError:
            return False

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of the regular file `name`, as `1/log.txt`. Raises OSError.

        A device or a pipe is not waited for. What is written in place has no other
        name: a hard link leads out as well.
        """
        if not Path(name).parts:  # "" or ".": the folder itself
            said = os.strerror(errno.EISDIR)
            raise IsADirectoryError(errno.EISDIR, said, str(self.path))
        *between, last = Path(name).parts
        here = Folder(self.root, (*self.parts, *between))
        with here._handle() as at:
            try:
                how = flags | _SAFELY | os.O_NONBLOCK
                handle = os.open(last, how, 0o666, dir_fd=at)
            except OSError as error:
                raise _named(error, here.path / last) from None
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise _not_plain(here.path / last)
        if flags & (os.O_WRONLY | os.O_RDWR) and found.st_nlink > 1:
            os.close(handle)
            said = "Has a second name, a hard link, so that to write would change both"
            raise OSError(errno.EMLINK, said, str(here.path / last))
        return handle

    def read(self, name: str, most: int) -> bytes:
        """All of a file. ArtefactError where it has more than `most` bytes; OSError."""
        with os.fdopen(self.open(name), "rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise ArtefactError(f"{self.path / name}: more than {most} bytes")
        return raw

    def read_json(self, name: str) -> Any:
        """The value in a small file. Raises OSError, ArtefactError."""
        raw = self.read(name, JSON_BYTES)
        try:
            return parse_json(raw.decode())
        except ValueError as error:
            raise ArtefactError(f"{self.path / name}: {error}") from None

    def write(self, name: str, data: str | bytes, durable: bool = False) -> None:
        """A file, whole or not at all; text as UTF-8. Raises OSError."""
        if isinstance(data, str):
            data = data.encode("utf-8", "backslashreplace")
        if files.is_protected(self.path / name) and self._is(name, data):
            return
        with self.replaced(name, durable) as temporary:
            temporary.write_bytes(data)

    def _is(self, name: str, data: bytes) -> bool:
        try:
            return self.read(name, len(data)) == data
        except (OSError, ArtefactError):
            return False

    @contextmanager
    def replaced(self, name: str, durable: bool = False) -> Iterator[Path]:
        """A path that takes the place of `name` when the block succeeds.

        It is gone on any exception. A link of that name is replaced, not followed.
        durable: it is on the disk itself before. OSError names the file.
        """
        path = self.path / name
        if files.is_protected(path):
            said = "This is read, and would be overwritten"
            raise OSError(errno.EINVAL, said, str(path))
        hidden = f".{name[:40]}.{os.urandom(6).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
        with self._handle() as at:
            try:
                os.close(os.open(hidden, flags, 0o666, dir_fd=at))
                by_handle = _BY_HANDLE / str(at)
                yield (by_handle if by_handle.exists() else self.path) / hidden
                if durable:
                    written = os.open(hidden, os.O_RDONLY | _SAFELY, dir_fd=at)
                    try:
                        os.fsync(written)
                    finally:
                        os.close(written)
                os.rename(hidden, name, src_dir_fd=at, dst_dir_fd=at)
            except BaseException as error:
                with suppress(OSError):
                    os.unlink(hidden, dir_fd=at)
                if isinstance(error, OSError) and error.errno is not None:
                    raise _named(error, path) from error
                raise

    def rename(self, old: str, new: str) -> None:
        with self._handle() as at:
            os.rename(old, new, src_dir_fd=at, dst_dir_fd=at)

    def remove(self, name: str) -> None:
        """A file, a link, or a folder with all that is in it; nothing is no error."""
        with self._handle() as at:
            with suppress(OSError):
                os.unlink(name, dir_fd=at)
                return
            shutil.rmtree(name, ignore_errors=True, dir_fd=at)

    def sizes(self) -> dict[str, int]:
        """Bytes of all regular files below, by relative path, sorted."""
        found: dict[str, int] = {}
        with suppress(FileNotFoundError), self._handle() as top:
            for above, _, names, at in os.fwalk(".", dir_fd=top):
                for name in names:
                    mode = os.stat(name, dir_fd=at, follow_symlinks=False)
                    if stat.S_ISREG(mode.st_mode):
                        found[(Path(above) / name).as_posix()] = mode.st_size
        return dict(sorted(found.items()))

    @contextmanager
    def _handle(self, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder itself. OSError."""
        path = self.root
        at = os.open(path, _FOLDER | os.O_CLOEXEC)
        try:
            for part in self.parts:
                path /= part
                try:
                    if part in ("", ".", "..") or "/" in part:
                        raise OSError(errno.ENOTDIR, "")
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(part, dir_fd=at)
                    below = os.open(part, _FOLDER | _SAFELY, dir_fd=at)
                except OSError as error:
                    raise _named(error, path) from None
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)


def refuse_odd(*paths: Path) -> None:
    """OSError if one of them, or anything below, is neither a file nor a folder.

    To say so before anything is done; what is not there is not odd.
    """
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(mode):
            with os.scandir(path) as inside:
                odd = [one for one in inside if not one.is_file(follow_symlinks=False)]
            waiting += map(Path, odd)
        elif not stat.S_ISREG(mode):
            raise _not_plain(path)


def _named(error: OSError, path: Path) -> OSError:
    """The same error of the file that people know; of links and the like, in words."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return _not_plain(path)
    return OSError(error.errno, error.strerror, str(path))


def _not_plain(path: Path) -> OSError:
    said = "Is a link or no plain file, and such are not followed in a folder"
    return OSError(errno.ELOOP, said, str(path))
