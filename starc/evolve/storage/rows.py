"""Rows of the database as values."""

import json
from dataclasses import dataclass
from typing import Any

from starc.artefacts import integer, real, string
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.storage import stored


@dataclass(frozen=True)
class Row:
    """A candidate as it stands in the database, with its last outcome, if any."""

    id: int
    key: str
    candidate: Candidate
    source: str
    generation: int
    origin: str
    parents: tuple[int, ...]
    changes: tuple[dict[str, Any], ...]
    valid_before_repair: bool
    function: str
    rung: int | None = None
    outcome: Outcome | None = None

    @property
    def status(self) -> str:
        return self.outcome.status if self.outcome else "waiting"

    @property
    def legal(self) -> bool:
        """Whether it describes an architecture, which alone costs an evaluation."""
        return not self.key.startswith("illegal:")

    def measure(self, label: str) -> float | None:
        """What the last evaluation says, if there was one and it came so far."""
        return self.outcome.measures.get(label) if self.outcome else None


@dataclass(frozen=True)
class Generation:
    """A finished generation; `front` is of all candidates up to it."""

    number: int
    population: tuple[int, ...]
    front: tuple[int, ...]
    hypervolume: float
    statistics: dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """What a clock said. candidate: 0 is the coordinator itself."""

    candidate: int
    rung: int
    name: str
    seconds: float


def to_json(value: Any) -> str:
    """Canonical: equal values give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def outcome_columns(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.status, outcome.reason, to_json(outcome.measures)


def outcome_of(status: str, reason: str, measures: str) -> Outcome:
    return Outcome(
        string(status, "status"),
        string(reason, "reason", 1 << 20),
        stored.measures(measures),
    )


def generation_of(
    number: int, population: str, front: str, hypervolume: float, statistics: str
) -> Generation:
    return Generation(
        integer(number, "generation", 0, stored.COUNT),
        stored.ids(population, "population"),
        stored.ids(front, "front"),
        real(hypervolume, "hypervolume", -1e300, 1e300),
        stored.parsed(statistics, "statistics"),
    )


def timing_of(candidate: Any, rung: Any, name: Any, seconds: Any) -> Timing:
    return Timing(
        integer(candidate, "timing: candidate", 0, stored.COUNT),
        integer(rung, "timing: rung", 0, stored.MOST_RUNGS),
        string(name, "timing: name"),
        real(seconds, "timing: seconds", 0, 1e12),
    )


def row_of(*columns: Any) -> Row:
    id, key, candidate, source, generation, origin, parents, changes, valid = columns[
        :9
    ]
    function, rung, status, reason, measures = columns[9:]
    return Row(
        integer(id, "id", 0, stored.COUNT),
        string(key, "key"),
        Candidate.from_json(candidate),
        string(source, "source", 16 << 20),
        integer(generation, "generation", 0, stored.COUNT),
        string(origin, "origin"),
        stored.ids(parents, "parents"),
        stored.changes(changes),
        bool(integer(valid, "valid_before_repair", 0, 1)),
        string(function, "function", 1 << 20),
        None if rung is None else integer(rung, "rung", 0, stored.MOST_RUNGS),
        None if status is None else outcome_of(status, reason, measures),
    )
