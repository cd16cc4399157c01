"""T_ii = activation(up_i) / up_i, zero elsewhere, a channel."""

from collections.abc import Mapping

from torch import Tensor

from starc.operators.mlp.operator import Mlp
from starc.reference.activations import GATES
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing


def mixing(
    operator: Mlp,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    up = features["up"]
    return Mixing(diagonal(GATES[operator.activation](up)), up)
