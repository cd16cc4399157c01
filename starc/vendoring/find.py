"""Vendored files below the paths that a command was given."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from pathlib import Path

from starc.folders import Folder
from starc.values import dataclass
from starc.vendoring import lock as locks
from starc.vendoring.carried import TOP, Header, header_of
from starc.vendoring.error import VendoringError
from starc.vendoring.lock import Record
from starc.vendoring.text import digest

_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}


@dataclass(frozen=True)
class Place:
    """A vendored file: its folder, and its name there."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        return self.folder / self.name


@dataclass(frozen=True)
class File:
    """at: where it is. home: where its record is, another place if it was renamed.

    record: None where no lock knows the file.
    """

    at: Place
    home: Place
    record: Record | None
    is_there: bool = True

    @property
    def moved(self) -> bool:
        return self.at != self.home


@dataclass
class Found:
    """problems: of locks that could not be read, and of paths that name nothing."""

    files: list[File] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)


def find(paths: Iterable[Path]) -> Found:
    """What is vendored, or says that starc wrote it, in folders and what is below them.

    Links and hidden folders are not entered, nor virtual environments. A file that a
    lock misses and one that no lock knows are one file that was renamed, where the
    source in the header says so and no other could be meant.
    """
    found = Found()
    folders: dict[Path, set[str] | None] = {}
    called: dict[str, Path] = {}  # of several names for one folder the first
    for path in paths:
        try:
            for folder, name in _folders(path):
                folder = called.setdefault(os.path.realpath(folder), folder)
                names = folders.setdefault(folder, set())
                if name is None:
                    folders[folder] = None
                elif names is not None:
                    names.add(name)
        except OSError as error:
            found.problems.append(error)
    headers: dict[Place, Header] = {}
    for folder in folders:
        try:
            found.files += _in_folder(folder, headers)
        except (VendoringError, OSError) as error:
            found.problems.append(error)
    found.files = _followed(found.files, headers)
    _keep(found, folders)
    found.files.sort(key=lambda file: file.at.path)
    return found


def _folders(path: Path) -> Iterator[tuple[Path, str | None]]:
    """Folders to look into, and the one name that is asked for. Raises OSError."""
    if path.is_dir():
        for folder, below, _ in os.walk(path):
            below[:] = sorted(
                name
                for name in below
                if not name.startswith(".")
                and name not in _LEFT_OUT
                and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
            )
            yield Path(folder), None
        return
    yield path.parent, None if path.name == locks.NAME else path.name
    if not path.exists() and path.name not in _names(path.parent):
        path.stat()  # raises what is wrong with it


def _names(folder: Path) -> Iterable[str]:
    try:
        return locks.read(folder)
    except (VendoringError, OSError):
        return ()


def _in_folder(folder: Path, headers: dict[Place, Header]) -> Iterator[File]:
    """Files of one folder. Raises VendoringError for its lock, OSError."""
    lock = locks.read(folder)
    for name, record in lock.items():
        place = Place(folder, name)
        yield File(place, place, record, os.path.lexists(place.path))
    with os.scandir(folder) as inside:
        names = sorted(
            one.name
            for one in inside
            if one.name.endswith(".py") and one.is_file(follow_symlinks=False)
        )
    for name in names:
        if name in lock:
            continue
        header = header_of(_top(folder, name))
        if header is not None:
            place = Place(folder, name)
            headers[place] = header
            yield File(place, place, None)


def _top(folder: Path, name: str) -> str:
    try:
        with os.fdopen(Folder(folder).open(name), "rb") as file:
            return file.read(TOP).decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return ""  # what cannot be read was not vendored as far as anyone can say


def _followed(files: list[File], headers: dict[Place, Header]) -> list[File]:
    """With the files that were renamed in one piece."""
    missing: dict[str, list[File]] = {}
    unknown: dict[str, list[File]] = {}
    for file in files:
        if file.record is not None and not file.is_there:
            missing.setdefault(digest(file.record.text), []).append(file)
        elif file.record is None and (source := headers[file.at].digest):
            unknown.setdefault(source, []).append(file)
    for source, lost in missing.items():
        candidates = unknown.get(source, [])
        if len(lost) == len(candidates) == 1 and locks.good_name(candidates[0].at.name):
            (old,), (new,) = lost, candidates
            files[files.index(new)] = replace(old, at=new.at, is_there=True)
            files.remove(old)
    return files


def _keep(found: Found, folders: dict[Path, set[str] | None]) -> None:
    """Of folders that were not asked for as a whole, the files that were."""

    def asked(place: Place) -> bool:
        names = folders.get(place.folder, set())
        return names is None or place.name in names

    found.files = [f for f in found.files if asked(f.at) or asked(f.home)]
    seen = {place for file in found.files for place in (file.at, file.home)}
    for folder, names in folders.items():
        for name in sorted(names or ()):
            if Place(folder, name) not in seen and not found.problems:
                said = "starc did not write it, as far as its first lines say"
                found.problems.append(VendoringError(f"{folder / name}: {said}"))
