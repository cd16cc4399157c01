"""Skeleton: one sentence that says what T(x) is."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES
from starc.ir.operator import Group, Operator, Parameter
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Skeleton(Operator):
    """y = scale * sigmoid(gate) * x: write here the formula and where it is from.

    Groups gate and x (inner). T(x) has scale sigmoid(gate_i) at i = j, else 0.
    """

    inner: int

    kind: ClassVar[str] = "skeleton"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("gate", self.inner), Group("x", self.inner)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("scale", (self.inner,), ONES),)
