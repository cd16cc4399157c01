"""GLA: linear attention whose state decays, each key channel by its own rate."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES, UNIFORM, ZEROS
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class GatedLinearAttention(Operator):
    """S_t = diag(a_t) S_{t-1} + k_t v_t',  y_t = norm(q_t S_t) silu(gate_t) per head.

    Yang et al., arXiv 2312.06635, section 4.4. Groups q and k (heads x key_dim), v and
    gate (heads x head_dim), decay (`decay_rank`); q, k and v through the short
    convolution, without bias or activation. log a is logsigmoid(decay_weight decay +
    decay_bias) / 16; q is divided by sqrt(key_dim).

    [A] as the authors' code has it (fla/layers/gla.py of flash-linear-attention): 4
    heads at every width, RMSNorm instead of LayerNorm, one weight of it for all heads,
    no biases but decay_bias.
    """

    heads: int
    key_dim: int
    head_dim: int
    decay_rank: int = 16

    kind: ClassVar[str] = "gated_linear_attention"
    by_heads: ClassVar[bool] = True

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        keys, convolved = self.heads * self.key_dim, self.kernel > 0
        return (
            Group("q", keys, convolved),
            Group("k", keys, convolved),
            Group("v", self.inner, convolved),
            Group("gate", self.inner),
            Group("decay", self.decay_rank),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        keys = self.heads * self.key_dim
        return (
            Parameter("decay_weight", (keys, self.decay_rank), UNIFORM),
            Parameter("decay_bias", (keys,), ZEROS),
            Parameter("norm_weight", (self.head_dim,), ONES, "", False),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        shape = (self.heads, self.key_dim, self.head_dim)
        return (StateTensor("h", shape, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """The decay from its low rank; the rest in chunks of 16 tokens.

        Within a chunk each score is a sum with decays of its own, no matrix product.
        """
        read = 2.0 * self.heads * self.key_dim * self.head_dim
        decay = 2.0 * self.heads * self.key_dim * self.decay_rank
        if tokens == 1:
            return decay + read
        chunk = 16
        padded = -(-tokens // chunk) * chunk / tokens
        return decay + padded * (2.0 * chunk * self.inner + 2.0 * read)
