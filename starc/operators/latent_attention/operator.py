"""Latent attention: keys and values of all heads are made of one narrow latent."""

from typing import ClassVar

from starc.ir.init import ONES, UNIFORM
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.ir.rope import Rope
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class LatentAttention(Operator):
    """T_ij = softmax_j(scale q_i k_j) a head, with k_j = [K c_j, r_j] and v_j = V c_j.

    Multi-head latent attention (arXiv 2405.04434). Group v is the latent c (rank),
    after RMSNorm; group k is r (rope_dims), the part of a key that all heads have in
    common, rotated; `kv_weight` holds K and V of each head, one under the other. So
    decoding keeps c and r of a token, no key and no value.

    Group q: heads x head_dim, the last rope_dims of each head for r, rotated alike.
    q_rank: it is a second latent instead, after RMSNorm, and `q_weight` makes the heads
        of it; 0: there is none.
    value_dim: channels of a head of v. scale: of the scores; 0: head_dim ** -0.5.
    norm_eps: of the two norms; 0: the model's.
    """

    heads: int
    head_dim: int
    value_dim: int
    rope_dims: int
    rank: int
    q_rank: int = 0
    rope: Rope | None = None
    scale: float = 0.0
    norm_eps: float = 0.0

    kind: ClassVar[str] = "latent_attention"
    by_heads: ClassVar[bool] = True

    @property
    def own_dims(self) -> int:
        """Channels of a key that are made of the latent, each head's own."""
        return self.head_dim - self.rope_dims

    @property
    def groups(self) -> tuple[Group, ...]:
        return (
            Group("q", self.q_rank or self.heads * self.head_dim),
            Group("k", self.rope_dims),
            Group("v", self.rank),
        )

    @property
    def inner(self) -> int:
        return self.heads * self.value_dim

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        found = []
        if self.q_rank:
            found.append(Parameter("q_norm", (self.q_rank,), ONES, "q"))
            shape = (self.heads * self.head_dim, self.q_rank)
            found.append(Parameter("q_weight", shape, UNIFORM))
        found.append(Parameter("v_norm", (self.rank,), ONES, "v"))
        shape = (self.heads * (self.own_dims + self.value_dim), self.rank)
        found.append(Parameter("kv_weight", shape, UNIFORM))
        return tuple(found)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (
            StateTensor("k", (max_length, self.rope_dims), "k"),
            StateTensor("v", (max_length, self.rank), "v"),
        )

    def mixing_flops(self, context: int, tokens: int) -> float:
        """Several tokens: keys and values of all, then every query times every key.

        A token alone: its queries go to the latent instead, and what is read comes
        back from there; K and V once, whatever stands before it.
        """
        queries = 2.0 * self.q_rank * self.heads * self.head_dim
        made = 2.0 * self.rank * self.heads * (self.own_dims + self.value_dim)
        if tokens == 1:
            read = 2 * self.rank + self.rope_dims
            return queries + made + 2.0 * context * self.heads * read
        read = self.head_dim + self.value_dim
        made = made * context / tokens
        return queries + made + 2.0 * context * self.heads * read
