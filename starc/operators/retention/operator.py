"""Retention: linear attention whose state decays, each head by a rate of its own."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.ir.rope import Rope
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Retention(Operator):
    """S_t = a S_{t-1} + k_t v_t',  y_t = norm(scale q_t S_t) act(gate_t) per head.

    Sun et al., arXiv 2307.08621; lightning attention, arXiv 2401.04658. Groups q and k
    (heads x key_dim), v and gate (heads x head_dim). q, k and v go through
    `activation`, then q and k are turned by `rope`. scale: 0 is 1 / sqrt(key_dim).

    a is a constant of the head h = 0, 1, ..., neither learned nor made of the input.
    decay: "halving", a = (1 - 2^(-5 - h))^decay_scale, or "spread",
    log a = -decay_scale 2^(-8 (h + 1) / heads).

    norm: RMSNorm over each "head" of y or over all channels ("full"), with norm_eps
    (0: the model's), and with weights unless `weightless`; of "head" they are those of
    one head. Then times `gate_activation` of the gate.
    """

    heads: int
    key_dim: int
    head_dim: int
    decay: str = "halving"
    decay_scale: float = 1.0
    activation: str = "none"
    scale: float = 0.0
    norm: str = "head"
    weightless: bool = False
    norm_eps: float = 0.0
    gate_activation: str = "silu"
    rope: Rope | None = None

    kind: ClassVar[str] = "retention"
    by_heads: ClassVar[bool] = True

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        keys = self.heads * self.key_dim
        values = Group("v", self.inner), Group("gate", self.inner)
        return (Group("q", keys), Group("k", keys), *values)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if self.weightless:
            return ()
        width = self.inner if self.norm == "full" else self.head_dim
        return (Parameter("norm_weight", (width,), ONES, "", False),)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        shape = (self.heads, self.head_dim, self.key_dim)
        return (StateTensor("h", shape, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """In chunks: masked products inside, the state written and read once between.

        A single token reads the state; an outer product is no matrix product.
        """
        read = 2.0 * self.inner * self.key_dim
        if tokens == 1:
            return read
        chunk = 32 if self.key_dim <= 64 else 64
        padded = -(-tokens // chunk) * chunk / tokens
        scores = 2.0 * chunk * (self.heads * self.key_dim + self.inner)
        return padded * (scores + 2.0 * read)
