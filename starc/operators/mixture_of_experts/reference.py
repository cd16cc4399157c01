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
    router = features["router"]
    scores = _scores(operator, router)
    chosen = _chosen(operator, scores, tensors)  # (batch, length, experts), 0 or 1
    p = _near(operator, router) if operator.near else scores * chosen
    if operator.normalised:
        eps = operator.sum_eps if operator.scores == "sigmoid" else 0.0
        p = p / (p.sum(-1, keepdim=True) + eps)
    weights = operator.scale * p
    p = weights[..., : operator.experts].repeat_interleave(operator.hidden, -1)
    activation = ACTIVATIONS[operator.activation]
    term = _term(operator, scores, chosen) if operator.auxiliary else None

    def finish(y: Tensor) -> Tensor:  # what `output` adds is weighted as well
        more = operator.out_bias or operator.zero
        return torch.cat((y, weights), -1) if more else y

    up, alpha, limit = features["up"], operator.alpha, operator.limit
    if not operator.gated:
        return Mixing(diagonal(p), activation(up), finish, term)
    gate = features["gate"]
    if limit:
        gate = torch.where(gate < limit, gate, limit)
        up = torch.where(up.abs() < limit, up, limit * up.sign())
    factor = activation(alpha * gate) / alpha
    return Mixing(diagonal(p * factor), up + operator.up_offset, finish, term)


def output(
    operator: MixtureOfExperts,
    y: Tensor,
    tensors: Mapping[str, Tensor],
    x: Tensor | None,
) -> Tensor:
    y, p = y[..., : operator.inner], y[..., operator.inner :]
    parts = y.unflatten(-1, (operator.experts, operator.hidden))
    weight = tensors[f"{operator.way_back}.weight"]
    together = torch.einsum("bleh,ewh->blw", parts, weight)
    if not operator.latent:
        if operator.out_bias:
            together = together + p[..., : operator.experts] @ tensors["down_proj.bias"]
        if operator.zero:
            assert x is not None
            together = together + p[..., operator.experts :].sum(-1, keepdim=True) * x
        return together
    out = together @ tensors["out.weight"].T
    return out + tensors["out.bias"] if operator.out_bias else out


def _scores(operator: MixtureOfExperts, router: Tensor) -> Tensor:
    return router.softmax(-1) if operator.scores == "softmax" else router.sigmoid()


def _near(operator: MixtureOfExperts, router: Tensor) -> Tensor:
    """The softmax of each chosen expert among those left that are near it, else 0."""
    left = torch.ones_like(router, dtype=torch.bool)
    p = torch.zeros_like(router)
    for _ in range(operator.top):
        numbers = router.masked_fill(~left, -torch.inf)
        best, expert = numbers.max(-1, keepdim=True)
        away = (best - router) / torch.maximum(router.abs(), best)
        near = numbers.masked_fill(away > operator.near, -torch.inf)
        one = F.one_hot(expert.squeeze(-1), operator.choices)
        p = p + near.softmax(-1) * one
        left = left & ~one.bool()
    return p


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
        best = F.one_hot(left.argmax(-1), operator.choices)
        chosen = chosen + best
        left = left.masked_fill(best.bool(), -torch.inf)
    return chosen


def _term(operator: MixtureOfExperts, scores: Tensor, chosen: Tensor) -> Tensor:
    share = chosen.mean((0, 1)) / operator.top
    chance = (scores / scores.sum(-1, keepdim=True)).mean((0, 1))
    return operator.balance_weight * operator.choices * (share * chance).sum()
