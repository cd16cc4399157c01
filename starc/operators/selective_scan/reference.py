"""T_ij = silu(z_i) (c_i . (A_i ... A_{j+1} dt_j b_j) + skip [i = j]), a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.selective_scan.operator import NORMED, SelectiveScan
from starc.reference.activations import silu, softplus
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing
from starc.reference.norms import rms_norm


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


def finish_feature(
    operator: SelectiveScan,
    group: str,
    feature: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    """b, c and dt: their norm. (batch, length, channels)."""
    if operator.norms == "none" or group not in NORMED:
        return feature
    weight = tensors.get(f"{group}_norm", torch.ones(()).double())
    return rms_norm(feature, weight, operator.norm_eps or eps)
