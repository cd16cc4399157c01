"""T_ij = q_i . (a_i ... a_{j+1} k_j) / sqrt(key_dim), a head; then norm and gate."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.gated_linear_attention.operator import GatedLinearAttention
from starc.reference.activations import silu
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing, split
from starc.reference.norms import rms_norm


def mixing(
    operator: GatedLinearAttention,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    heads = operator.heads
    q, k = split(features["q"], heads), split(features["k"], heads)
    logits = features["decay"] @ tensors["decay_weight"].T + tensors["decay_bias"]
    products = decay_products(split(torch.sigmoid(logits) ** (1 / 16), heads))
    matrix = torch.einsum("bihk,bijhk,bjhk->bhij", q, products, k)
    gate = silu(features["gate"])

    def finish(y: Tensor) -> Tensor:
        normed = rms_norm(split(y, heads), tensors["norm_weight"], eps)
        return normed.flatten(2) * gate

    return Mixing(matrix / operator.key_dim**0.5, features["v"], finish)
