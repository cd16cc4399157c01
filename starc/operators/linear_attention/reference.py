"""T_ij = phi(q_i) . phi(k_j), divided by the sum of its row or scaled, a head."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.linear_attention.operator import LinearAttention
from starc.reference.activations import ACTIVATIONS
from starc.reference.matrices import causal
from starc.reference.mixing import Mixing, split, spread


def mixing(
    operator: LinearAttention,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    phi = ACTIVATIONS[operator.feature_map]
    q = split(phi(features["q"]), operator.heads)
    k = spread(split(phi(features["k"]), operator.kv_heads), operator.heads)
    v = spread(split(features["v"], operator.kv_heads), operator.heads)
    scores = torch.einsum("bihp,bjhp->bhij", q, k)
    scores = torch.where(causal(q.shape[1]), scores, 0.0)
    if operator.normalize:
        matrix = scores / (scores.sum(dim=-1, keepdim=True) + 1e-6)
    else:
        matrix = scores / operator.head_dim**0.5
    return Mixing(matrix, v.flatten(2))
