"""T_ij = sigmoid(gate_i) softmax_j(q_i . k_j / sqrt(head_dim)), a head."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.ir.operators import Attention
from starc.reference.matrices import causal
from starc.reference.mixing import Mixing, split


def mixing(
    operator: Attention,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    q = split(features["q"], operator.heads)
    k = spread(split(features["k"], operator.kv_heads), operator.heads)
    v = spread(split(features["v"], operator.kv_heads), operator.heads)
    scores = torch.einsum("bihp,bjhp->bhij", q, k) / operator.head_dim**0.5
    reads = causal(q.shape[1], operator.window)
    matrix = torch.softmax(scores.masked_fill(~reads, float("-inf")), dim=-1)
    if operator.gated:
        matrix = matrix * torch.sigmoid(features["gate"].transpose(1, 2)[..., None])
    return Mixing(matrix, v.flatten(2))


def spread(groups: Tensor, heads: int) -> Tensor:
    """Head h is given group h // (heads // groups); both on the third axis."""
    each = heads // groups.shape[2]
    return torch.stack([groups[:, :, head // each] for head in range(heads)], dim=2)
