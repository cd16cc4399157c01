"""T_ij = gelu(gate_i) a_i ... a_{j+1} sqrt(1 - a_j^2) i_j, a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.rg_lru.operator import RgLru
from starc.reference.activations import gelu, softplus
from starc.reference.matrices import decay_products
from starc.reference.mixing import Mixing


def mixing(
    operator: RgLru,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    x = features["x"]
    input_gate = _gate("input", x, tensors)
    recurrence_gate = _gate("recurrence", x, tensors)
    decays = torch.exp(-8 * softplus(tensors["decay"]) * recurrence_gate)
    products = decay_products(decays).permute(0, 3, 1, 2)
    scales = torch.sqrt(1 - decays**2)
    if operator.first_token == "whole":
        scales = torch.cat([torch.ones_like(scales[:, :1]), scales[:, 1:]], 1)
    written = (scales * input_gate).transpose(1, 2)[:, :, None, :]
    read = gelu(features["gate"]).transpose(1, 2)[..., None]
    return Mixing(read * products * written, x)


def _gate(name: str, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """sigmoid(W x + bias), W with the blocks on its diagonal."""
    blocks = tensors[f"{name}_gate_weight"]  # [block, in, out]
    count, side, _ = blocks.shape
    dense = torch.zeros(count * side, count * side, dtype=torch.float64)
    for block, weight in enumerate(blocks):
        own = slice(block * side, (block + 1) * side)
        dense[own, own] = weight
    return torch.sigmoid(x @ dense + tensors[f"{name}_gate_bias"])
