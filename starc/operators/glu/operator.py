"""GMemless: a gated linear unit, T_ij = activation(gate_i) for i = j, else 0."""

from functools import cached_property
from statistics import NormalDist
from typing import ClassVar

from starc.ir.operator import Group, Operator
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Glu(Operator):
    """y = activation(gate) * up (arXiv 2002.05202). No state, no mixing of tokens.

    `activation`: "silu" (SwiGLU), "gelu" (GeGLU, tanh form), "gelu_erf", "relu",
    "relu2" or "sigmoid". `limit`: gate is at most this before its activation, up
    between this and its negative; 0: any. `alpha`: of silu, gate sigmoid(alpha gate).
    `activation_sparsity`: relu(gate - m - c s) is in place of gate, m the mean and s
    the deviation of a token's gates, and c so large that this share of normal numbers
    is below it (Gemma 3n); 0: all of them are used.
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
    activation_sparsity: float = 0.0

    kind: ClassVar[str] = "glu"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        share = (Group("share", 1),) if self.share else ()
        return Group("gate", self.hidden), Group("up", self.hidden), *share

    @property
    def cutoff(self) -> float:
        """c: in deviations above the mean."""
        return NormalDist().inv_cdf(self.activation_sparsity)

    @property
    def inner(self) -> int:
        return self.hidden
