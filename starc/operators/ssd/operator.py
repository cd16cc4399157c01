"""Mamba-2: a semi-separable T with one scalar decay for each head (SSD)."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES, SKIP, STEP, Init, LogUniform, Uniform
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_RATE = Init(
    LogUniform(1, 16), Uniform(0.0, 2.0), "A is between -1 and -16.", float32=True
)


@dataclass(frozen=True, kw_only=True)
class Ssd(Operator):
    """h_t = exp(dt_t A) h_{t-1} + dt_t x_t b_t',  y_t = h_t c_t + skip x_t per head.

    arXiv 2405.21060. Groups z and x (heads x head_dim), b and c (state_groups x
    states), dt (heads, then softplus(dt + dt_bias), kept from dt_min to dt_max). x, b
    and c go through the short convolution, with bias, and silu. Then
    RMSNorm(y silu(z)) times norm_weight over all channels.

    norm: "full"; "grouped": the channels of each state group by themselves; "none".
    gate: "before" the norm, or "after" it: RMSNorm(y) silu(z).
    norm_eps: of that norm; 0: the model's. dt_max: 0: no limit.
    """

    heads: int
    head_dim: int
    states: int
    state_groups: int = 1
    kernel: int = 4
    norm: str = "full"
    gate: str = "before"
    norm_eps: float = 0.0
    dt_min: float = 0.0
    dt_max: float = 0.0

    kind: ClassVar[str] = "ssd"
    by_heads: ClassVar[bool] = True
    convolution_bias: ClassVar[bool] = True
    convolution_activation: ClassVar[str] = "silu"

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        convolved = self.kernel > 0
        states = self.state_groups * self.states
        return (
            Group("z", self.inner),
            Group("x", self.inner, convolved),
            Group("b", states, convolved),
            Group("c", states, convolved),
            Group("dt", self.heads),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        weight = Parameter("norm_weight", (self.inner,), ONES, "", False)
        return (
            Parameter("a_log", (self.heads,), _RATE),
            Parameter("skip", (self.heads,), SKIP),
            Parameter("dt_bias", (self.heads,), STEP),
            *((weight,) if self.norm != "none" else ()),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        shape = (self.heads, self.head_dim, self.states)
        return (StateTensor("h", shape, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """In chunks: masked products inside, the state written and read once between.

        A single token reads the state; an outer product is no matrix product.
        """
        read = 2.0 * self.inner * self.states
        if tokens == 1:
            return read
        chunk = 32 if self.states <= 64 else 64
        padded = -(-tokens // chunk) * chunk / tokens
        scores = 2.0 * chunk * (self.state_groups * self.states + self.inner)
        return padded * (scores + 2.0 * read)
