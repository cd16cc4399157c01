"""IR operator -> Emission, one file an operator; the templates hold the code itself."""

from collections.abc import Callable

from starc.backend.emission import Emission
from starc.backend.operators import (
    attention,
    gated_conv,
    gated_linear_attention,
    glu,
    linear_attention,
    long_conv,
    min_gru,
    rg_lru,
    selective_scan,
    ssd,
)
from starc.ir.operator import Operator
from starc.ir.operators import (
    Attention,
    GatedConv,
    GatedLinearAttention,
    Glu,
    LinearAttention,
    LongConv,
    MinGru,
    RgLru,
    SelectiveScan,
    Ssd,
)


def emission(operator: Operator) -> Emission:
    """How the emitted file shows this operator."""
    return _EMISSIONS[type(operator)](operator)


_EMISSIONS: dict[type[Operator], Callable[..., Emission]] = {
    Attention: attention.emission,
    GatedConv: gated_conv.emission,
    GatedLinearAttention: gated_linear_attention.emission,
    Glu: glu.emission,
    LinearAttention: linear_attention.emission,
    LongConv: long_conv.emission,
    MinGru: min_gru.emission,
    RgLru: rg_lru.emission,
    SelectiveScan: selective_scan.emission,
    Ssd: ssd.emission,
}
