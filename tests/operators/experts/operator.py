"""Experts: y = p_e W_e silu(up), e the likeliest expert of softmax(route)."""

from functools import cached_property
from math import prod
from typing import ClassVar

from starc.ir.init import NORMAL
from starc.ir.operator import Group, Operator, Parameter
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Experts(Operator):
    """A switch layer, arXiv 2101.03961, whose experts are output projections.

    Groups route (experts) and up (hidden). The loss gets `balance` times the number of
    experts times the sum over them of (share of the tokens) x (mean probability).
    """

    hidden: int
    experts: int
    balance: float = 0.25

    kind: ClassVar[str] = "experts"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("route", self.experts), Group("up", self.hidden)

    @property
    def inner(self) -> int:
        """The hidden channels of each expert, zero but for the chosen one."""
        return self.experts * self.hidden

    @property
    def output(self) -> tuple[Parameter, ...]:
        shape = (self.experts, self.width, self.hidden)
        return (Parameter("experts", shape, NORMAL, "", False),)

    @property
    def auxiliary(self) -> bool:
        return True

    def active(self, parameter: Parameter) -> int:
        size = prod(parameter.shape)
        return size // self.experts if parameter.name == "experts" else size
