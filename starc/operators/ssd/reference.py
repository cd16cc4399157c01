"""T_ij = c_i . b_j a_i ... a_{j+1} dt_j + skip [i = j], a head; then a gated norm."""

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
    products = decay_products(torch.exp(-dt * torch.exp(tensors["a_log"])))
    matrix = torch.einsum("bihn,bijh,bjhn,bjh->bhij", c, products, b, dt)
    matrix = matrix + tensors["skip"][:, None, None] * torch.eye(dt.shape[1]).double()
    gate = silu(features["z"])
    return Mixing(
        matrix, features["x"], lambda y: rms_norm(y * gate, tensors["norm_weight"], eps)
    )
