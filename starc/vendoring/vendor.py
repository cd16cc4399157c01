"""`starc vendor`: an emitted file into a folder of somebody's repository."""

import errno
import keyword
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from starc.source import Source
from starc.values import dataclass
from starc.vendoring import folder as folders
from starc.vendoring import lock as locks
from starc.vendoring import sources
from starc.vendoring.error import VendoringError
from starc.vendoring.find import Place
from starc.vendoring.lock import Record
from starc.vendoring.options import DEFAULTS, Options
from starc.vendoring.plan import Plan, again, first, read_mine, save, today


@dataclass(frozen=True)
class Vendored:
    """path: of the file. recorded: whether the lock knows where the source is."""

    path: Path
    plan: Plan
    recorded: bool


def file_name(source: str) -> str:
    """What the file of a source is called, so that Python can import it.

    >>> file_name("nets/my-net.star")
    'my_net.py'
    """
    stem = re.sub(r"\W", "_", Path(source).stem, flags=re.ASCII)[-200:] or "_"
    if stem[0].isdigit() or keyword.iskeyword(stem):
        stem = f"_{stem}"
    return f"{stem}.py"


def vendor(
    source: Source,
    folder: Path,
    name: str = "",
    options: Options = DEFAULTS,
    adopt: bool = False,
) -> Vendored:
    """Writes the file and its record; with edits merged where it is there already.

    name: of the file, by default after the source. adopt: the file that is there stays
    as it is, and what it has else than today's is taken for edits.

    Raises StarError, VendoringError, OSError; then nothing was written.
    """
    name = name or file_name(source.name)
    if not locks.good_name(name):
        raise VendoringError(f"--name {name}: not the name of a file such as net.py")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    found = today(source, options, sources.path_from(folder, source.name))
    place = Place(folder, name)
    with _present(folder), folders.claimed(folder):
        record = locks.read(folder).get(name)
        if record is not None:
            _same_source(place, record, found.path)
        mine = read_mine(place)
        if record is None or mine is None or adopt:
            plan = first(mine.text if mine else None, found, adopt)
        else:
            plan = again(mine.text, place, record, found)
        if plan is None:
            raise VendoringError(
                f"{place.path}: this is there, and {folder / locks.NAME} does not know "
                "it: --adopt keeps it, with what it has else than today's as edits; "
                "--name gives the new file another name"
            )
        save(place, place, mine, plan)
    return Vendored(place.path, plan, bool(found.path))


@contextmanager
def _present(folder: Path) -> Iterator[None]:
    """The folder, made where only it is missing, and gone again if the block fails."""
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _same_source(place: Place, record: Record, path: str) -> None:
    """Raises VendoringError if the file is made from another source, still there."""
    if record.source in (path, "") or not (place.folder / record.source).is_file():
        return
    raise VendoringError(
        f"{place.path}: this is vendored from {record.source}: --name gives the new "
        "file another name"
    )
