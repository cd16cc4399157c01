"""T_ii = activation(gate_i), zero elsewhere, a channel."""

from collections.abc import Mapping

from torch import Tensor

from starc.operators.glu.operator import Glu
from starc.reference.activations import ACTIVATIONS
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing


def mixing(
    operator: Glu,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    gate = ACTIVATIONS[operator.activation](features["gate"])
    return Mixing(diagonal(gate), features["up"])
