"""T_ii = activation(gate_i), zero elsewhere, a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.glu.operator import Glu
from starc.reference.activations import ACTIVATIONS
from starc.reference.matrices import diagonal
from starc.reference.mixing import Mixing


def mixing(
    operator: Glu,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    gate, up = features["gate"], features["up"]
    if operator.activation_sparsity:
        mean = gate.mean(-1, keepdim=True)
        deviation = ((gate - mean) ** 2).mean(-1, keepdim=True).sqrt()
        gate = ACTIVATIONS["relu"](gate - mean - operator.cutoff * deviation)
    if operator.limit:
        gate = torch.where(gate < operator.limit, gate, operator.limit)
        up = torch.where(up.abs() < operator.limit, up, operator.limit * up.sign())
    factor = ACTIVATIONS[operator.activation](operator.alpha * gate) / operator.alpha
    if operator.share:
        factor = factor * torch.sigmoid(features["share"])
    return Mixing(diagonal(factor), up + operator.up_offset)
