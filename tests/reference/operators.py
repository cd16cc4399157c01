"""A small instance of every operator and option, by a name for the test's report.

They are those of `starc/operators/*/cases.py`: `attention`, `attention-window`, ...
"""

from starc import operators
from starc.ir.operator import Operator
from starc.reference.cases import cases_of


def named(kind: str, instance: str) -> str:
    return f"{kind}-{instance}" if instance else kind


OPERATORS: dict[str, Operator] = {
    named(kind, instance): operator
    for kind in operators.NAMES
    for instance, operator in cases_of(kind).instances.items()
}

TYPICAL: list[str] = [
    named(kind, instances[place])
    for kind in operators.NAMES
    for instances in [list(cases_of(kind).instances)]
    for place in sorted({0, len(instances) - 1})
]
"""The first and the last instance of each: where an option makes no difference."""

SHARED: list[str] = [
    named(kind, instance)
    for kind in operators.NAMES
    for instance in cases_of(kind).shared
]
"""Those that are tried in every form of sharing."""
