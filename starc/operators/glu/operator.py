"""GMemless: a gated linear unit, T_ij = activation(gate_i) for i = j, else 0."""

from typing import ClassVar

from starc.ir.operator import Group, Operator
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Glu(Operator):
    """y = activation(gate) * up (arXiv 2002.05202). No state, no mixing of tokens.

    `activation`: "silu" (SwiGLU), "gelu" (GeGLU, tanh form), "relu" or "sigmoid".
    """

    hidden: int
    activation: str = "silu"

    kind: ClassVar[str] = "glu"

    @property
    def groups(self) -> tuple[Group, ...]:
        return Group("gate", self.hidden), Group("up", self.hidden)

    @property
    def inner(self) -> int:
        return self.hidden
