"""Early end of candidates that look hopeless: successive halving by front rank."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import rank, score
from starc.evolve.storage.rows import Row


def promoted(
    rows: Sequence[Row],
    outcomes: Mapping[int, Outcome],
    rung: int,
    spec: Spec,
    earlier: Mapping[int, Outcome] = MappingProxyType({}),
) -> tuple[set[int], dict[int, str]]:
    """Who goes on to the next rung, and for the others that could: why not.

    The best `keep` of them, by front and then by crowding; named seeds in any case,
    since everything is compared with them. earlier: outcomes at this rung of candidates
    whose fate is decided, of whom as many may be better: then it is the best `keep` of
    all that ever came to the rung (Li et al., MLSys 2020, arXiv 1810.05934), and a
    generation that is better than those before it goes on as a whole.
    """
    able = [row for row in rows if outcomes[row.id].status == "ok"]
    rivals = {row.id: outcomes[row.id] for row in able}
    rivals |= {id: one for id, one in earlier.items() if one.status == "ok"}
    scored = [score(id, rung, one, spec) for id, one in rivals.items()]
    ranked = rank(scored, spec)
    keep = math.ceil(spec.trainer.keep * len(ranked))
    going = {row.id for row in able if row.origin.startswith("seed:")}
    stopped = {}
    for place, one in enumerate(ranked, start=1):
        if one.id in earlier or one.id in going:
            continue
        if place <= keep:
            going.add(one.id)
        else:
            stopped[one.id] = (
                f"stopped after rung {rung}: front {one.rank + 1}, place {place} "
                f"of {len(ranked)}, {keep} go on"
            )
    return going, stopped
