"""What becomes of one vendored file when it is written anew, and the writing."""

import os
from dataclasses import replace
from pathlib import Path

import starc
from starc import compiler
from starc.source import Source
from starc.values import dataclass
from starc.vendoring import folder as folders
from starc.vendoring import lock as locks
from starc.vendoring.carried import body, telling, vendored
from starc.vendoring.error import VendoringError
from starc.vendoring.find import Place
from starc.vendoring.lock import Record
from starc.vendoring.merge import NoGit, conflicts, merge
from starc.vendoring.options import Options
from starc.vendoring.text import TextFile, digest, read

CURRENT, WRITTEN, REPLACED, ADOPTED = "current", "written", "replaced", "adopted"
MERGED, CONFLICT, UNMERGED = "merged", "conflict", "not merged"


@dataclass(frozen=True)
class Plan:
    """action: one of those above. text: of the file afterwards. new: the pristine text
    afterwards. record: what the lock says afterwards. conflicts: lines of `text` where
    one begins."""

    action: str
    text: str
    new: str
    record: Record
    conflicts: tuple[int, ...] = ()

    @property
    def fine(self) -> bool:
        return self.action not in (CONFLICT, UNMERGED)


@dataclass(frozen=True)
class Today:
    """What starc makes today of a source. path: of it, as the lock says it."""

    source: Source
    options: Options
    emitted: str
    path: str

    def vendored(self, old: str = "") -> str:
        """The file; old: its earlier text."""
        return vendored(self.emitted, self.source.text, self.options.words, old)

    def record(self, new: str) -> Record:
        return Record(
            starc.__version__, self.path, self.options, self.source.text, digest(new)
        )


def today(source: Source, options: Options, path: str) -> Today:
    """Raises StarError with every mistake in the source."""
    without = frozenset(options.without)
    text = compiler.compile(source, without=without, kernels=options.kernels)
    return Today(source, options, text, path)


def is_stale(record: Record, pristine: str, today: Today) -> bool:
    """Whether the source or its options changed, or today's starc writes another model.

    That it would write the same under another version's number is no reason to.
    """
    same = record.text == today.source.text and record.options == today.options
    return not same or body(pristine) != body(today.vendored(pristine))


def first(mine: str | None, today: Today, adopt: bool) -> Plan | None:
    """The plan where no edits are known; None where `mine` is not to be written over.

    mine: what is there. adopt: it stays, and its differences count as edits; it only
    begins to tell where it comes from.
    """
    new = today.vendored(mine or "")
    record = today.record(new)
    if mine is None:
        return Plan(WRITTEN, new, new, record)
    text = telling(mine, today.emitted, new)
    return Plan(ADOPTED, text, new, record) if adopt or text == new else None


def again(mine: str, place: Place, record: Record, today: Today) -> Plan:
    """The plan with the edits that `mine` holds. place: where the record is.

    Raises VendoringError, OSError where the pristine text is not there.
    """
    if record.newer:
        raise VendoringError(
            f"{place.path}: written by starc {record.starc}, and this is "
            f"{starc.__version__}: install that, or a later one"
        )
    pristine = folders.kept(place.folder, place.name)
    new = today.vendored(pristine)
    if digest(pristine) != record.pristine and pristine == new:
        # a power cut, before the lock was written
        return Plan(CURRENT, mine, new, today.record(new))
    pristine = folders.pristine(place.folder, place.name, record)
    if not is_stale(record, pristine, today):
        return Plan(CURRENT, mine, pristine, replace(record, source=today.path))
    kept = today.record(new)
    if mine in (pristine, new):
        return Plan(REPLACED, new, new, kept)
    before, now = f"pristine, starc {record.starc}", f"today, starc {starc.__version__}"
    try:
        found = merge(mine, pristine, new, before, now)
    except NoGit:
        return Plan(UNMERGED, mine, new, record)
    action = CONFLICT if found.conflicts else MERGED
    return Plan(action, found.text, new, kept, found.conflicts)


def read_mine(place: Place) -> TextFile | None:
    """The file as it is; None if it is not there.

    Raises VendoringError if it is no text or holds a conflict, OSError.
    """
    if not os.path.lexists(place.path):
        return None
    found = read(place.folder, place.name)
    if lines := conflicts(found.text):
        raise VendoringError(
            f"{place.path}: line {lines[0]} begins a conflict that is not solved"
        )
    return found


def save(place: Place, home: Place, mine: TextFile | None, plan: Plan) -> None:
    """Writes the file with its record and pristine text; nothing that is so already.

    home: where the record was, `place` if it was there. The caller has claimed the
    folders. OSError.
    """
    layout = mine or TextFile("")
    if plan.action == UNMERGED:
        _beside(place, layout.encode(plan.new))
        return
    lock = dict(locks.read(place.folder))
    if home.folder == place.folder and home != place:
        del lock[home.name]
    lock[place.name] = plan.record
    kept = folders.pristine_name(place.name)
    files: dict[str, bytes | None] = {}
    if mine is None or plan.text != mine.text:
        files[place.name] = layout.encode(plan.text)
    files |= folders.attributes(place.folder)
    files |= {kept: plan.new.encode(), locks.NAME: locks.write(lock).encode()}
    if home.folder == place.folder and home != place:
        files[folders.pristine_name(home.name)] = None
    folders.write(place.folder, _changed(place.folder, files))
    if home.folder != place.folder:
        folders.forget(home.folder, home.name)


def _changed(folder: Path, files: dict[str, bytes | None]) -> dict[str, bytes | None]:
    found = {}
    for name, data in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
            found[name] = data
    return found


def _beside(place: Place, data: bytes) -> None:
    """Today's version, for whoever merges by hand. Raises VendoringError, OSError."""
    name = f"{place.name}.new"
    path = place.folder / name
    if os.path.lexists(path) and (path.is_symlink() or path.read_bytes() != data):
        raise VendoringError(f"{path}: this is in the way of today's version")
    folders.write(place.folder, {name: data})
