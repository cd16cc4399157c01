"""Rotary positions, each pair of channels turned as one complex number."""

import torch
from torch import Tensor

from starc.ir.rope import Rope


def rotate(heads: Tensor, rope: Rope) -> Tensor:
    """Turns channels (i, i + dims / 2) of every head by position x theta^(-2 i / dims).

    heads: (batch, length, heads, head_dim); positions count from 0. Channels from
    `rope.dims` on stay as they are.
    """
    half = rope.dims // 2
    real, imaginary = heads[..., :half], heads[..., half : rope.dims]
    frequencies = rope.theta ** (-2.0 * torch.arange(half).double() / rope.dims)
    angles = torch.arange(heads.shape[1]).double()[:, None, None] * frequencies
    turned = torch.complex(real, imaginary) * torch.polar(
        torch.ones(()).double(), angles
    )
    return torch.cat([turned.real, turned.imag, heads[..., rope.dims :]], dim=-1)
