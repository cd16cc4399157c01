"""Early end of candidates that look hopeless: successive halving by front rank."""

import math
from collections.abc import Mapping, Sequence

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import rank, score
from starc.evolve.storage.rows import Row


def promoted(
    rows: Sequence[Row], outcomes: Mapping[int, Outcome], rung: int, spec: Spec
) -> tuple[set[int], dict[int, str]]:
    """Who goes on to the next rung, and for the others that could: why not.

    The best `keep` of them, by front and then by crowding; named seeds in any case,
    since everything is compared with them.
    """
    able = [row for row in rows if outcomes[row.id].status == "ok"]
    ranked = rank([score(row.id, rung, outcomes[row.id], spec) for row in able], spec)
    keep = math.ceil(spec.trainer.keep * len(able))
    named = {row.id for row in able if row.origin.startswith("seed:")}
    going = named | {one.id for one in ranked[:keep]}
    return going, {
        one.id: f"stopped after rung {rung}: front {one.rank + 1}, place {place} "
        f"of {len(able)}, {keep} go on"
        for place, one in enumerate(ranked, start=1)
        if one.id not in going
    }
