"""The recurrent block of Griffin: a gated diagonal recurrence (RG-LRU)."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import NORMAL, ZEROS, Decay, Init, InverseSoftplus
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_DECAY = Init(
    Decay(0.9, 0.999, power=8),
    InverseSoftplus(0.005, 0.3),  # -log(a) / 8 r
    "a is between 0.9 and 0.999 where r = 1: 8 softplus(decay) = -log(a).",
    float32=True,
)


@dataclass(frozen=True, kw_only=True)
class RgLru(Operator):
    """h_t = a_t h_{t-1} + sqrt(1 - a_t^2) i_t x_t,  y_t = h_t gelu(gate_t).

    arXiv 2402.19427, section 2.4. Groups gate (inner) and x (inner, through the short
    convolution, with bias). r and i are sigmoids of block-diagonal maps (`blocks` of
    them, each inner / blocks channels wide, with bias) of the convolved x;
    a = exp(-8 softplus(decay) r). gelu is the tanh approximation, as in Griffin.

    first_token: "scaled" as all others, or "whole": h_t = i_t x_t at the first token of
    a sequence.
    """

    inner: int
    blocks: int
    kernel: int = 4
    first_token: str = "scaled"

    kind: ClassVar[str] = "rg_lru"
    convolution_bias: ClassVar[bool] = True

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("gate", self.inner), Group("x", self.inner, self.kernel > 0)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        side = self.inner // self.blocks
        return (
            # Both weights are [block, in, out].
            Parameter("input_gate_weight", (self.blocks, side, side), NORMAL),
            Parameter("input_gate_bias", (self.inner,), ZEROS),
            Parameter("recurrence_gate_weight", (self.blocks, side, side), NORMAL),
            Parameter("recurrence_gate_bias", (self.inner,), ZEROS),
            Parameter("decay", (self.inner,), _DECAY),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (StateTensor("h", (self.inner,), float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """The two block-diagonal maps that make the gates."""
        return 4.0 * self.inner * self.inner / self.blocks
