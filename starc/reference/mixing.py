"""What an operator's reference returns: T(x), and what it is multiplied with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from starc import operators
from starc.ir.operator import Operator


def unchanged(outputs: Tensor) -> Tensor:
    return outputs


@dataclass(frozen=True)
class Mixing:
    """y = finish(T v), row by row of T the tokens that read, by column those read.

    matrix: T(x), (batch, mixers, length, length), a mixer being a head or a channel.
    values: v, (batch, length, channels); mixer m acts on channels
        m x channels / mixers to (m + 1) x channels / mixers - 1.
    finish: what comes after and mixes no tokens, (batch, length, channels) to the same.
    auxiliary: a number that it adds to the loss of training, where it adds one.
    """

    matrix: Tensor
    values: Tensor
    finish: Callable[[Tensor], Tensor] = unchanged
    auxiliary: Tensor | None = None

    def output(self) -> Tensor:
        """y: (batch, length, channels)."""
        values = split(self.values, self.matrix.shape[1])
        mixed = torch.einsum("bhij,bjhp->bihp", self.matrix, values)
        return self.finish(mixed.flatten(2))


def split(channels: Tensor, heads: int) -> Tensor:
    """(batch, length, heads x p) to (batch, length, heads, p)."""
    return channels.reshape(*channels.shape[:-1], heads, -1)


def spread(groups: Tensor, heads: int) -> Tensor:
    """Head h is given group h // (heads // groups); both on the third axis."""
    each = heads // groups.shape[2]
    return torch.stack([groups[:, :, head // each] for head in range(heads)], dim=2)


Tensors = Mapping[str, Tensor]


def mixing_of(kind: str) -> Callable[[Any, Tensors, Tensors, float], Mixing]:
    """The function that makes T(x) of an operator of this kind.

    It takes the operator, its features by group (batch, length, channels), its tensors
    besides those of the featurizer's groups by name, and the model's eps.
    """
    found: Callable[[Any, Tensors, Tensors, float], Mixing]
    found = operators.part(kind, "reference").mixing
    return found


def output(
    operator: Operator, y: Tensor, tensors: Tensors, x: Tensor | None = None
) -> Tensor:
    """y (batch, length, inner) back in the stream (batch, length, width).

    By `out.weight` and `out.bias`, or by `output` of the operator's reference where it
    has one; an operator without tensors for it has y as it is. x: the normed input, for
    an operator that adds it.
    """
    own = getattr(operators.part(operator.kind, "reference"), "output", None)
    if own is not None:
        found: Tensor = own(operator, y, tensors, x)
        return found
    if "out.weight" in tensors:
        y = y @ tensors["out.weight"].T
    return y + tensors["out.bias"] if "out.bias" in tensors else y
