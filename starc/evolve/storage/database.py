"""run/evolve.sqlite: all that a search knows, written by its coordinator alone.

Every step is one transaction, so that a run that is killed goes on from the last one.
"""

import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import starc
from starc.artefacts import ArtefactError, integer
from starc.evolve.evaluation.failure import kind
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem import architecture
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.errors import RunError, sqlite_errors
from starc.evolve.storage.rows import (
    Generation,
    Row,
    Timing,
    generation_of,
    outcome_columns,
    outcome_of,
    row_of,
    timing_of,
    to_json,
)
from starc.evolve.storage.schema import COMPARED, SCHEMA, SCHEMA_VERSION
from starc.evolve.storage.stored import COUNT, MOST_RUNGS, parsed
from starc.folders import refuse_odd

__all__ = [
    "CANDIDATES",
    "COMPARED",
    "FILE",
    "SCHEMA",
    "SCHEMA_VERSION",
    "Database",
    "Generation",
    "Row",
    "RunError",
]

FILE = "evolve.sqlite"

LARGEST = 1 << 25
"""Bytes of a text, or of a row: more is refused before it is in memory."""

CANDIDATES = "candidates"
"""The folder of the candidates' folders, in that of the run."""


class Database:
    """One run. Reads and writes raise RunError where sqlite or the disk refuses."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self.identity = _identity(path)

    # Opening ------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, spec: Spec) -> "Database":
        """A new run in `folder`, which exists. RunError if it holds one."""
        path = folder / FILE
        _refuse_links(folder)
        with sqlite_errors(path):
            connection = sqlite3.connect(path, isolation_level=None)
            found = cls(connection, path)
            found._settle()
            if found._begun():
                connection.close()
                hint = "--resume goes on with it, -o is another"
                raise RunError(f"{folder} holds a run: {hint}")
            connection.execute("PRAGMA journal_mode = WAL")
            with found.transaction():
                for statement in SCHEMA.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                found._set(
                    schema=str(SCHEMA_VERSION),
                    spec=spec.to_json(),
                    digest=spec.digest(),
                    starc=starc.__version__,
                    seed=str(spec.seed),
                    state="running",
                )
        return found

    @classmethod
    def open(cls, folder: Path, write: bool = False) -> "Database":
        """The run in `folder`; without `write`, any number of readers at any time."""
        path = folder / FILE
        if not path.is_file():
            raise RunError(f"{folder} holds no run: there is no {FILE}")
        _refuse_links(folder)
        with sqlite_errors(path):
            connection = _connect(path, write)
            found = cls(connection, path)
            found._settle()
            found._check()
        return found

    def _settle(self) -> None:
        """Killing a process loses nothing; a power cut at most the last steps."""
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA busy_timeout = 10000")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA trusted_schema = OFF")
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        odd = "SELECT name FROM sqlite_master WHERE type NOT IN ('table', 'index')"
        if self.connection.execute(odd).fetchone():  # it could compute without end
            raise ArtefactError("views or triggers")

    def _begun(self) -> bool:
        """False in a file that is empty, as of a run killed before its first step."""
        query = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'meta'"
        return bool(self.connection.execute(query).fetchone()[0])

    def _check(self) -> None:
        if not self._begun():
            raise RunError(
                f"{self.path} holds no run yet: it was stopped before its first step, "
                "so start it again without --resume"
            )
        version = self.meta("schema")
        if version != str(SCHEMA_VERSION):
            raise RunError(
                f"{self.path} has tables of version {version}, this starc "
                f"({starc.__version__}) those of version {SCHEMA_VERSION}: "
                f"the run was made by starc {self.meta('starc')}"
            )
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        found = {_plain(sql) for (sql,) in self.connection.execute(query)}
        if found != {_plain(sql) for sql in SCHEMA.split(";\n") if sql.strip()}:
            raise ArtefactError("other tables, columns or indices")

    def close(self) -> None:
        with sqlite_errors(self.path):
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._still_there()
        with sqlite_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def _still_there(self) -> None:
        """Raises RunError if the file was deleted, which sqlite itself does not see."""
        if _identity(self.path) != self.identity:
            gone = f"{self.path} was deleted or replaced while the run went on"
            raise RunError(f"{gone}: what was found after that is lost")

    # Meta ---------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        found = self._one("SELECT value FROM meta WHERE key = ?", key)
        return str(found[0]) if found else ""

    def spec(self) -> Spec:
        with sqlite_errors(self.path):
            spec = Spec.from_json(self.meta("spec"))
            architecture.check(spec)
            return spec

    def set_meta(self, **values: str) -> None:
        with self.transaction():
            self._set(**values)

    def _set(self, **values: str) -> None:
        for item in values.items():
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", item)

    # Writing ------------------------------------------------------------------------

    def propose(
        self, generation: int, rows: Iterable[Row], statistics: dict[str, Any]
    ) -> None:
        """The candidates of a generation; illegal ones have their outcome already."""
        with self.transaction():
            for row in rows:
                self.connection.execute(
                    "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        row.id,
                        row.key,
                        row.candidate.to_json(),
                        row.source,
                        row.generation,
                        row.origin,
                        to_json(row.parents),
                        to_json(row.changes),
                        int(row.valid_before_repair),
                        row.function,
                    ),
                )
                if row.outcome is not None:
                    self._outcome(row.id, 0, row.outcome)
            self.connection.execute(
                "INSERT INTO proposals VALUES (?, ?)", (generation, to_json(statistics))
            )

    def record(self, candidate: int, rung: int, outcome: Outcome) -> None:
        """What came of one evaluation."""
        with self.transaction():
            self.connection.execute(
                "INSERT OR REPLACE INTO rungs VALUES (?, ?, ?, ?, ?)",
                (candidate, rung, *outcome_columns(outcome)),
            )
            self._outcome(candidate, rung, outcome)
            self._timings(candidate, rung, outcome.seconds)

    def stop(self, reasons: dict[int, str]) -> None:
        """Candidates that do not go on to the next rung, and why."""
        with self.transaction():
            for candidate, reason in reasons.items():
                self.connection.execute(
                    "UPDATE outcomes SET status = 'stopped', reason = ? "
                    "WHERE candidate = ?",
                    (reason, candidate),
                )

    def finish(self, generation: Generation, state: str = "running") -> None:
        with self.transaction():
            self.connection.execute(
                "INSERT INTO generations VALUES (?, ?, ?, ?, ?)",
                (
                    generation.number,
                    to_json(generation.population),
                    to_json(generation.front),
                    generation.hypervolume,
                    to_json(generation.statistics),
                ),
            )
            self._set(state=state)

    def clocked(self, name: str, seconds: float) -> None:
        """A timing of the coordinator itself."""
        with self.transaction():
            self._timings(0, 0, {name: seconds})

    def _outcome(self, candidate: int, rung: int, outcome: Outcome) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)",
            (candidate, rung, *outcome_columns(outcome)),
        )

    def _timings(self, candidate: int, rung: int, seconds: dict[str, float]) -> None:
        self.connection.executemany(
            "INSERT INTO timings VALUES (?, ?, ?, ?)",
            [(candidate, rung, name, value) for name, value in seconds.items()],
        )

    # Reading ------------------------------------------------------------------------

    @contextmanager
    def still(self) -> Iterator[None]:
        """One view of all tables, whatever is written meanwhile."""
        with sqlite_errors(self.path):
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    def candidates(self, where: str = "", *values: Any) -> list[Row]:
        """In the order of ids; `where` is SQL about candidates `c` and outcomes `o`."""
        found = self._all(
            "SELECT c.*, o.rung, o.status, o.reason, o.measures FROM candidates c "
            f"LEFT JOIN outcomes o ON o.candidate = c.id {where} ORDER BY c.id",
            *values,
        )
        with sqlite_errors(self.path):
            return [row_of(*columns) for columns in found]

    def measured(self, rung: int, newest: int) -> list[Row]:
        """The last `newest` candidates with an outcome "ok" at this rung, by id."""
        inner = "SELECT candidate FROM outcomes WHERE status = 'ok' AND rung = ?"
        where = f"WHERE c.id IN ({inner} ORDER BY candidate DESC LIMIT ?)"
        return self.candidates(where, rung, newest)

    def with_ids(self, ids: Iterable[int]) -> list[Row]:
        """In the order asked for."""
        listed = list(ids)
        marks = ", ".join("?" * len(listed))
        rows = self.candidates(f"WHERE c.id IN ({marks})", *listed)
        by_id = {row.id: row for row in rows}
        lost = [one for one in listed if one not in by_id]
        if lost:
            raise RunError(f"{self.path} names candidate {lost[0]}, and has none")
        return [by_id[one] for one in listed]

    def rung(
        self, rung: int, generation: int, before: bool = False
    ) -> dict[int, Outcome]:
        """Outcomes at one rung of the candidates of one generation, or all before."""
        which = "<" if before else "="
        found = self._all(
            "SELECT r.candidate, r.status, r.reason, r.measures FROM rungs r "
            "JOIN candidates c ON c.id = r.candidate "
            f"WHERE r.rung = ? AND c.generation {which} ? ORDER BY r.candidate",
            rung,
            generation,
        )
        with sqlite_errors(self.path):
            return {i: outcome_of(status, why, m) for i, status, why, m in found}

    def rungs(self) -> dict[int, dict[int, Outcome]]:
        """Every outcome as it was measured, by rung and candidate."""
        found: dict[int, dict[int, Outcome]] = {}
        for rung, id, *columns in self._all(
            "SELECT rung, candidate, status, reason, measures FROM rungs "
            "ORDER BY rung, candidate"
        ):
            with sqlite_errors(self.path):
                at = integer(rung, "rung", 0, MOST_RUNGS)
                one = integer(id, "candidate", 0, COUNT)
                found.setdefault(at, {})[one] = outcome_of(*columns)
        return found

    def generations(self) -> list[Generation]:
        found = self._all("SELECT * FROM generations ORDER BY number")
        with sqlite_errors(self.path):
            return [generation_of(*columns) for columns in found]

    def last_generation(self) -> Generation | None:
        query = "SELECT * FROM generations ORDER BY number DESC LIMIT 1"
        found = self._one(query)
        with sqlite_errors(self.path):
            return generation_of(*found) if found else None

    def proposal(self, generation: int) -> dict[str, Any] | None:
        """What was counted when a generation was proposed; None: it was not yet."""
        query = "SELECT statistics FROM proposals WHERE generation = ?"
        found = self._one(query, generation)
        with sqlite_errors(self.path):
            return dict(parsed(found[0], "statistics")) if found else None

    def proposals(self) -> dict[int, dict[str, Any]]:
        """`proposal` of all generations."""
        found = self._all("SELECT * FROM proposals ORDER BY generation")
        with sqlite_errors(self.path):
            return {
                integer(number, "generation", 0, COUNT): parsed(text, "statistics")
                for number, text in found
            }

    def count(self, where: str = "") -> int:
        found = self._one(f"SELECT COUNT(*) FROM candidates {where}")
        return int(found[0]) if found else 0

    def evaluations(self) -> int:
        """Candidates that cost an evaluation: all but illegal ones."""
        return self.count("WHERE key NOT LIKE 'illegal:%'")

    def common_failure(self) -> str:
        """Why nothing was measured, if all failed for one reason, numbers apart; else
        "". A candidate that breaks a requirement, as do all others, counts too."""
        found = self._all(
            "SELECT DISTINCT status, reason FROM outcomes o JOIN candidates c "
            "ON c.id = o.candidate WHERE c.key NOT LIKE 'illegal:%'"
        )
        kinds = {(status, kind(str(reason))) for status, reason in found}
        if len(kinds) == 1 and found[0][0] in ("failed", "invalid"):
            return str(found[0][1])
        return ""

    def last_birth(self) -> int:
        """The last generation that has candidates, -1 where none has."""
        found = self._one("SELECT COALESCE(MAX(generation), -1) FROM candidates")
        with sqlite_errors(self.path):
            return integer(found[0], "generation", -1, COUNT)

    def seen(self) -> tuple[set[str], set[str]]:
        """Keys and functions of all candidates so far."""
        found = self._all("SELECT key, function FROM candidates")
        return {key for key, _ in found}, {
            function for _, function in found if function
        }

    def timings(self) -> list[Timing]:
        with sqlite_errors(self.path):
            return [timing_of(*row) for row in self._all("SELECT * FROM timings")]

    def seconds(self, name: str) -> float:
        """The sum of all timings of one name."""
        query = "SELECT COALESCE(SUM(seconds), 0) FROM timings WHERE name = ?"
        found = self._one(query, name)
        return float(found[0]) if found else 0.0

    def dump(self, tables: Iterable[str]) -> str:
        """Everything in some tables, to compare runs."""
        lines = []
        for table in tables:
            lines.append(f"== {table}")
            lines += [
                repr(row) for row in self._all(f"SELECT * FROM {table} ORDER BY 1, 2")
            ]
        return "\n".join(lines)

    def _one(self, query: str, *values: Any) -> Any:
        with sqlite_errors(self.path):
            return self.connection.execute(query, values).fetchone()

    def _all(self, query: str, *values: Any) -> list[Any]:
        with sqlite_errors(self.path):
            return self.connection.execute(query, values).fetchall()


def _identity(path: Path) -> tuple[int, int] | None:
    """Of a file; None of a link, or where nothing is."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _plain(sql: str) -> str:
    """Without comments, on one line."""
    return " ".join(re.sub(r"--.*", "", sql).split())


def _refuse_links(folder: Path) -> None:
    """RunError where the database, or a file that sqlite keeps beside it, is a link."""
    try:
        refuse_odd(
            *(folder / f"{FILE}{end}" for end in ("", "-wal", "-shm", "-journal"))
        )
    except OSError as error:
        raise RunError(f"{error.filename}: {error.strerror}") from error


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    """A reader also reads where nothing at all can be written."""
    mode = "rw" if write else "ro"
    if not write and not os.access(path.parent, os.W_OK):
        if not path.with_name(f"{path.name}-wal").exists():
            mode += "&immutable=1"  # WAL's shared memory cannot be made here
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
