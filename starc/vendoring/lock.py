"""`starc.lock`: what each vendored file of a folder was made from.

TOML, a table a file, sorted, the source as its lines: a review reads what changed. All
of it is checked here, for it may have been edited, merged or sent by anyone.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import starc
from starc import artefacts
from starc.artefacts import ArtefactError
from starc.choices import KERNELS
from starc.frontend.parse import LARGEST as LARGEST_SOURCE
from starc.values import dataclass
from starc.vendoring import text as texts
from starc.vendoring import toml
from starc.vendoring.error import naming
from starc.vendoring.options import Options, options

NAME = "starc.lock"
VERSION = 1
"""Of the format of the file."""

LARGEST = 1 << 23
"""Bytes of the file: 8 MiB."""

_TOP = """\
# What the vendored files beside this one were made from; starc writes it.
# Where a merge left a conflict: take either side of a file's whole table, and the
# same side of .starc/, then run `starc upgrade`.
"""
_PART = r"""\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_DEEP = re.compile(f"(?:{_PART}){{64}}")
"""A key such as a.b.c...: those of thousands of parts take the parser hours."""

_FILE = re.compile(r"\w[\w. -]*\.py")
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}[\w.+-]{0,30}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARKER = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """What a vendored file was made from.

    starc: the version that wrote it. source: the path of the `.star` file, relative to
    the folder of the lock, "" where it lies outside of the repository. text: the source
    itself. pristine: sha256 of the file as it was written.
    """

    starc: str
    source: str
    options: Options
    text: str
    pristine: str

    @property
    def newer(self) -> bool:
        """Whether a later starc than this one wrote the file."""
        return _numbers(self.starc) > _numbers(starc.__version__)


Lock = Mapping[str, Record]
"""By the name of the file."""


def read(folder: Path) -> dict[str, Record]:
    """The records of a folder; none where it has no lock.

    Raises VendoringError, which names the file and the field; OSError.
    """
    try:
        text = texts.read(folder, NAME, LARGEST).text
    except FileNotFoundError:
        return {}
    with naming(folder / NAME):
        return dict(_parsed(text))


@lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Record]:
    """Kept, for an upgrade reads one lock again for each of its files."""
    if marker := _MARKER.search(text):
        raise ArtefactError(
            f"line {_line(text, marker)} is the marker of a merge conflict: take "
            "either side of that file's whole table, and the same side of .starc/"
        )
    if deep := _DEEP.search(text):
        raise ArtefactError(f"line {_line(text, deep)} is nested too deep")
    try:
        return _checked(tomllib.loads(text))
    except RecursionError:
        raise ArtefactError("nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise ArtefactError(str(error)) from None


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


def write(lock: Lock) -> str:
    """The text of the file."""
    parts = [f"{_TOP}\nversion = {VERSION}\n"]
    for name, record in sorted(lock.items()):
        values: dict[str, toml.Value] = {
            "starc": record.starc,
            "source": record.source,
            "without": record.options.without,
            "kernels": record.options.kernels,
            "source_sha256": texts.digest(record.text),
            "pristine_sha256": record.pristine,
            "text": record.text,
        }
        parts.append(toml.table(f"files.{toml.quoted(name)}", values))
    return "\n".join(parts)


def good_name(name: str) -> bool:
    """Whether a vendored file may be called so: it is no path, and not hidden."""
    return _FILE.fullmatch(name) is not None and len(name.encode()) <= 240


def _checked(found: dict[str, Any]) -> dict[str, Record]:
    version = found.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ArtefactError(
            f"version {version} is of a newer starc than this one, "
            f"{starc.__version__}: install that"
        )
    artefacts.integer(version, "version", VERSION, VERSION)
    _fields(found, "the file", {"version"}, {"files"})
    files = found.get("files", {})
    if not isinstance(files, dict):
        raise ArtefactError("files is no table")
    return {name: _record(name, fields) for name, fields in files.items()}


def _record(name: str, found: Any) -> Record:
    at = f"files.{toml.quoted(name)}"
    if not good_name(name):
        raise ArtefactError(f"{at} is not the name of a file of Python in this folder")
    if not isinstance(found, dict):
        raise ArtefactError(f"{at} is no table")
    known = {"starc", "source", "without", "kernels", "text"}
    _fields(found, at, known | {"source_sha256", "pristine_sha256"}, set())
    text = artefacts.string(found["text"], f"{at}.text", LARGEST_SOURCE)
    if _matching(found, at, "source_sha256", _SHA256) != texts.digest(text):
        raise ArtefactError(
            f"{at}.text is not what source_sha256 says: it was edited by hand, or "
            "merged line by line; take it back from git"
        )
    return Record(
        _matching(found, at, "starc", _VERSION),
        _source(found["source"], f"{at}.source"),
        options(
            _without(found["without"], f"{at}.without"),
            artefacts.one_of(found["kernels"], f"{at}.kernels", KERNELS),
        ),
        text,
        _matching(found, at, "pristine_sha256", _SHA256),
    )


def _fields(found: dict[str, Any], at: str, needed: set[str], others: set[str]) -> None:
    for name in sorted(needed - found.keys()):
        raise ArtefactError(f"{at} has no {name}")
    for name in sorted(found.keys() - needed - others):
        raise ArtefactError(f"{at} has a field {toml.quoted(name)}, which is unknown")


def _matching(found: Any, at: str, name: str, pattern: re.Pattern[str]) -> str:
    text = artefacts.string(found[name], f"{at}.{name}", 200)
    if not pattern.fullmatch(text):
        what = "version" if pattern is _VERSION else "sha256 in hexadecimal"
        raise ArtefactError(f"{at}.{name} is no {what}")
    return text


def _source(found: Any, at: str) -> str:
    path = artefacts.string(found, at)
    if path and (path.startswith("/") or "\0" in path or not path.endswith(".star")):
        raise ArtefactError(f"{at} is no relative path of a .star file")
    return path


def _without(found: Any, at: str) -> set[str]:
    if not isinstance(found, list):
        raise ArtefactError(f"{at} is no list of passes")
    names = {artefacts.string(name, at, 100) for name in found}
    if not all(re.fullmatch(r"[a-z_]+", name) for name in names):
        raise ArtefactError(f"{at} is no list of passes")
    return names


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[\d.]+", version)
    return tuple(int(n) for n in found[0].split(".") if n) if found else ()
