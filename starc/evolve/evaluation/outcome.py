"""What came of an evaluation; also on disk, as metrics.json."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from starc.artefacts import ArtefactError, integer, one_of, string
from starc.folders import Folder

FILE = "metrics.json"
STATUSES = ("ok", "invalid", "failed", "stopped")


@dataclass(frozen=True)
class Outcome:
    """status: "ok"; "invalid": the candidate cannot be built, leaks the future, or
    breaks a requirement; "failed": it diverged, crashed, or ran out of memory or time;
    "stopped": someone ended the run; in the database, halving ended the candidate.

    reason: one line for a person; the log has more. measures: by the labels of the
    objectives, with all that was learned besides. seconds: by stage.
    """

    status: str
    reason: str = ""
    measures: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def of(found: Any) -> "Outcome":
        """From what `to_json` gave. Raises ArtefactError where it is something else."""
        if not isinstance(found, dict):
            raise ArtefactError("an outcome is no object")
        return Outcome(
            one_of(found.get("status"), "status", STATUSES),
            string(found.get("reason"), "reason", 1 << 20),
            _numbers(found.get("measures"), "measures"),
            _numbers(found.get("seconds"), "seconds"),
        )

    def write(self, folder: Folder, rung: int, made_by: str) -> None:
        """metrics.json, whole or not at all. made_by: digest of all that decided it."""
        found: dict[str, Any] = {"rung": rung, "made_by": made_by, **asdict(self)}
        folder.write(FILE, json.dumps(found, indent=2, sort_keys=True) + "\n")


def read(folder: Folder, rung: int, made_by: str) -> Outcome | None:
    """The outcome that `write` left with the same rung and digest, if there is one."""
    return _read(folder, made_by, rung)


def last(folder: Folder, made_by: str) -> Outcome | None:
    """The outcome that `write` left with the same digest, of whichever rung."""
    return _read(folder, made_by, None)


def _read(folder: Folder, made_by: str, rung: int | None) -> Outcome | None:
    try:
        found = folder.read_json(FILE)
        if found["made_by"] != made_by or rung not in (None, found["rung"]):
            return None
        return Outcome.of(found)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _numbers(found: Any, what: str) -> dict[str, float]:
    """Also those that are not finite: a loss may be. ArtefactError."""
    if not isinstance(found, dict):
        raise ArtefactError(f"{what} is no object")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArtefactError(f"{what}: {name!r} is no number")
        if isinstance(value, int):
            integer(value, f"{what}: {name!r}", -(2**63), 2**63 - 1)
    return {name: float(value) for name, value in found.items()}
