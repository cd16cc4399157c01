"""mLSTM: a matrix memory that is written through one gate and kept through another."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES, Even, Init, Normal
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_WRITE = Init(
    Even(-10, -10), Normal(0.0, 0.5), "Little is written at first.", float32=True
)
_KEEP = Init(Even(3, 6), Normal(1.0, 0.5), "Most is kept.", float32=True)


@dataclass(frozen=True, kw_only=True)
class MLSTM(Operator):
    """C_t = f C_{t-1} + e^i v_t k_t',  n_t = f n_{t-1} + e^i k_t,  for each head
    y_t = norm(C_t q_t / max(|n_t' q_t|, 1)) sigmoid(gate_t).

    Beck et al., arXiv 2405.04517. Groups q and k (heads x key_dim), v and gate (heads x
    head_dim), i and f (heads); q over sqrt(key_dim). With b the bias of a gate, i is
    c tanh((i + i_bias) / c), and f is sigmoid(c tanh((f + f_bias) / c)), c = softcap,
    as xLSTM 7B has it (arXiv 2503.13427). So e^i is at most e^c, and no running maximum
    has to bring it back into the range of float32; where the paper keeps one, it is
    the same y.

    norm: LayerNorm over each head, with norm_eps (0: the model's), and a weight for
    each channel of all heads.
    """

    heads: int
    key_dim: int
    head_dim: int
    softcap: float = 15.0
    norm_eps: float = 0.0

    kind: ClassVar[str] = "mlstm"
    by_heads: ClassVar[bool] = True

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        keys = self.heads * self.key_dim
        return (
            Group("q", keys),
            Group("k", keys),
            Group("v", self.inner),
            Group("gate", self.inner),
            Group("i", self.heads),
            Group("f", self.heads),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("i_bias", (self.heads,), _WRITE),
            Parameter("f_bias", (self.heads,), _KEEP),
            Parameter("norm_weight", (self.inner,), ONES, "", False),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        memory = (self.heads, self.head_dim + 1, self.key_dim)
        return (StateTensor("c", memory, float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """In chunks, n as one more row of C: masked products inside, the state written
        and read once between.

        A single token reads the state; an outer product is no matrix product.
        """
        values = self.inner + self.heads
        read = 2.0 * values * self.key_dim
        if tokens == 1:
            return read
        chunk = 32 if self.key_dim <= 64 else 64
        padded = -(-tokens // chunk) * chunk / tokens
        scores = 2.0 * chunk * (self.heads * self.key_dim + values)
        return padded * (scores + 2.0 * read)
