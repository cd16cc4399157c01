"""T_ii = p_e activation(gate_i) for the channels of chosen experts e, else 0."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.mixture_of_experts.operator import MixtureOfExperts
from starc.reference.activations import ACTIVATIONS
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing


def mixing(
    operator: MixtureOfExperts,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    scores = _scores(operator, features["router"])
    chosen = _chosen(operator, scores, tensors)  # (batch, length, experts), 0 or 1
    p = scores * chosen
    if operator.normalised:
        p = p / p.sum(-1, keepdim=True)
    p = (operator.scale * p).repeat_interleave(operator.hidden, -1)
    activation = ACTIVATIONS[operator.activation]
    term = _term(operator, scores, chosen) if operator.auxiliary else None
    if operator.gated:
        gate = activation(features["gate"])
        return Mixing(diagonal(p * gate), features["up"], auxiliary=term)
    return Mixing(diagonal(p), activation(features["up"]), auxiliary=term)


def output(
    operator: MixtureOfExperts, y: Tensor, tensors: Mapping[str, Tensor]
) -> Tensor:
    parts = y.unflatten(-1, (operator.experts, operator.hidden))
    return torch.einsum("bleh,ewh->blw", parts, tensors["down_proj.weight"])


def _scores(operator: MixtureOfExperts, router: Tensor) -> Tensor:
    return router.softmax(-1) if operator.scores == "softmax" else router.sigmoid()


def _chosen(
    operator: MixtureOfExperts, scores: Tensor, tensors: Mapping[str, Tensor]
) -> Tensor:
    """One by one: the best expert that is left, until there are `top`."""
    left = scores.detach()
    if operator.balance == "bias":
        left = left + tensors["balance"].detach()
    groups = left.unflatten(-1, (operator.groups_of_experts, -1))
    best = groups.sort(-1, descending=True).values
    counted = 1 if operator.scores == "softmax" else 2
    rank = best[..., :counted].sum(-1).argsort(-1, descending=True).argsort(-1)
    out = (rank >= operator.keep)[..., None].expand_as(groups).flatten(-2)
    left = left.masked_fill(out, -torch.inf)
    chosen = torch.zeros_like(left)
    for _ in range(operator.top):
        best = F.one_hot(left.argmax(-1), operator.experts)
        chosen = chosen + best
        left = left.masked_fill(best.bool(), -torch.inf)
    return chosen


def _term(operator: MixtureOfExperts, scores: Tensor, chosen: Tensor) -> Tensor:
    share = chosen.mean((0, 1)) / operator.top
    chance = (scores / scores.sum(-1, keepdim=True)).mean((0, 1))
    return operator.balance_weight * operator.experts * (share * chance).sum()
