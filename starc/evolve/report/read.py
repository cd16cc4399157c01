"""A run as it is in its database at this moment; nothing is ever written there."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.rows import Generation, Row, Timing


class ReportError(Exception):
    """The run cannot be read; the message says why."""


@dataclass(frozen=True)
class Run:
    """All tables in one consistent view.

    rungs: outcomes as they were measured, by rung and candidate; what was stopped later
    is "ok" there. Measures that are no finite number are left out everywhere.
    """

    folder: str
    spec: Spec
    entries: tuple[Row, ...]
    rungs: dict[int, dict[int, Outcome]]
    generations: tuple[Generation, ...]
    proposals: dict[int, dict[str, Any]]
    timings: tuple[Timing, ...]

    @cached_property
    def by_id(self) -> dict[int, Row]:
        return {entry.id: entry for entry in self.entries}

    @property
    def front(self) -> tuple[Row, ...]:
        """Of the last finished generation; empty before the first."""
        ids = self.generations[-1].front if self.generations else ()
        return tuple(self.by_id[id] for id in ids)

    @property
    def evaluated(self) -> tuple[Row, ...]:
        """Those with a full evaluation."""
        return tuple(entry for entry in self.entries if entry.status == "ok")


def read(folder: Path) -> Run:
    """The run in `folder`. Raises ReportError."""
    try:
        database = Database.open(folder)
    except RunError as error:
        raise ReportError(str(error)) from error
    try:
        with database.still():
            return Run(
                folder.resolve().name,
                database.spec(),
                tuple(_finite_row(row) for row in database.candidates()),
                {
                    rung: {id: _finite(outcome) for id, outcome in found.items()}
                    for rung, found in database.rungs().items()
                },
                tuple(database.generations()),
                database.proposals(),
                tuple(database.timings()),
            )
    except RunError as error:
        raise ReportError(str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        what = f"{database.path} holds what no search wrote: {error!r}"
        raise ReportError(what) from error
    finally:
        database.close()


def _finite_row(row: Row) -> Row:
    if row.outcome is None:
        return row
    return replace(row, outcome=_finite(row.outcome))


def _finite(outcome: Outcome) -> Outcome:
    found = {
        label: float(value)
        for label, value in outcome.measures.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
    return replace(outcome, measures=found)
