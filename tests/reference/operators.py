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

SHARED: list[str] = [
    named(kind, instance)
    for kind in operators.NAMES
    for instance in cases_of(kind).shared
]
"""Those that are tried in every form of sharing."""
