"""Numbers that remember their expression: the text says what the number is."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starc.backend.emission import emission
from starc.ir.symbolic import Symbol, least, symbolic
from tests.reference.operators import OPERATORS

VALUES = {"a": 2, "b": 3, "c": 7, "d": 64}
Step = Callable[[int, int], int]
STEPS: dict[str, Step] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "//": lambda x, y: x // (y or 1),
    "least": least,
}

numbers = st.recursive(
    st.sampled_from(sorted(VALUES)) | st.integers(1, 9),
    lambda inner: st.tuples(st.sampled_from(sorted(STEPS)), inner, inner),
    max_leaves=8,
)


def made(tree: object, symbols: bool) -> int:
    if isinstance(tree, tuple):
        step, left, right = tree
        return STEPS[step](made(left, symbols), made(right, symbols))
    if isinstance(tree, str):
        return Symbol(VALUES[tree], tree) if symbols else VALUES[tree]
    assert isinstance(tree, int)
    return tree


@given(numbers)
def test_the_text_of_a_number_is_worth_the_number(tree: object) -> None:
    found = made(tree, symbols=True)
    assert found == made(tree, symbols=False)
    assert eval(str(found), {"min": min, **VALUES}) == found


def test_it_is_written_as_a_person_would() -> None:
    a, b = Symbol(2, "a"), Symbol(3, "b")
    assert [str(x) for x in (a * b, a * b + 1, (a + 1) * b, a - (b - 1))] == [
        *("a * b", "a * b + 1", "(a + 1) * b", "a - (b - 1)")
    ]
    assert [str(x) for x in (3 * a, 1 + a, a // b, a // (a * b), least(a, 5))] == [
        *("3 * a", "1 + a", "a // b", "a // (a * b)", "min(a, 5)")
    ]
    assert f"{a}" == "a" and a == 2 and hash(a) == hash(2)


@pytest.mark.parametrize("name", OPERATORS)
def test_widths_of_the_emitted_class_are_those_of_the_operator(name: str) -> None:
    op = OPERATORS[name]
    assert symbolic(op, {}) == op
    found = emission(op)
    known: dict[str, Any] = {
        argument.name: argument.value for argument in found.arguments
    }
    known |= {"config": SimpleNamespace(width=op.width), "max_length": 9, "min": min}
    for group in op.groups:
        assert eval(found.widths[group.name], known) == group.width
    (read,) = [p.shape[1] for p in op.output if p.name == "out.weight"] or [op.inner]
    assert eval(found.inner, known) == read
    shapes = {s.name: s.shape for s in found.states if s.shape}
    wanted = {tensor.name: tensor.shape for tensor in op.state(9)}
    assert shapes.keys() == wanted.keys()
    for state, shape in wanted.items():
        assert tuple(eval(size, known) for size in shapes[state]) == shape
