"""GConv-1: a gated short convolution, T_ij = c_i K_{i-j} b_j, the filter explicit."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import UNIFORM, ZEROS
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class GatedConv(Operator):
    """y = c * (conv(b * x) + filter_bias), causal and depthwise; the block of LFM2.

    Groups b, c, x (inner each). `taps`: length of the filter. `sigmoid_gates`: b and c
    go through a sigmoid.
    """

    inner: int
    taps: int = 3
    sigmoid_gates: bool = False
    filter_bias: bool = False

    kind: ClassVar[str] = "gated_conv"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("b", self.inner), Group("c", self.inner), Group("x", self.inner)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        filter = Parameter("filter", (self.inner, self.taps), UNIFORM)
        if not self.filter_bias:
            return (filter,)
        return filter, Parameter("filter_bias", (self.inner,), ZEROS)

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (StateTensor("conv", (self.taps - 1, self.inner)),)
