"""Packed sequences: cu_seqlens are the S + 1 borders of those in (1, T, ...)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def _seq_count(x: Tensor, cu_seqlens: Tensor | None) -> int:
    return x.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1


def _seq_apart(
    one: Callable[..., tuple[Tensor, Tensor]],
    inputs: Sequence[Tensor | None],
    state: Tensor,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """one(*inputs, state) of a sequence after the other."""
    sizes = cu_seqlens.diff().tolist()
    parts = [[None] * len(sizes) if z is None else z.split(sizes, 1) for z in inputs]
    ys, states = zip(*map(one, *parts, state.split(1)), strict=True)
    return torch.cat(ys, 1), torch.cat(states)
