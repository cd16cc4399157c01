"""What two LIVs must agree in, for one to take a feature of the other."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest

import starc
from starc import operators
from starc.alphabet import templates
from starc.alphabet.shipped import prelude
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import Residual
from starc.lower.built import Built
from starc.lower.fits import other_feature
from starc.lower.references import Shared
from starc.reference.cases import cases_of
from starc.source import NOWHERE


def pairs(kind: str) -> Iterator[tuple[Operator, Operator]]:
    """Any two instances, and each beside itself with one of its numbers doubled."""
    instances = cases_of(kind).instances.values()
    yield from product(instances, instances)
    for one in instances:
        for field in fields(one):
            value = getattr(one, field.name)
            if type(value) is int and value and field.name != "width":
                twice: dict[str, Any] = {field.name: 2 * value}
                yield one, replace(one, **twice)


@pytest.mark.parametrize("kind", operators.NAMES)
def test_a_feature_that_fits_has_the_shape_that_is_wanted(kind: str) -> None:
    template = next(t for t in templates() if t.kind == kind)
    liv = next(c for c in prelude().classes.values() if c.template is template)
    use = ast.Use(NOWHERE, None, ast.Name(NOWHERE, liv.name), (), ())

    def shared(operator: Operator) -> Shared:
        return Shared(use, liv, Built(operator, Residual(), Residual()))

    fitting = unlike = 0
    for one, other in pairs(kind):
        theirs = {group.name: group for group in other.groups}
        for group in one.groups:
            if group.name in theirs and not group.stack:
                differ = other_feature(shared(one), shared(other), group.name)
                fitting += not differ
                unlike += bool(differ)
                assert differ or theirs[group.name] == group
    assert fitting and unlike


def test_a_gate_of_other_values_is_told() -> None:
    """A gate of each channel is as wide as the values are."""
    text = """
model m { width = 64 }
backbone {
  a: SA-1(heads = 4, gate = channel)
  b: SA-1(heads = 4, gate = channel, value_dim = 32) gate from a
}
"""
    (found,) = starc.check(text)
    assert found.code == "sharing-misfit" and "value_dim 32" in found.label
