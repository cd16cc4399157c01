"""What the diagonal recurrences share: all states, of any number of tokens."""

import torch
from torch import Tensor

from kernels.plain.sequences import _seq_count
from kernels.plain.state_scan import _states


def _recurrence(a: Tensor, b: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """h_t = a_t * h_{t-1} + b_t for a, b (B, T, ...), from state on, and the last."""
    if b.shape[1] == 1:
        h = a * state.unsqueeze(1) + b
        return h, h[:, 0]
    states = _states(a, b, state.to(b.dtype))
    return states[:, 1:], states[:, -1]


def _recurrence_start(x: Tensor, cu_seqlens: Tensor | None, *shape: int) -> Tensor:
    """The state before the first token, of this shape for each sequence."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    return x.new_zeros((_seq_count(x, cu_seqlens), *shape), dtype=dtype)
