"""T_ij = c_i (K_{i-j} + skip [i = j]) b_j, the filter K from a network, a channel."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.long_conv.operator import LongConv
from starc.reference.matrices import diagonal, toeplitz
from starc.reference.mixing import Mixing


def mixing(
    operator: LongConv,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    b, c, x = features["b"], features["c"], features["x"]
    length = x.shape[1]
    skip = tensors["skip"][:, None, None] * torch.eye(length).double()
    convolution = toeplitz(response(operator, tensors, length), length)
    return Mixing(diagonal(c) @ (convolution + skip) @ diagonal(b), x)


def response(operator: LongConv, tensors: Mapping[str, Tensor], length: int) -> Tensor:
    """K_0 ... K_{length - 1}: (inner, length)."""
    turns = torch.arange(length).double() / operator.context
    waves = [2 * math.pi * f * turns for f in range(operator.frequencies)]
    position = torch.stack(
        [
            turns,
            *(torch.cos(wave) for wave in waves),
            *(torch.sin(wave) for wave in waves),
        ]
    )
    first = tensors["filter_in.weight"] @ position + tensors["filter_in.bias"][:, None]
    second = (
        tensors["filter_mid.weight"] @ torch.sin(first)
        + tensors["filter_mid.bias"][:, None]
    )
    network = tensors["filter_out.weight"] @ torch.sin(second)
    rates = torch.linspace(4.6, 4.6 / 0.3, operator.inner, dtype=torch.float64)
    return network * torch.exp(-rates[:, None] * turns)
