"""T_ii = scale sigmoid(gate_i), zero elsewhere, a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.skeleton.operator import Skeleton
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing


def mixing(
    operator: Skeleton,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    gate = tensors["scale"] * torch.sigmoid(features["gate"])
    return Mixing(diagonal(gate), features["x"])
