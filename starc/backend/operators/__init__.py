"""IR operator -> Emission, one file an operator; the templates hold the code itself."""

from collections.abc import Callable

from starc.backend.emission import Emission
from starc.backend.operators import (
    attention,
    gated_conv,
    glu,
    linear_attention,
    long_conv,
    rg_lru,
    selective_scan,
    ssd,
)
from starc.ir.operator import Operator
from starc.ir.operators import (
    Attention,
    GatedConv,
    Glu,
    LinearAttention,
    LongConv,
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
    Glu: glu.emission,
    LinearAttention: linear_attention.emission,
    LongConv: long_conv.emission,
    RgLru: rg_lru.emission,
    SelectiveScan: selective_scan.emission,
    Ssd: ssd.emission,
}
