"""Candidates as flat records, for tables that other programs read."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from starc.evolve.problem.architecture import genome_text
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.rows import Row

Record = dict[str, Any]


def records(rows: Sequence[Row], spec: Spec, front: set[int]) -> list[Record]:
    """A record each, all with the same keys in the same order.

    id, generation, origin, parents (list of ids), status, reason, rung, front (whether
    it is on the front); a column each for the genes of the model block, `model.norm`,
    and for every measure by its label, objectives first; genome, as `starc front`
    prints it; parameters (JSON, a list of objects) where the search opens any; source.
    What a candidate does not have is None.
    """
    found = {label for row in rows if row.outcome for label in row.outcome.measures}
    goals = [goal.label for goal in spec.objectives]
    labels = list(dict.fromkeys([*goals, *sorted(found)]))
    return [_record(row, spec, front, labels) for row in rows]


def _record(row: Row, spec: Spec, front: set[int], labels: Sequence[str]) -> Record:
    chosen = dict(row.candidate.model)
    opened = [dict(of_liv) for of_liv in row.candidate.parameters]
    return {
        "id": row.id,
        "generation": row.generation,
        "origin": row.origin,
        "parents": list(row.parents),
        "status": row.status,
        "reason": row.outcome.reason if row.outcome else "",
        "rung": row.rung,
        "front": row.id in front,
        **{f"model.{name}": chosen.get(name) for name, _ in spec.genes},
        **{label: row.measure(label) for label in labels},
        "genome": genome_text(row.candidate, spec),
        **({"parameters": json.dumps(opened)} if spec.open else {}),
        "source": row.source,
    }


def as_csv(found: Sequence[Record]) -> str:
    """A line each: without the source, parents with blanks between, None empty."""
    found = [{k: v for k, v in one.items() if k != "source"} for one in found]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if found:
        writer.writerow(found[0])
    for record in found:
        writer.writerow(
            " ".join(map(str, value)) if isinstance(value, list) else value
            for value in record.values()
        )
    return out.getvalue()


def as_parquet(found: Sequence[Record]) -> bytes:
    """Columns of the types of their values. Needs pyarrow."""
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    names = list(found[0]) if found else []
    columns = {name: _column([one[name] for one in found]) for name in names}
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def _column(values: list[Any]) -> Any:
    """Words beside numbers, as a gene of the model may have, are all words."""
    import pyarrow

    kinds = {type(value) for value in values if value is not None}
    if len(kinds - {int, float}) and len(kinds) > 1:
        values = [None if value is None else str(value) for value in values]
    if kinds == {list}:
        return pyarrow.array(values, pyarrow.list_(pyarrow.int64()))
    return pyarrow.array(values)
