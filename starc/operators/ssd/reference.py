"""T_ij = c_i . b_j a_i ... a_{j+1} dt_j + skip [i = j], a head; then gate and norm."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.ssd.operator import Ssd
from starc.reference.activations import silu, softplus
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing, split, spread
from starc.reference.norms import rms_norm


def mixing(
    operator: Ssd,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    b = spread(split(features["b"], operator.state_groups), operator.heads)
    c = spread(split(features["c"], operator.state_groups), operator.heads)
    dt = softplus(features["dt"] + tensors["dt_bias"])  # (batch, length, heads)
    dt = dt.clamp(operator.dt_min, operator.dt_max or None)
    products = decay_products(torch.exp(-dt * torch.exp(tensors["a_log"])))
    matrix = torch.einsum("bihn,bijh,bjhn,bjh->bhij", c, products, b, dt)
    matrix = matrix + tensors["skip"][:, None, None] * torch.eye(dt.shape[1]).double()
    gate = silu(features["z"])

    def finish(y: Tensor) -> Tensor:
        if operator.norm == "none":
            return y * gate
        if operator.gate == "after":
            return _normed(operator, y, tensors, eps) * gate
        return _normed(operator, y * gate, tensors, eps)

    return Mixing(matrix, features["x"], finish)


def _normed(
    operator: Ssd, y: Tensor, tensors: Mapping[str, Tensor], eps: float
) -> Tensor:
    """y (batch, length, inner), all channels together or each state group's."""
    sets = operator.state_groups if operator.norm == "grouped" else 1
    weight = tensors["norm_weight"].reshape(sets, -1)
    return rms_norm(split(y, sets), weight, operator.norm_eps or eps).flatten(2)
