"""T_ij = softmax_j(scale q_i . [K c_j, r_j]), a head, on the values V c_j."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.latent_attention.operator import LatentAttention
from starc.reference.matrices import causal
from starc.reference.mixing import Mixing, split
from starc.reference.norms import rms_norm
from starc.reference.rope import rotate


def mixing(
    operator: LatentAttention,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    heads, own = operator.heads, operator.own_dims
    made = split(features["v"] @ tensors["kv_weight"].T, heads)
    keys, values = made[..., :own], made[..., own:]
    shared = features["k"][:, :, None].expand(-1, -1, heads, -1)
    k = torch.cat([keys, shared], dim=-1)
    q = features["q"]
    if operator.q_rank:
        q = q @ tensors["q_weight"].T
    q = split(q, heads)
    q = torch.cat([q[..., :own], _rotated(operator, q[..., own:])], dim=-1)
    scale = operator.scale or operator.head_dim**-0.5
    scores = scale * torch.einsum("bihp,bjhp->bhij", q, k)
    scores = scores.masked_fill(~causal(q.shape[1]), float("-inf"))
    return Mixing(torch.softmax(scores, dim=-1), values.flatten(2))


def finish_feature(
    operator: LatentAttention,
    group: str,
    feature: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    """The norms of the latents, and the rotation of what the keys have in common."""
    if group == "k":
        return _rotated(operator, feature[:, :, None])[:, :, 0]
    if f"{group}_norm" not in tensors:
        return feature
    return rms_norm(feature, tensors[f"{group}_norm"], operator.norm_eps or eps)


def _rotated(operator: LatentAttention, heads: Tensor) -> Tensor:
    """(batch, length, heads, rope_dims)."""
    return heads if operator.rope is None else rotate(heads, operator.rope)
