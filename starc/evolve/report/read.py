"""A run as it is in its database at this moment; nothing is ever written there."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from starc.evolve.candidate import Candidate
from starc.evolve.changes import Changes
from starc.evolve.database import FILE
from starc.evolve.schema import SCHEMA_VERSION
from starc.evolve.spec import Spec


class ReportError(Exception):
    """The run cannot be read; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """Of one candidate at one rung. `measures`: numbers only, by label."""

    rung: int
    status: str
    reason: str
    measures: dict[str, float]


@dataclass(frozen=True)
class Entry:
    """A candidate and how it came about. `outcome` is None until it is evaluated."""

    id: int
    candidate: Candidate
    source: str
    generation: int
    origin: str
    parents: tuple[int, ...]
    changes: Changes
    valid_before_repair: bool
    outcome: Outcome | None
    rungs: tuple[Outcome, ...]

    @property
    def status(self) -> str:
        return self.outcome.status if self.outcome else "waiting"

    def measure(self, label: str) -> float | None:
        """Of a candidate whose last evaluation succeeded or was stopped."""
        return self.outcome.measures.get(label) if self.outcome else None


@dataclass(frozen=True)
class Generation:
    """A finished one. `front`: of all candidates so far."""

    number: int
    population: tuple[int, ...]
    front: tuple[int, ...]
    hypervolume: float
    statistics: dict[str, Any]


@dataclass(frozen=True)
class Timing:
    candidate: int
    rung: int
    name: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """All tables in one consistent view."""

    folder: str
    meta: dict[str, str]
    spec: Spec
    entries: tuple[Entry, ...]
    generations: tuple[Generation, ...]
    proposals: dict[int, dict[str, Any]]
    timings: tuple[Timing, ...]

    @cached_property
    def by_id(self) -> dict[int, Entry]:
        return {entry.id: entry for entry in self.entries}

    @property
    def front(self) -> tuple[Entry, ...]:
        """Of the last finished generation; empty before the first."""
        ids = self.generations[-1].front if self.generations else ()
        return tuple(self.by_id[id] for id in ids)

    @property
    def evaluated(self) -> tuple[Entry, ...]:
        """Those with a full evaluation."""
        return tuple(entry for entry in self.entries if entry.status == "ok")


def read(folder: Path) -> Run:
    """The run in `folder`. Raises ReportError."""
    path = folder / FILE
    if not path.is_file():
        raise ReportError(f"{folder} is no run: it has no {FILE}")
    try:
        with _opened(path) as connection:
            return _run(folder, connection)
    except sqlite3.Error as error:
        raise ReportError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path} holds what no search wrote: {error!r}") from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Read-only; in a folder where SQLite may not even make its lock files, as a file
    that nobody writes to."""
    address = path.resolve().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=30)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(f"{address}?immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    connection.isolation_level = None
    connection.execute("BEGIN")  # one view of all tables, whatever is written meanwhile
    try:
        yield connection
    finally:
        connection.close()


def _run(folder: Path, connection: sqlite3.Connection) -> Run:
    def rows(query: str) -> list[sqlite3.Row]:
        return list(connection.execute(query))

    meta = {str(key): str(value) for key, value in rows("SELECT key, value FROM meta")}
    version = meta.get("schema", str(SCHEMA_VERSION))
    if version != str(SCHEMA_VERSION):
        raise ReportError(
            f"the database has version {version}, this starc reads {SCHEMA_VERSION}"
        )
    outcomes = {
        row["candidate"]: _outcome(row) for row in rows("SELECT * FROM outcomes")
    }
    rungs: dict[int, list[Outcome]] = {}
    for row in rows("SELECT * FROM rungs ORDER BY candidate, rung"):
        rungs.setdefault(row["candidate"], []).append(_outcome(row))
    entries = tuple(
        _entry(row, outcomes.get(row["id"]), tuple(rungs.get(row["id"], ())))
        for row in rows("SELECT * FROM candidates ORDER BY id")
    )
    generations = tuple(
        Generation(
            row["number"],
            tuple(json.loads(row["population"])),
            tuple(json.loads(row["front"])),
            float(row["hypervolume"]),
            json.loads(row["statistics"]) or {},
        )
        for row in rows("SELECT * FROM generations ORDER BY number")
    )
    proposals = {
        row["generation"]: json.loads(row["statistics"])
        for row in rows("SELECT * FROM proposals ORDER BY generation")
    }
    timings = tuple(
        Timing(row["candidate"], row["rung"], row["name"], row["seconds"])
        for row in rows("SELECT * FROM timings")
    )
    spec = Spec.from_json(meta["spec"])
    name = folder.resolve().name
    return Run(name, meta, spec, entries, generations, proposals, timings)


def _outcome(row: sqlite3.Row) -> Outcome:
    measures = {
        label: float(value)
        for label, value in json.loads(row["measures"]).items()
        if isinstance(value, int | float) and _finite(value)
    }
    return Outcome(row["rung"], row["status"], row["reason"], measures)


def _finite(value: float) -> bool:
    return value - value == 0


def _entry(
    row: sqlite3.Row, outcome: Outcome | None, rungs: tuple[Outcome, ...]
) -> Entry:
    changes = json.loads(row["changes"])
    return Entry(
        row["id"],
        Candidate.from_json(row["candidate"]),
        row["source"],
        row["generation"],
        row["origin"],
        tuple(json.loads(row["parents"])),
        tuple(changes),
        bool(row["valid_before_repair"]),
        outcome,
        rungs,
    )
