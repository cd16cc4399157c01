"""The `.star` file that a vendored file was made from, beside or above it on the disk.

A lock may come from a stranger, so its paths lead nowhere but into the repository.
"""

import errno
import os
from pathlib import Path

from starc.diagnostics import Problems
from starc.frontend.load import load
from starc.frontend.parse import LARGEST
from starc.source import Source
from starc.vendoring import lock as locks
from starc.vendoring.error import VendoringError
from starc.vendoring.lock import Record
from starc.vendoring.toml import quoted


def root(folder: Path) -> Path:
    """The repository that the folder is in: nothing outside of it is read.

    Where there is none: the current folder; where that does not hold it, the folder.
    """
    real = Path(os.path.realpath(folder))
    for above in (real, *real.parents):
        if (above / ".git").exists():
            return above
    here = Path(os.path.realpath(os.curdir))
    return here if real.is_relative_to(here) else real


def path_from(folder: Path, file: str) -> str:
    """How the lock of a folder names a `.star` file; "" where it cannot.

    It is outside of the repository then, not called .star, or its name is no text.
    """
    real = os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))
    path = Path(os.path.relpath(real, os.path.realpath(folder))).as_posix()
    try:
        path.encode()
    except UnicodeEncodeError:
        return ""
    inside = Path(os.path.realpath(file)).is_relative_to(root(folder))
    return path if inside and path.endswith(".star") and len(path) <= 4096 else ""


def on_disk(folder: Path, name: str, record: Record) -> Source | None:
    """The source as it is today; None where the lock names none, or it is gone.

    Raises VendoringError where the path leads out of the repository or to something
    else, StarError where it is no text, OSError.
    """
    if not record.source:
        return None
    at = f"{folder / locks.NAME}: files.{quoted(name)}.source"
    path = os.path.normpath(folder / record.source)
    real = Path(os.path.realpath(folder / record.source))
    if not real.is_relative_to(root(folder)):
        raise VendoringError(f"{at} leads out of {root(folder)}, and is not read")
    if real.suffix != ".star":
        raise VendoringError(f"{at} leads to {real.name}, which is no .star file")
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise OSError(error.errno, error.strerror, path) from None
    with os.fdopen(handle, "rb") as file:
        if not real.is_file():
            raise VendoringError(f"{at} leads to what is no plain file")
        data = file.read(LARGEST + 1)
    problems = Problems()
    source = load(path, data, problems)
    problems.check()
    assert source is not None, "a problem was added"
    return source
