"""T_ij = beta_j q_i A_i ... A_{j+1} k_j, A = (I - beta k k') diag(a), a head; then a
gated norm."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.gated_delta.operator import GatedDelta
from starc.reference.activations import ACTIVATIONS, silu, softplus
from starc.reference.mixing import Mixing, split, spread
from starc.reference.norms import rms_norm

Tensors = Mapping[str, Tensor]


def finish_feature(
    operator: GatedDelta, group: str, feature: Tensor, tensors: Tensors, eps: float
) -> Tensor:
    """q, k and v through silu, if no convolution did it; q and k over their length."""
    if group in ("q", "k", "v") and not operator.kernel:
        feature = silu(feature)
    if group not in ("q", "k"):
        return feature
    x = split(feature, operator.key_heads)
    return (x / torch.sqrt(torch.sum(x**2, dim=-1, keepdim=True) + 1e-6)).flatten(2)


def mixing(
    operator: GatedDelta, features: Tensors, tensors: Tensors, eps: float
) -> Mixing:
    heads = operator.heads
    q, k = (spread(split(features[g], operator.key_heads), heads) for g in "qk")
    beta = operator.beta_limit * torch.sigmoid(features["beta"])
    factors = torch.eye(k.shape[-1]).double() - torch.einsum(
        "blh,blhm,blhn->blhmn", beta, k, k
    )
    factors = factors * _decays(operator, features, tensors, k)[..., None, :]
    # column j: what is left of the key that token j wrote, after each token i
    length, written = k.shape[1], beta[..., None] * k
    kept = torch.zeros_like(k)  # (batch, from, heads, key_dim)
    rows = []
    for i in range(length):
        itself = (torch.arange(length) == i).double()[:, None, None]
        kept = torch.einsum("bhmn,bjhn->bjhm", factors[:, i], kept) + itself * written
        rows.append(torch.einsum("bhm,bjhm->bhj", q[:, i], kept))
    matrix = torch.stack(rows, dim=2) / operator.key_dim**0.5
    gate = features["gate"]
    if operator.gate_rank:
        gate = gate @ tensors["gate_weight"].T
    gate = ACTIVATIONS[operator.gate_activation](gate)

    def finish(y: Tensor) -> Tensor:
        own_eps = operator.norm_eps or eps
        normed = rms_norm(split(y, heads), tensors["norm_weight"], own_eps)
        return normed.flatten(2) * gate

    return Mixing(matrix, features["v"], finish)


def _decays(
    operator: GatedDelta, features: Tensors, tensors: Tensors, k: Tensor
) -> Tensor:
    """a, of the shape of k (batch, length, heads, key_dim)."""
    if operator.decay == "none":
        return torch.ones_like(k)
    logit = features["decay"]
    if operator.decay_rank:
        logit = logit @ tensors["decay_weight"].T
    logit = split(logit + tensors["dt_bias"], operator.heads)
    rate = torch.exp(tensors["a_log"])[:, None]
    if operator.decay_bound:
        log = -operator.decay_bound * torch.sigmoid(rate * logit)
    else:
        log = -rate * softplus(logit)
    return torch.exp(log).expand_as(k)
