"""What an operator's reference returns: T(x), and what it is multiplied with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def unchanged(outputs: Tensor) -> Tensor:
    return outputs


@dataclass(frozen=True)
class Mixing:
    """y = finish(T v), row by row of T the tokens that read, by column those read.

    matrix: T(x), (batch, mixers, length, length), a mixer being a head or a channel.
    values: v, (batch, length, channels); mixer m acts on channels
        m x channels / mixers to (m + 1) x channels / mixers - 1.
    finish: what comes after and mixes no tokens, (batch, length, channels) to the same.
    """

    matrix: Tensor
    values: Tensor
    finish: Callable[[Tensor], Tensor] = unchanged

    def output(self) -> Tensor:
        """y: (batch, length, channels)."""
        values = split(self.values, self.matrix.shape[1])
        mixed = torch.einsum("bhij,bjhp->bihp", self.matrix, values)
        return self.finish(mixed.flatten(2))


def split(channels: Tensor, heads: int) -> Tensor:
    """(batch, length, heads x p) to (batch, length, heads, p)."""
    return channels.reshape(*channels.shape[:-1], heads, -1)
