"""T_ij = scale q_i . k_j a^(i - j), a head; then norm and gate."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.retention.operator import Retention
from starc.reference.activations import ACTIVATIONS
from starc.reference.matrices import causal, lags
from starc.reference.mixing import Mixing, split
from starc.reference.norms import rms_norm
from starc.reference.rope import rotate

Tensors = Mapping[str, Tensor]


def finish_feature(
    operator: Retention, group: str, feature: Tensor, tensors: Tensors, eps: float
) -> Tensor:
    if group == "gate":
        return feature
    feature = ACTIVATIONS[operator.activation](feature)
    if group == "v" or operator.rope is None:
        return feature
    return rotate(split(feature, operator.heads), operator.rope).flatten(2)


def mixing(
    operator: Retention, features: Tensors, tensors: Tensors, eps: float
) -> Mixing:
    heads, eps = operator.heads, operator.norm_eps or eps
    q, k = split(features["q"], heads), split(features["k"], heads)
    length = q.shape[1]
    decay = decays(operator)[:, None, None] ** lags(length).clamp(min=0)
    scores = (operator.scale or operator.key_dim**-0.5) * torch.einsum(
        "bihk,bjhk->bhij", q, k
    )
    matrix = torch.where(causal(length), scores * decay, 0.0)
    gate = ACTIVATIONS[operator.gate_activation](features["gate"])
    weight = tensors.get("norm_weight")

    def finish(y: Tensor) -> Tensor:
        parts = y if operator.norm == "full" else split(y, heads)
        one = torch.ones(parts.shape[-1]).double()
        normed = rms_norm(parts, one if weight is None else weight, eps)
        return normed.reshape(y.shape) * gate

    return Mixing(matrix, features["v"], finish)


def decays(operator: Retention) -> Tensor:
    """a of each head, (heads,)."""
    head = torch.arange(operator.heads, dtype=torch.float64)
    if operator.decay == "halving":
        found = 1 - 2 ** (-5 - head)
    else:
        found = torch.exp(-(2 ** (-8 * (head + 1) / operator.heads)))
    return found**operator.decay_scale
