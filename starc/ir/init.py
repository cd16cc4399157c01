"""How a tensor starts: what a new model draws, and what the oracle's tests draw."""

from typing import Literal

from starc.values import dataclass


@dataclass(frozen=True)
class Normal:
    """mean + std * n; `by_inputs`: the deviation over sqrt(last dimension)."""

    mean: float = 0.0
    std: float = 1.0
    by_inputs: bool = False


@dataclass(frozen=True)
class Uniform:
    """Evenly in [low, high)."""

    low: float
    high: float


@dataclass(frozen=True)
class InverseSoftplus:
    """x with softplus(x) in [low, high), evenly in the logarithm."""

    low: float
    high: float


@dataclass(frozen=True)
class LogUniform:
    """log(u), u evenly in [low, high)."""

    low: float
    high: float


@dataclass(frozen=True)
class LogCount:
    """log(1), log(2), ... along the last dimension."""


@dataclass(frozen=True)
class Even:
    """Evenly from low to high along the last dimension, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Decay:
    """x with exp(-power softplus(x)) evenly in [low, high)."""

    low: float
    high: float
    power: int


Trial = Normal | Uniform | InverseSoftplus

Start = (
    Literal["zeros", "ones", "uniform", "normal", "linear", "embedding"]
    | LogUniform
    | LogCount
    | InverseSoftplus
    | Even
    | Decay
)
"""What `reset_parameters` of the emitted file does.

uniform: within 1 / sqrt(last dimension). normal: a deviation of that. linear,
embedding: the model draws these layers, the former by their inputs and its depth. The
others are drawn as they say.
"""


@dataclass(frozen=True)
class Init:
    """How a tensor starts.

    start: in a new model. words: what a reader of its lines should know, if anything.
    trial: in tests against the oracle, where every number has to matter: norms are not
    1, biases not 0, and decays forget within some tokens.
    float32: bfloat16 would round it too far: rates of decay, sizes of steps.
    """

    start: Start
    trial: Trial
    words: str = ""
    float32: bool = False


SHARE = Init(
    Even(1, 0), Normal(0.5, 0.5), "The first channels look back, the last do not."
)
"""How much of a channel comes from the token before."""
ZEROS = Init("zeros", Normal(std=0.2))
ONES = Init("ones", Normal(1.0, 0.2))
UNIFORM = Init("uniform", Normal(by_inputs=True))
NORMAL = Init("normal", Normal(by_inputs=True))
LINEAR = Init("linear", Normal(by_inputs=True))
TAPS = Init("uniform", Normal(std=1.7, by_inputs=True))
"""Of a convolution before silu, which halves."""
SKIP = Init("ones", Normal(0.5, 0.5))
"""The weight of x itself beside what a recurrence or a filter makes of it."""
STEP = Init(
    InverseSoftplus(0.001, 0.1),
    InverseSoftplus(0.05, 0.8),
    "softplus(dt_bias) is between 0.001 and 0.1.",
    float32=True,
)
"""The bias of a step size dt, as in Mamba."""
SINK = Init("zeros", Normal())
"""A score beside the others of a softmax."""
EMBEDDING = Init("embedding", Normal(std=0.5))
