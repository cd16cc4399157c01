"""T_ii = p_e for the channels of the likeliest expert e, else 0, a channel."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.reference.activations import silu
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing
from tests.operators.experts.operator import Experts


def mixing(
    operator: Experts,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    chances = torch.softmax(features["route"], dim=-1)  # (batch, length, experts)
    chosen = F.one_hot(chances.argmax(-1), operator.experts).double()
    gate = (chances * chosen).repeat_interleave(operator.hidden, -1)
    values = silu(features["up"]).repeat(1, 1, operator.experts)
    share, chance = chosen.mean((0, 1)), chances.mean((0, 1))
    term = operator.balance * operator.experts * (share * chance).sum()
    return Mixing(diagonal(gate), values, auxiliary=term)


def output(
    operator: Experts, y: Tensor, tensors: Mapping[str, Tensor], x: Tensor | None
) -> Tensor:
    parts = y.unflatten(-1, (operator.experts, operator.hidden))
    return torch.einsum("bleh,ewh->blw", parts, tensors["experts"])
