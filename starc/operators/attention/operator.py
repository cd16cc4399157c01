"""Softmax attention: T_ij = softmax(q_i k_j), low rank made dense by the softmax."""

from typing import ClassVar

from starc.ir.init import ONES
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.ir.rope import Rope
from starc.ir.symbolic import least
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Attention(Operator):
    """SA-1 to SA-4 and every other causal softmax attention.

    Groups q (heads x head_dim), k and v (kv_heads x head_dim), and gate (heads) where
    `gated`: each head's output times sigmoid(gate). Order on q and k: projection,
    convolution, norm over each head (`qk_norm`, with the model's eps), rotation.
    Scores are scaled by head_dim ** -0.5. `window`: a token sees itself and the
    window - 1 tokens before it; 0: all.
    """

    heads: int
    kv_heads: int
    head_dim: int
    rope: Rope | None = None
    window: int = 0
    qk_norm: bool = False
    gated: bool = False

    kind: ClassVar[str] = "attention"
    by_heads: ClassVar[bool] = True

    @property
    def groups(self) -> tuple[Group, ...]:
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        gate = (Group("gate", self.heads),) if self.gated else ()
        convolved = self.kernel > 0
        return (
            Group("q", q, convolved),
            Group("k", kv, convolved),
            Group("v", kv, convolved),
            *gate,
        )

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if not self.qk_norm:
            return ()
        shape = (self.head_dim,)
        return (
            Parameter("q_norm", shape, ONES, "q"),
            Parameter("k_norm", shape, ONES, "k"),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        length = least(max_length, self.window) if self.window else max_length
        shape = (self.kv_heads, length, self.head_dim)
        return StateTensor("k", shape, "k"), StateTensor("v", shape, "v")

    def mixing_flops(self, context: int, tokens: int) -> float:
        """Every query times every key in reach, and the same for the values.

        With a window, a prompt longer than it goes in blocks of a window of queries,
        each with two windows of keys; otherwise keys out of reach of the first of
        `tokens` are gone, the others are multiplied and masked.
        """
        keys = float(context)
        if self.window:
            past = min(context - tokens, self.window - (tokens == 1))
            keys = past + tokens
            if tokens > self.window:
                blocks = -(-tokens // self.window)
                keys = 2 * self.window * blocks * self.window / tokens
        return 4.0 * keys * self.heads * self.head_dim
