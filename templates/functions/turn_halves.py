import torch
from torch import Tensor


def turn_halves(x: Tensor, start: int | Tensor, frequencies: Tensor) -> Tensor:
    """x (B, H, T, K) from position start on, or at positions start (B or 1, T):
    channels (i, i + n) turn as a pair, of n pairs, by frequencies (n) a token; the rest
    stays."""
    if not isinstance(start, Tensor):
        start = torch.arange(x.shape[2], device=x.device) + start
    angle = start[..., None, :, None] * frequencies  # (B or 1, 1, T, n)
    cos, sin = angle.cos(), angle.sin()
    n = len(frequencies)
    a, b, rest = x[..., :n], x[..., n : 2 * n], x[..., 2 * n :]
    y = torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).type_as(x)
    return torch.cat((y, rest), dim=-1)
