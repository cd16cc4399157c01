import torch
from torch import Tensor


def rotary(
    start: int | Tensor, length: int, dims: int, theta: float, like: Tensor
) -> Tensor:
    """Angles (length, dims / 2) of the positions from `start` on; arXiv 2104.09864."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    pair = torch.arange(dims // 2, device=like.device, dtype=dtype)
    position = torch.arange(length, device=like.device, dtype=dtype) + start
    return position[:, None] * theta ** (-2 * pair / dims)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turns the channel pairs (i, i + K / 2) of x (B, heads, T, K) by the angles."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).type_as(x)
