"""Softmax attention: T_ij = softmax(q_i k_j), low rank made dense by the softmax."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import NORMAL, ONES, SINK, ZEROS
from starc.ir.operator import Group, Operator, Parameter, Shape, StateTensor
from starc.ir.rope import Rope
from starc.ir.symbolic import least
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Attention(Operator):
    """SA-1 to SA-4 and every other causal softmax attention.

    Groups q (heads x head_dim), k (kv_heads x head_dim), v (kv_heads x value_dim), and
    gate where `gate` says so. On q and k: projection, convolution, norm, rotation.

    value: "k": v is k before its norm and rotation. One group kv is both, which a cache
        and other LIVs have as the heads of k and, after them, those of v.
    window: a token sees itself and the window - 1 tokens before it; 0: all.
    qk_norm: "" none, "head" RMSNorm over each head of q and of k, "full" over all heads
        at once, "layer" LayerNorm of each head, with biases where `norm_bias`; "l2"
        x / sqrt(sum x^2 + eps) of each head, without weights.
    weightless: the norm has no weights. own_weights: it has others for each head.
    rotate_first: the rotation comes before it.
    alibi: a score is less by m_h for each token between (arXiv 2108.12409);
        m_h = 2^(-8 h / n) for heads h = 1 to n, n the largest power of 2, and
        2^(-4 (2 j - 1) / n) for the j-th head after these.
    v_norm: RMSNorm of each head of v, without weights.
    scale: of the scores; 0: head_dim ** -0.5. softcap: c in c tanh(scores / c).
    sinks: a learned score for each head that takes its part of the softmax and gives
        nothing (arXiv 2309.17453; gpt-oss).
    gate: "" none, "head" each head's output times act(gate), "channel" each channel's;
        act is sigmoid, or softplus where `softplus`.
    value_dim: channels of a head of v; 0: head_dim.
    differential: lambda_0 of the Differential Transformer (arXiv 2410.05258); 0: none.
        Heads h and h + heads / 2 read the same values, those of two heads of v, and
        RMSNorm(A_h v - l A_(h + heads / 2) v) (1 - lambda_0) is what they give, over
        its 2 head_dim channels and without weights, where
        l = exp(lambda_q1 lambda_k1) - exp(lambda_q2 lambda_k2) + lambda_0.
    """

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int = 0
    rope: Rope | None = None
    window: int = 0
    qk_norm: str = ""
    weightless: bool = False
    norm_bias: bool = False
    own_weights: bool = False
    rotate_first: bool = False
    alibi: bool = False
    value: str = ""
    v_norm: bool = False
    scale: float = 0.0
    softcap: float = 0.0
    sinks: bool = False
    gate: str = ""
    softplus: bool = False
    differential: float = 0.0

    kind: ClassVar[str] = "attention"
    by_heads: ClassVar[bool] = True

    @property
    def values(self) -> int:
        """Channels of a head of v."""
        return self.value_dim or self.head_dim

    @property
    def one_kv(self) -> bool:
        """Whether one projection is k and v."""
        return self.value == "k"

    @property
    def by_scores(self) -> bool:
        """Scores are written out: no function of torch takes what is done to them."""
        return self.softcap > 0 or self.sinks or self.value_dim > 0

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        convolved = self.kernel > 0
        gates = {"head": self.heads, "channel": self.heads * self.values}
        keys, values = self.kv_heads * self.head_dim, self.kv_heads * self.values
        both = Group("kv", keys, convolved, finished=2 * keys)
        apart = Group("k", keys, convolved), Group("v", values, convolved)
        return (
            Group("q", self.heads * self.head_dim, convolved),
            *([both] if self.one_kv else apart),
            *([Group("gate", gates[self.gate])] if self.gate else []),
        )

    @property
    def inner(self) -> int:
        return self.heads * self.values

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        found: list[Parameter] = []
        if self.qk_norm not in ("", "l2") and not self.weightless:
            counts = self.heads, self.kv_heads
            for name, group, heads in zip("qk", self.groups[:2], counts, strict=True):
                shape: Shape = (heads, self.head_dim)
                if not self.own_weights:
                    shape = (group.width if self.qk_norm == "full" else self.head_dim,)
                found.append(Parameter(f"{name}_norm", shape, ONES, group.name))
                if self.norm_bias:
                    bias = f"{name}_norm_bias"
                    found.append(Parameter(bias, shape, ZEROS, group.name))
        if self.sinks:
            found.append(Parameter("sinks", (self.heads,), SINK))
        if self.differential:
            names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
            found += [Parameter(name, (self.head_dim,), NORMAL) for name in names]
        return tuple(found)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        length = least(max_length, self.window) if self.window else max_length
        if self.one_kv:
            both = (2 * self.kv_heads, length, self.head_dim)
            return (StateTensor("kv", both, "kv"),)
        return (
            StateTensor("k", (self.kv_heads, length, self.head_dim), "k"),
            StateTensor("v", (self.kv_heads, length, self.values), "v"),
        )

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
            if tokens > self.window and not (self.by_scores or self.alibi):
                blocks = -(-tokens // self.window)
                keys = 2 * self.window * blocks * self.window / tokens
        times = 2 if self.differential else 1  # once for each half of the values
        return 2.0 * times * keys * self.heads * (self.head_dim + self.values)
