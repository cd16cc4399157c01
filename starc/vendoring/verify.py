"""`starc verify`: vendored files beside their pristine texts and their sources."""

import ast
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import starc
from starc.diagnostics import StarError
from starc.source import Source
from starc.values import dataclass
from starc.vendoring import folder as folders
from starc.vendoring import sources
from starc.vendoring.error import VendoringError
from starc.vendoring.find import File
from starc.vendoring.lock import Record
from starc.vendoring.merge import conflicts
from starc.vendoring.plan import is_stale, today
from starc.vendoring.text import read

STATES = (
    *("pristine", "edited", "stale", "conflict", "moved", "orphaned", "unlocked"),
    *("missing", "newer", "broken"),
)
FINE = STATES[:2]
"""Edits are what vendoring is for; every other state asks for something to be done."""


@dataclass(frozen=True)
class Verified:
    """states: pristine or edited; stale, orphaned, moved, conflict; or one alone of
    missing, unlocked, newer, broken. note: what to do, or what is wrong."""

    path: Path
    states: tuple[str, ...]
    starc: str = ""
    source: str = ""
    note: str = ""

    @property
    def fine(self) -> bool:
        return set(self.states) <= set(FINE)


def verify(files: Iterable[File]) -> Iterator[Verified]:
    """One for each of the files."""
    for file in files:
        path, record = file.at.path, file.record
        if record is None:
            note = "`starc vendor --adopt` records it"
            yield Verified(path, ("unlocked",), note=note)
            continue
        about = record.starc, record.source
        try:
            states, note = _states(file, record)
        except (StarError, VendoringError, OSError) as error:
            states, note = ["broken"], _said(error, path)
        yield Verified(path, tuple(states), *about, note)


def _states(file: File, record: Record) -> tuple[list[str], str]:
    """The states, and a note. Raises StarError, VendoringError, OSError."""
    if not file.is_there:
        return ["missing"], "take it back from git, or delete its table in starc.lock"
    place, home = file.at, file.home
    pristine = folders.pristine(home.folder, home.name, record)
    mine = read(place.folder, place.name).text
    states, notes = ["pristine" if mine == pristine else "edited"], []
    if file.moved:
        states.append("moved")
        notes.append(f"was {home.path}; `starc upgrade` records it")
    if lines := conflicts(mine):
        states.append("conflict")
        notes.append(f"line {lines[0]} begins a conflict")
    elif line := _broken_line(mine) if mine != pristine else 0:
        notes.append(f"line {line} is no Python")
    if record.newer:
        states.append("newer")
        return states, f"starc {record.starc} wrote it, and this is {starc.__version__}"
    source = sources.on_disk(home.folder, home.name, record)
    if source is None and record.source:
        states.append("orphaned")
        notes.append(f"no {record.source}; `starc recover` gives it back")
    source = source or Source(Path(record.source).name, record.text)
    try:
        if is_stale(
            record, pristine, today(source, record.options.today, record.source)
        ):
            states.append("stale")
            notes.append("`starc upgrade` merges what changed")
    except StarError as error:
        states.append("stale")
        notes.append(_said(error, place.path))
    return states, "; ".join(notes)


def _broken_line(text: str) -> int:
    """The line where Python stops to understand an edited file, 0 if it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1
    except (RecursionError, MemoryError, ValueError):
        return 1
    return 0


def _said(error: Exception, path: Path) -> str:
    """In one line."""
    if isinstance(error, StarError):
        first, *more = error.diagnostics
        others = f", and {len(more)} more" if more else ""
        return f"{first.span.place}: {first.title}{others}"
    if isinstance(error, OSError):
        return f"{error.filename or path}: {error.strerror}"
    return str(error)
