"""Numbers that remember the expression they come from: `heads * head_dim`.

An operator whose fields are such numbers says in words what else it computes of them:
the widths of its groups, the shapes of its tensors and of its state. That is how the
emitted file writes what the IR counts, each said in one place.
"""

import operator
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

from starc.ir.operator import Operator

O = TypeVar("O", bound=Operator)  # noqa: E741


class Symbol(int):
    """A whole number, and its expression as Python writes it.

    It is equal to the number. Sums, differences, products, whole quotients and `least`
    of it with another number are of this kind too; all else gives plain numbers.
    binds: how tightly the expression holds together, from SUM to ATOM.
    """

    text: str
    binds: int

    def __new__(cls, value: int, text: str, binds: int = 3) -> "Symbol":
        made = super().__new__(cls, value)
        made.text, made.binds = text, binds
        return made

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: int) -> "Symbol":
        return _infix(self, "+", other)

    def __radd__(self, other: int) -> "Symbol":
        return _infix(other, "+", self)

    def __sub__(self, other: int) -> "Symbol":
        return _infix(self, "-", other)

    def __rsub__(self, other: int) -> "Symbol":
        return _infix(other, "-", self)

    def __mul__(self, other: int) -> "Symbol":
        return _infix(self, "*", other)

    def __rmul__(self, other: int) -> "Symbol":
        return _infix(other, "*", self)

    def __floordiv__(self, other: int) -> "Symbol":
        return _infix(self, "//", other)

    def __rfloordiv__(self, other: int) -> "Symbol":
        return _infix(other, "//", self)


SUM, QUOTIENT, PRODUCT, ATOM = range(4)

_INFIX: dict[str, tuple[Callable[[int, int], int], int, int, int]] = {
    "+": (operator.add, SUM, SUM, SUM),
    "-": (operator.sub, SUM, SUM, QUOTIENT),
    "*": (operator.mul, PRODUCT, QUOTIENT, PRODUCT),
    "//": (operator.floordiv, QUOTIENT, QUOTIENT, ATOM),
}
"""What it computes, how it binds, and how each side has to, without brackets."""


def _infix(left: int, sign: str, right: int) -> Symbol:
    compute, binds, least_left, least_right = _INFIX[sign]
    text = f"{_side(left, least_left)} {sign} {_side(right, least_right)}"
    if binds == PRODUCT:  # 2 * a // b is no product any more
        binds = min(binds, _binds(left))
    return Symbol(compute(int(left), int(right)), text, binds)


def _binds(number: int) -> int:
    return number.binds if isinstance(number, Symbol) else ATOM


def _side(number: int, needed: int) -> str:
    return str(number) if _binds(number) >= needed else f"({number})"


def least(one: int, other: int) -> int:
    """The smaller one; of symbols `min(one, other)`."""
    value = min(int(one), int(other))
    if isinstance(one, Symbol) or isinstance(other, Symbol):
        return Symbol(value, f"min({one}, {other})")
    return value


def symbolic(op: O, names: dict[str, str]) -> O:
    """The operator with its whole numbers as symbols, by their fields' names.

    `names`: what to write instead of some fields. The result is equal to the operator.
    """
    values = {field.name: getattr(op, field.name) for field in fields(op)}
    symbols: dict[str, Any] = {
        name: Symbol(value, names.get(name, name))
        for name, value in values.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    return replace(op, **symbols)
