"""The structured matrices of which T(x) is made, written out entry by entry."""

import torch
from torch import Tensor


def lags(length: int) -> Tensor:
    """(length, length): how many tokens j stands before i; negative in the future."""
    positions = torch.arange(length)
    return positions[:, None] - positions[None, :]


def causal(length: int, window: int = 0) -> Tensor:
    """(length, length), True where i may read j. `window` counts i itself; 0: all."""
    lag = lags(length)
    reads = lag >= 0
    return reads & (lag < window) if window else reads


def toeplitz(response: Tensor, length: int) -> Tensor:
    """K_ij = response[i - j], zero in the future and past the end of the response.

    response: (channels, taps), the current token's first. Returns (channels, length,
    length).
    """
    lag = lags(length)
    inside = (lag >= 0) & (lag < response.shape[-1])
    return torch.where(inside, response[:, lag.clamp(0, response.shape[-1] - 1)], 0.0)


def decay_products(decays: Tensor) -> Tensor:
    """P_ij = a_i a_{i-1} ... a_{j+1}, one on the diagonal, zero in the future.

    decays: a, (batch, length, ...). Returns (batch, length, length, ...). A row is the
    one before times its own decay, so that no quotient of products is ever taken.
    """
    length = decays.shape[1]
    shape = (length, *[1] * (decays.dim() - 2))
    rows: list[Tensor] = []
    row = torch.zeros_like(decays)
    for i in range(length):
        itself = (torch.arange(length) == i).to(decays.dtype).reshape(shape)
        row = decays[:, i : i + 1] * row + itself
        rows.append(row)
    return torch.stack(rows, dim=1)


def diagonal(entries: Tensor) -> Tensor:
    """(batch, length, channels) to (batch, channels, length, length)."""
    return torch.diag_embed(entries.transpose(1, 2))
