"""The front of a run: as it stands, from another process too."""

from typing import Any

from starc.evolve.problem.architecture import genome, genome_text, in_words
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import front, score
from starc.evolve.storage.database import Database
from starc.evolve.storage.rows import Row
from starc.evolve.views import units
from starc.printable import printable


def members(database: Database) -> list[Row]:
    """Nobody measured so far is better in every objective; by the first of them.

    Candidates of a generation that is not finished count too.
    """
    spec = database.spec()
    last = database.last_generation()
    rows = {row.id: row for row in database.with_ids(last.front if last else ())}
    number = last.number if last else -1
    for row in database.candidates("WHERE c.generation > ?", number):
        rows[row.id] = row
    scored = [
        score(row.id, row.rung or 0, row.outcome, spec)
        for row in rows.values()
        if row.outcome is not None and row.rung == len(spec.trainer.rungs) - 1
    ]
    best = sorted(front(scored), key=lambda one: (one.values, one.id))
    return [rows[one.id] for one in best]


def as_text(rows: list[Row], spec: Spec) -> str:
    """A table: id, objectives, where from, and the LIVs."""
    goals = [goal.label for goal in spec.objectives]
    lines = [["id", *map(printable, goals), "born", "from", "genome"]]
    for row in rows:
        assert row.outcome is not None
        found = [units.of(goal, row.outcome.measures) for goal in spec.objectives]
        born = f"generation {row.generation}"
        cells = [str(row.id), *found, born, _origin(row), _genome(row, spec)]
        lines.append([printable(cell) for cell in cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]) - 1)]
    return "".join(
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[-1]]
        )
        + "\n"
        for line in lines
    )


def as_json(rows: list[Row], spec: Spec) -> list[dict[str, Any]]:
    """genome: null where a LIV has no published code, as in the table."""
    return [
        {
            "id": row.id,
            "measures": row.outcome.measures if row.outcome else {},
            "generation": row.generation,
            "origin": row.origin,
            "parents": list(row.parents),
            "genome": _lists(row, spec),
            "parameters": [dict(of_liv) for of_liv in row.candidate.parameters],
            "model": dict(row.candidate.model),
            "source": row.source,
        }
        for row in rows
    ]


def _lists(row: Row, spec: Spec) -> list[list[int]] | None:
    found = genome(row.candidate, spec)
    return None if found is None else [list(genes) for genes in found]


def _origin(row: Row) -> str:
    parents = f" of {' and '.join(map(str, row.parents))}" if row.parents else ""
    return row.origin + parents


def _genome(row: Row, spec: Spec) -> str:
    genes = "".join(f" {name} = {in_words(v)}" for name, v in row.candidate.model)
    return genome_text(row.candidate, spec) + genes
