"""minGRU, the gated recurrence without a hidden-to-hidden matrix, for each channel.

    z_t = sigmoid(gate_t)
    h_t = (1 - z_t) * h_{t-1} + z_t * x_t

    x and gate, a logit, (B, T, D)    state (B, D) or None for zeros
    returns h (B, T, D) in the dtype of x, and the last h as state (B, D)

1 - z is sigmoid(-gate), which keeps its digits where z rounds to 1. Source: "Were
RNNs all we needed?", arXiv 2410.01201.
"""

import torch
from torch import Tensor

from kernels.plain.recurrence import _recurrence, _recurrence_start
from kernels.plain.sequences import _seq_apart


def min_gru(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    if state is None:
        state = _recurrence_start(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(min_gru, (x, gate), state, cu_seqlens)
    logit = gate.to(torch.promote_types(x.dtype, torch.float32))
    h, last = _recurrence((-logit).sigmoid(), logit.sigmoid() * x, state)
    return h.to(x.dtype), last
