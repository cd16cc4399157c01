"""T_ii = 1 on a projection of low rank; then the norm, and the input beside it."""

from collections.abc import Mapping

from torch import Tensor, ones_like

from starc.operators.laurel.operator import Laurel
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing
from starc.reference.norms import rms_norm


def mixing(
    operator: Laurel,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    up = features["up"]
    if not operator.normed:
        return Mixing(diagonal(ones_like(up)), up)
    weight = tensors["norm_weight"]
    return Mixing(diagonal(ones_like(up)), up, lambda y: rms_norm(y, weight, eps))


def output(
    operator: Laurel, y: Tensor, tensors: Mapping[str, Tensor], x: Tensor | None
) -> Tensor:
    assert x is not None
    return x + y
