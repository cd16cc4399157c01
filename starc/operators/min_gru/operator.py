"""minGRU: a gated recurrence whose gate does not see the state."""

from functools import cached_property
from typing import ClassVar

from starc.ir.operator import Group, Operator, StateTensor
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class MinGru(Operator):
    """h_t = (1 - z_t) h_{t-1} + z_t x_t with z_t = sigmoid(gate_t),  y_t = h_t.

    Feng et al., arXiv 2410.01201, section 3.1. Groups gate and x (inner, through the
    short convolution where there is one, without bias). x is taken as it is: the
    paper's g, which makes it positive, belongs to the scan in log space of its
    appendix B, and no scan here needs logarithms.
    """

    inner: int

    kind: ClassVar[str] = "min_gru"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("gate", self.inner), Group("x", self.inner, self.kernel > 0)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (StateTensor("h", (self.inner,), float32=True),)
