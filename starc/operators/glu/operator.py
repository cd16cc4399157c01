"""GMemless: a gated linear unit, T_ij = activation(gate_i) for i = j, else 0."""

from functools import cached_property
from typing import ClassVar

from starc.ir.operator import Group, Operator
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Glu(Operator):
    """y = activation(gate) * up (arXiv 2002.05202). No state, no mixing of tokens.

    `activation`: "silu" (SwiGLU), "gelu" (GeGLU, tanh form), "gelu_erf", "relu",
    "relu2" or "sigmoid". `limit`: gate is at most this before its activation, up
    between this and its negative; 0: any. `alpha`: of silu, gate sigmoid(alpha gate).
    `up_offset`: added to up, (up + 1) in gpt-oss. `share`: a group of one channel more,
    whose sigmoid multiplies all that a token gets, as of the expert that Qwen's tokens
    share.
    """

    hidden: int
    activation: str = "silu"
    limit: float = 0.0
    alpha: float = 1.0
    up_offset: float = 0.0
    share: bool = False

    kind: ClassVar[str] = "glu"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        share = (Group("share", 1),) if self.share else ()
        return Group("gate", self.hidden), Group("up", self.hidden), *share

    @property
    def inner(self) -> int:
        return self.hidden
