"""Rec-1, Rec-2, Mamba-1: a selective state-space layer, a state for each channel."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES, SKIP, STEP, Init, LogCount, Normal, Uniform
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass

_STEP_WEIGHT = Init("uniform", Normal(std=0.5, by_inputs=True))
_RATE = Init(
    LogCount(), Uniform(0.0, 2.0), "A = -1, ..., -N in each channel.", float32=True
)

NORMED = ("b", "c", "dt")
"""The groups that may have a norm."""


@dataclass(frozen=True, kw_only=True)
class SelectiveScan(Operator):
    """h_t = exp(dt_t A) h_{t-1} + dt_t b_t x_t,  y_t = c_t h_t + skip x_t.

    Mamba's recurrence (arXiv 2312.00752, algorithm 2). Groups z (inner, where `gated`:
    y times silu(z)), x (inner), b and c (`states`), dt (`dt_rank`, then
    softplus(dt_weight dt + dt_bias)). x goes through the short convolution, with bias,
    and silu. A = -exp(a_log).

    source: "input": b, c and dt are projected from the normed input, as in Mamba-2, b
    and c convolved like x. "x": from x behind its convolution, as in Mamba.
    norms: of b, c and dt, RMSNorm: "none", "weightless" or "weighted".
    norm_eps: of these; 0: the model's.
    """

    inner: int
    states: int
    dt_rank: int
    gated: bool = True
    kernel: int = 4
    source: str = "input"
    norms: str = "none"
    norm_eps: float = 0.0

    kind: ClassVar[str] = "selective_scan"
    convolution_bias: ClassVar[bool] = True
    convolution_activation: ClassVar[str] = "silu"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        convolved = self.kernel > 0
        gate = (Group("z", self.inner),) if self.gated else ()
        source = "" if self.source == "input" else self.source
        return (
            *gate,
            Group("x", self.inner, convolved),
            Group("b", self.states, convolved and not source, source=source),
            Group("c", self.states, convolved and not source, source=source),
            Group("dt", self.dt_rank, source=source),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("a_log", (self.inner, self.states), _RATE),
            Parameter("skip", (self.inner,), SKIP),
            Parameter("dt_weight", (self.inner, self.dt_rank), _STEP_WEIGHT),
            Parameter("dt_bias", (self.inner,), STEP),
            *(
                Parameter(f"{name}_norm", (self.group(name).width,), ONES, name)
                for name in NORMED
                if self.norms == "weighted"
            ),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        return (StateTensor("h", (self.inner, self.states), float32=True),)

    def mixing_flops(self, context: int, tokens: int) -> float:
        """dt from its low rank, and the states read by c."""
        return 2.0 * self.inner * (self.dt_rank + self.states)
