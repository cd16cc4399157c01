"""Files of a folder that may come from a stranger: never through a link, never whole
into memory before their size is known, and JSON that has to fit what it is for."""

import errno
import json
import math
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

JSON_BYTES = 1 << 20
"""Of a file of settings or progress; starc writes a few hundred."""


class ArtefactError(ValueError):
    """What a file holds is not what starc writes there; names file and field."""


def open_inside(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of the regular file `name`, as `candidates/1/log.txt`, in `folder`.

    Each step opens from the one before, and none is a link, so that nothing can be put
    in its place between a look and the opening. `folder` itself is the user's word, and
    may be a link. A device or a pipe is not waited for. Raises OSError.
    """
    path, safely = folder / name, os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        *between, last = Path(name).parts
        for part in between:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | safely, dir_fd=at)
            os.close(at)
            at = below
        handle = os.open(last, flags | safely | os.O_NONBLOCK, 0o666, dir_fd=at)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise _not_plain(path) from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_plain(path)
    return handle


def refuse_odd(*paths: Path) -> None:
    """OSError if one of them, or anything below, is neither a file nor a folder.

    What is not there is not odd. Links are not followed, so that what is written below
    later stays below.
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


def read_json(folder: Path, name: str) -> Any:
    """The value in a small file of a folder. Raises OSError, ArtefactError."""
    path = folder / name
    with os.fdopen(open_inside(folder, name), "rb") as file:
        raw = file.read(JSON_BYTES + 1)
    if len(raw) > JSON_BYTES:
        raise ArtefactError(f"{path}: more than {JSON_BYTES} bytes")
    try:
        return parse_json(raw.decode())
    except ValueError as error:
        raise ArtefactError(f"{path}: {error}") from None


def parse_json(text: str) -> Any:
    """`json.loads`, whose every failure is a ValueError: deep nesting too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def integer(found: Any, name: str, low: int, high: int) -> int:
    """`found` if it is one from low to high. ArtefactError names the field."""
    if isinstance(found, bool) or not isinstance(found, int):
        raise ArtefactError(f"{name} is no whole number")
    if not low <= found <= high:
        raise ArtefactError(f"{name} is outside of {low} to {high}")
    return found


def real(found: Any, name: str, low: float, high: float) -> float:
    """`found` as a float, if it is a number from low to high, not NaN."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ArtefactError(f"{name} is no number")
    if not low <= found <= high or math.isnan(found):
        raise ArtefactError(f"{name} is outside of {low:g} to {high:g}")
    return float(found)


def string(found: Any, name: str, most: int = 4096) -> str:
    """`found` if it is a text of at most so many characters."""
    if not isinstance(found, str):
        raise ArtefactError(f"{name} is no text")
    if len(found) > most:
        raise ArtefactError(f"{name} has more than {most} characters")
    return found


def one_of(found: Any, name: str, words: Iterable[str]) -> str:
    """`found` if it is one of some words."""
    if found not in (known := tuple(words)):
        raise ArtefactError(f"{name} is none of {', '.join(known)}")
    return str(found)


def _not_plain(path: Path) -> OSError:
    said = "Is a link or no plain file, and such are not followed in a folder"
    return OSError(errno.ELOOP, said, str(path))
