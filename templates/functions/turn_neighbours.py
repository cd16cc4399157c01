import torch
from torch import Tensor


def turn_neighbours(x: Tensor, start: int | Tensor, frequencies: Tensor) -> Tensor:
    """x (B, H, T, K) from position start on, or at positions start (B or 1, T):
    channels (2 i, 2 i + 1) turn as a pair, of n pairs, by frequencies (n) a token; the
    rest stays."""
    if not isinstance(start, Tensor):
        start = torch.arange(x.shape[2], device=x.device) + start
    angle = start[..., None, :, None] * frequencies  # (B or 1, 1, T, n)
    cos, sin = angle.cos(), angle.sin()
    turning, rest = x[..., : 2 * len(frequencies)], x[..., 2 * len(frequencies) :]
    a, b = turning.unflatten(-1, (-1, 2)).unbind(-1)
    y = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)
    return torch.cat((y.type_as(x), rest), dim=-1)
