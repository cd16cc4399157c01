"""How fast a front is, timed again: all models in turn, round after round.

A search times each candidate when it is evaluated, minutes or hours apart. Here what
else the machine does meets all of them alike.
"""

import logging
import random
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from starc import compiler, working
from starc.columns import aligned
from starc.evolve.evaluation import timing
from starc.evolve.evaluation.subject import Subject
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.rows import Row
from starc.evolve.views import units
from starc.evolve.views.records import Record
from starc.folders import Folder
from starc.printable import printable
from starc.training import device, emitted
from starc.training.settings import TrainingError

UNITS = {
    "token_p50": "seconds",
    "token_p95": "seconds",
    "time_to_first_token": "seconds",
    "prefill_rate": "tokens a second",
}


def again(
    database: Database, front: Sequence[Row], folder: Path, rounds: int
) -> list[Record]:
    """Of each of these members of the front, and of each named first member beside it.

    id, name (of a first member, otherwise `front`), the measures of UNITS at the
    model's own context, batch 1: medians over the rounds, of which one more comes first
    and warms up; each round has an order of its own. noise: by what share the median
    token of the even rounds differs from that of the odd ones. rounds: at least 2.
    Tells starc.working how far it is. Raises RunError where the device of the search
    is not here.
    """
    spec = database.spec()
    named = database.candidates("WHERE c.origin LIKE 'seed:%'")
    rows = {row.id: row for row in [*front, *named] if row.status == "ok"}
    found: dict[int, list[dict[str, float]]] = {id: [] for id in rows}
    steps = count(1)
    total = len(rows) * (rounds + 2)
    with ExitStack() as stack:
        ready = {}
        for id, row in rows.items():
            subject = _subject(row, spec, folder)
            stack.callback(emitted.forget, subject.module)
            ready[id] = timing.prepared(subject, subject.module.Config().context)
            working.tell(next(steps), total)
        stack.enter_context(timing.alone())
        for number in range(rounds + 1):
            order = list(ready)
            random.Random(number).shuffle(order)
            for id in order:
                told = timing.once(*ready[id])
                working.tell(next(steps), total)
                if number:
                    found[id].append(told)
    return [_record(row, found[row.id]) for row in rows.values()]


def _subject(row: Row, spec: Spec, folder: Path) -> Subject:
    place = Folder(folder) / CANDIDATES / str(row.id)
    text = compiler.compile(row.source, f"{spec.name}_{row.id}.star")
    module = emitted.of_source(text.encode(), place.path / "model.py")
    try:
        where = device.choose(spec.trainer.device)
    except TrainingError as error:
        raise RunError(str(error)) from error
    log = logging.getLogger(__name__)
    return Subject(row.candidate, spec, place, row.source, module, where, log)


def _record(row: Row, rounds: list[dict[str, float]]) -> Record:
    named = row.origin.startswith("seed:")
    tokens = [one["token_p50"] for one in rounds]
    even, odd = statistics.median(tokens[::2]), statistics.median(tokens[1::2])
    return {
        "id": row.id,
        "name": row.origin.removeprefix("seed:") if named else "front",
        **{what: statistics.median(one[what] for one in rounds) for what in UNITS},
        "noise": abs(even - odd) / statistics.median(tokens),
    }


def as_text(found: list[Record]) -> str:
    """A table, the fastest first."""
    lines = [["id", "name", *UNITS, "noise"]]
    for one in sorted(found, key=lambda one: one["token_p50"]):
        shown = [units.value(one[what], unit) for what, unit in UNITS.items()]
        cells = [str(one["id"]), one["name"], *shown, f"{one['noise']:.1%}"]
        lines.append([printable(cell) for cell in cells])
    return "".join(f"{line}\n" for line in aligned(lines, 4))
