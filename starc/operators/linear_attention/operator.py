"""Linear attention: T_ij = phi(q_i) phi(k_j), low rank and nothing else."""

from functools import cached_property
from typing import ClassVar

from starc.ir.operator import Group, Operator, StateTensor
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class LinearAttention(Operator):
    """Katharopoulos et al., arXiv 2006.16236, equations 9 to 12, causal.

    `feature_map` phi: "elu" (elu + 1), "relu", "silu" or "none". `normalize`: divide by
    q_i . sum_j k_j (phi must be non-negative: "elu" or "relu"), with 1e-6 added;
    otherwise scale by head_dim ** -0.5.
    """

    heads: int
    kv_heads: int
    head_dim: int
    feature_map: str = "elu"
    normalize: bool = True

    kind: ClassVar[str] = "linear_attention"
    by_heads: ClassVar[bool] = True

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        convolved = self.kernel > 0
        return (
            Group("q", q, convolved),
            Group("k", kv, convolved),
            Group("v", kv, convolved),
        )

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        shape = (self.kv_heads, self.head_dim, self.head_dim + 1)  # the sum of k beside
        return (StateTensor("h", shape, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """In chunks of 64 tokens; the values have a column of ones beside them."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        values = self.head_dim + 1
        read = 2.0 * q * values  # the state, by every query
        if tokens == 1:
            return read
        chunk = 64
        padded = -(-tokens // chunk) * chunk / tokens
        inside = 2.0 * chunk * (q + self.heads * values)
        return padded * (inside + 2.0 * kv * values + read)
