"""T_ij = silu(z_i) (c_i . (A_i ... A_{j+1} dt_j b_j) + skip [i = j]), a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.selective_scan.operator import SelectiveScan
from starc.reference.activations import silu, softplus
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing


def mixing(
    operator: SelectiveScan,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    x, b, c = features["x"], features["b"], features["c"]
    rates = -torch.exp(tensors["a_log"])  # (channels, states)
    dt = softplus(features["dt"] @ tensors["dt_weight"].T + tensors["dt_bias"])
    products = decay_products(torch.exp(dt[..., None] * rates))  # (b, i, j, d, states)
    matrix = torch.einsum("bin,bijdn,bjn,bjd->bdij", c, products, b, dt)
    matrix = matrix + tensors["skip"][:, None, None] * torch.eye(x.shape[1]).double()
    if operator.gated:
        matrix = silu(features["z"]).transpose(1, 2)[..., None] * matrix
    return Mixing(matrix, x)
