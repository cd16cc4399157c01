"""T_ij = (1 - z_i) ... (1 - z_{j+1}) z_j, a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.min_gru.operator import MinGru
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing


def mixing(
    operator: MinGru,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    z = torch.sigmoid(features["gate"])
    products = decay_products(1 - z).permute(0, 3, 1, 2)
    return Mixing(products * z.transpose(1, 2)[:, :, None, :], features["x"])
