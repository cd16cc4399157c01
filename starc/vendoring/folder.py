"""A folder with vendored files: what lies where in it, and how it is written.

The pristine text of each file, as starc wrote it, is a plain file in `.starc/`: git
shows and stores its changes as those of any text, and `git diff --no-index` with the
file beside it shows what was edited. Its name does not end in .py, so that no linter,
formatter or test runner takes it for code.
"""

import fcntl
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from starc.files import replaced
from starc.folders import refuse_odd
from starc.vendoring import lock as locks
from starc.vendoring import text as texts
from starc.vendoring.error import VendoringError
from starc.vendoring.lock import Record
from starc.vendoring.toml import quoted

KEPT = ".starc"
"""The folder of pristine texts, beside the lock."""

ATTRIBUTES = f"{KEPT}/.gitattributes"
_ATTRIBUTES = """\
# A pristine text is one that starc wrote: git takes one side of a merge or the other,
# and leaves line ends alone.
* -merge -text
"""


def pristine_name(name: str) -> str:
    """Where the pristine text of a vendored file is kept."""
    return f"{KEPT}/{name}.pristine"


def kept(folder: Path, name: str) -> str:
    """The text that is kept as pristine. Raises VendoringError, OSError."""
    try:
        return texts.read(folder, pristine_name(name)).text.replace("\r\n", "\n")
    except FileNotFoundError:
        raise VendoringError(
            f"{folder / pristine_name(name)}: this is gone: take it back from git, or "
            "run `starc vendor --adopt` on the source"
        ) from None


def pristine(folder: Path, name: str, record: Record) -> str:
    """The same, if it is what the lock says. Raises VendoringError, OSError."""
    found = kept(folder, name)
    if texts.digest(found) != record.pristine:
        raise VendoringError(
            f"{folder / pristine_name(name)}: this is not the text of "
            f"files.{quoted(name)}.pristine_sha256 in {locks.NAME}: take both from "
            "one commit, or run `starc vendor --adopt` on the source"
        )
    return found


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """While the block runs, no other starc writes here. Raises VendoringError, OSError.

    A lock of the kept folder itself: it ends with the process, and leaves no file.
    """
    path = folder / KEPT
    refuse_odd(path)
    path.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise VendoringError(f"{folder}: another starc is writing here") from None
    finally:
        os.close(handle)
        with suppress(OSError):  # something is in it
            path.rmdir()


def write(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """All of the files of a folder, in this order, or none; None removes one. OSError.

    All are written beside and lie on the disk before the first takes its place; from
    there on nothing is left to fail, and Ctrl-C waits. The lock comes last: what it
    says is there.
    """
    for name in files:
        refuse_odd(folder / name)
    with ExitStack() as places:
        for name, data in reversed(list(files.items())):
            if data is None:
                places.enter_context(_removed(folder / name))
                continue
            beside = replaced(folder / name, durable=False, in_place=True)
            with places.enter_context(beside).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        with _uninterrupted():
            places.close()


def forget(folder: Path, name: str) -> None:
    """Removes a record and its pristine text. The caller has claimed the folder."""
    lock = {n: record for n, record in locks.read(folder).items() if n != name}
    written = locks.write(lock).encode() if lock else None
    files = {locks.NAME: written, pristine_name(name): None}
    write(folder, files if lock else {**files, ATTRIBUTES: None})


def attributes(folder: Path) -> dict[str, bytes | None]:
    """What has to be written for git, where it is not there."""
    missing = not (folder / ATTRIBUTES).exists()
    return {ATTRIBUTES: _ATTRIBUTES.encode()} if missing else {}


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    yield
    path.unlink(missing_ok=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals that end starc wait until the block is done.

    Python's handlers are exchanged: a mask would hold for this thread only, and another
    one of the process would take the signal. Not in the main thread there are none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for first in came[:1]:
            signal.raise_signal(first)
