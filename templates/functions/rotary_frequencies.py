import torch
from torch import Tensor


def rotary_frequencies(theta: float, channels: int, x: Tensor) -> Tensor:
    """theta^(-2 i / channels) for each pair i of channels: radians a token."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    pair = torch.arange(channels // 2, device=x.device, dtype=dtype)
    return theta ** (-2 * pair / channels)
