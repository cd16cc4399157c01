"""One file an operator: T(x) from its features.

Every `mixing` takes the operator, its features by group (batch, length, channels), its
tensors besides those of the featurizer's groups by name, and the model's eps.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from starc.reference.mixing import Mixing
from starc.reference.operators import (
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

Features = Mapping[str, Tensor]
Tensors = Mapping[str, Tensor]

MIXING: dict[str, Callable[[Any, Features, Tensors, float], Mixing]] = {
    "attention": attention.mixing,
    "gated_conv": gated_conv.mixing,
    "gated_linear_attention": gated_linear_attention.mixing,
    "glu": glu.mixing,
    "linear_attention": linear_attention.mixing,
    "long_conv": long_conv.mixing,
    "min_gru": min_gru.mixing,
    "rg_lru": rg_lru.mixing,
    "selective_scan": selective_scan.mixing,
    "ssd": ssd.mixing,
}
"""By `Operator.kind`."""
