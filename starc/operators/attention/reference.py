"""T_ij = sigmoid(gate_i) softmax_j(q_i . k_j / sqrt(head_dim)), a head."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.attention.operator import Attention
from starc.reference.matrices import causal
from starc.reference.mixing import Mixing, split, spread
from starc.reference.norms import rms_norm
from starc.reference.rope import rotate


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


def finish_feature(
    operator: Attention,
    group: str,
    feature: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    """q and k: the norm of each head, then the rotation. (batch, length, channels)."""
    if group not in ("q", "k"):
        return feature
    heads = split(feature, operator.heads if group == "q" else operator.kv_heads)
    if operator.qk_norm:
        heads = rms_norm(heads, tensors[f"{group}_norm"], eps)
    if operator.rope is not None:
        heads = rotate(heads, operator.rope)
    return heads.flatten(2)
