"""A plain MLP: T_ij = activation(up_i) / up_i for i = j, else 0."""

from functools import cached_property
from typing import ClassVar

from starc.ir.operator import Group, Operator
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Mlp(Operator):
    """y = activation(up): the two matrices of a transformer's feed-forward layer.

    It is a gated linear unit whose gate is made of up itself: silu(u) = sigmoid(u) u.
    `activation`: "silu", "gelu" (tanh form), "gelu_erf", "relu" or "relu2" (its square,
    arXiv 2109.08668). No state, no mixing of tokens.
    """

    hidden: int
    activation: str = "gelu"

    kind: ClassVar[str] = "mlp"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return (Group("up", self.hidden),)

    @property
    def inner(self) -> int:
        return self.hidden
