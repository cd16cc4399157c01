"""What a search requires of every candidate."""

import operator
from collections.abc import Callable

from starc.evolve.evaluation.failure import invalid
from starc.evolve.problem.spec import Spec
from starc.numerals import numeral

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


def require(spec: Spec, measures: dict[str, float]) -> None:
    """Raises Ended for a requirement that what was measured so far breaks."""
    for asked in spec.requirements:
        found = measures.get(asked.label)
        if found is not None and not RELATIONS[asked.relation](found, asked.bound):
            wanted = f"{asked.label} {asked.relation} {numeral(asked.bound)}"
            raise invalid(f"breaks a requirement: {wanted}, it has {numeral(found)}")
