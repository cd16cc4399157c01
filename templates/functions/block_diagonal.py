import torch
from torch import Tensor


def block_diagonal(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (B, T, D) times blocks on a diagonal, weight (blocks, in, out)."""
    blocks = x.unflatten(-1, weight.shape[:2])  # (B, T, blocks, in)
    return torch.einsum("btni,nio->btno", blocks, weight).flatten(2) + bias
