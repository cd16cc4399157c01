"""Rec-1 and Rec-2: a selective state-space layer with a state for each channel."""

from typing import ClassVar

from starc.ir.init import SKIP, STEP, Init, LogCount, Normal, Uniform
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_STEP_WEIGHT = Init("uniform", Normal(std=0.5, by_inputs=True))
_RATE = Init(LogCount(), Uniform(0.0, 2.0), "A = -1, ..., -N in each channel.")


@dataclass(frozen=True, kw_only=True)
class SelectiveScan(Operator):
    """h_t = exp(dt_t A) h_{t-1} + dt_t b_t x_t,  y_t = c_t h_t + skip x_t.

    Mamba's recurrence (arXiv 2312.00752, algorithm 2); all groups are computed from the
    normed input directly, as in Mamba-2, so that they are feature groups: z (inner,
    where `gated`: y times silu(z)), x (inner), b and c (`states`), dt (`dt_rank`, then
    softplus(dt_weight dt + dt_bias)). x, b and c go through the short convolution, with
    bias, and silu. A = -exp(a_log).
    """

    inner: int
    states: int
    dt_rank: int
    gated: bool = True
    kernel: int = 4

    kind: ClassVar[str] = "selective_scan"
    convolution_bias: ClassVar[bool] = True
    convolution_activation: ClassVar[str] = "silu"

    @property
    def groups(self) -> tuple[Group, ...]:
        convolved = self.kernel > 0
        gate = (Group("z", self.inner),) if self.gated else ()
        return (
            *gate,
            Group("x", self.inner, convolved),
            Group("b", self.states, convolved),
            Group("c", self.states, convolved),
            Group("dt", self.dt_rank),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("a_log", (self.inner, self.states), _RATE),
            Parameter("skip", (self.inner,), SKIP),
            Parameter("dt_weight", (self.inner, self.dt_rank), _STEP_WEIGHT),
            Parameter("dt_bias", (self.inner,), STEP),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (StateTensor("h", (self.inner, self.states), float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """dt from its low rank, and the states read by c."""
        return 2.0 * self.inner * (self.dt_rank + self.states)
