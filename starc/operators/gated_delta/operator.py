"""The gated delta rule: a state that decays, and replaces what it holds for a key."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES, STEP, UNIFORM, Init, LogUniform, Uniform
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_TRIAL = Uniform(-0.5, 1.0)  # rates 0.6 to 2.7
_RATE = Init(LogUniform(1, 16), _TRIAL, "Rates are between 1 and 16.", float32=True)
_SLOPE = Init("zeros", _TRIAL, float32=True)
"""The rate where `decay_bound` bounds what it makes: 1."""


@dataclass(frozen=True, kw_only=True)
class GatedDelta(Operator):
    """S_t = (I - beta_t k_t k_t') diag(a_t) S_{t-1} + beta_t k_t v_t',  y_t = q_t S_t.

    Yang et al., arXiv 2412.06464; a channel by itself: Kimi Linear, arXiv 2510.26692.
    Groups q and k (key_heads x key_dim, each head for heads / key_heads heads of v), v
    and gate (heads x head_dim), decay and beta (heads). q, k and v through the short
    convolution, without bias, and silu; then q and k over their length, per head, and
    q over sqrt(key_dim).

    `decay`: "none", or one number for each "head", or "channel" of its keys:
    log a = -exp(a_log) softplus(decay + dt_bias), or, where `decay_bound` is not 0,
    -decay_bound sigmoid(exp(a_log) (decay + dt_bias)); a_log is one a head.
    beta = beta_limit sigmoid(beta): 2 lets A have negative eigenvalues. Then RMSNorm
    over each head of y, times norm_weight, times `gate_activation` of the gate.
    norm_eps: of that norm; 0: the model's.
    decay_rank, gate_rank: the group has so many channels, and `decay_weight` or
    `gate_weight` makes of them what is said above; 0: the group has it itself.
    """

    heads: int
    key_heads: int
    key_dim: int
    head_dim: int
    decay: str = "head"
    decay_bound: float = 0.0
    decay_rank: int = 0
    beta_limit: int = 1
    gate_activation: str = "silu"
    gate_rank: int = 0
    norm_eps: float = 0.0
    kernel: int = 4

    kind: ClassVar[str] = "gated_delta"
    by_heads: ClassVar[bool] = True
    convolution_activation: ClassVar[str] = "silu"

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @property
    def decays(self) -> int:
        """How many there are for a token."""
        return self.heads * self.key_dim if self.decay == "channel" else self.heads

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        keys, convolved = self.key_heads * self.key_dim, self.kernel > 0
        decay = Group("decay", self.decay_rank or self.decays)
        return (
            Group("q", keys, convolved),
            Group("k", keys, convolved),
            Group("v", self.inner, convolved),
            Group("gate", self.gate_rank or self.inner),
            *((decay,) if self.decay != "none" else ()),
            Group("beta", self.heads),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        found = []
        if self.decay != "none":
            if self.decay_rank:
                shape = (self.decays, self.decay_rank)
                found.append(Parameter("decay_weight", shape, UNIFORM))
            rate = _SLOPE if self.decay_bound else _RATE
            found.append(Parameter("a_log", (self.heads,), rate))
            found.append(Parameter("dt_bias", (self.decays,), STEP))
        if self.gate_rank:
            shape = (self.inner, self.gate_rank)
            found.append(Parameter("gate_weight", shape, UNIFORM))
        found.append(Parameter("norm_weight", (self.head_dim,), ONES, "", False))
        return tuple(found)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        shape = (self.heads, self.key_dim, self.head_dim)
        return (StateTensor("h", shape, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """Low ranks, then chunks of 32 tokens: pairs, their inverse, the state.

        The inverse is applied by a matrix product, and made by none. A token alone asks
        the state twice.
        """
        low = 2.0 * (
            (self.decays * self.decay_rank if self.decay != "none" else 0)
            + self.inner * self.gate_rank
        )
        state = 2.0 * self.heads * self.key_dim * self.head_dim
        if tokens == 1:
            return low + 2.0 * state
        chunk = 32
        padded = -(-tokens // chunk) * chunk / tokens
        heads, pairs = self.key_heads, float(chunk)
        if self.decay == "channel":  # blocks of 1, 2, 4, 8 and 16 beside their equals
            heads, pairs = self.heads, (chunk - 1) / 2
        scores = 2.0 * 2.0 * pairs * heads * self.key_dim
        return low + padded * (scores + 3.0 * state + 4.0 * chunk * self.inner)
