"""Selective scan, the recurrence of Mamba: N states a channel, input-dependent steps.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * b_t * x_t        h (B, D, N)
    y_t = sum_n c_{t,n} * h_{t,:,n} + skip * x_t

    x, dt (B, T, D), dt positive    a_log (D, N)    b, c (B, T, N)    skip (D)
    returns y (B, T, D) in x's dtype and the last h as state (B, D, N)

Source: Mamba, arXiv 2312.00752, equation 2 and algorithm 2.
"""

import torch
from torch import Tensor

from kernels.plain.recurrence import _recurrence, _recurrence_start
from kernels.plain.sequences import _seq_apart


def selective_scan(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    if state is None:
        state = _recurrence_start(x, cu_seqlens, *a_log.shape)
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, dt, b, c, h: selective_scan(x, dt, a_log, b, c, skip, h),
            (x, dt, b, c),
            state,
            cu_seqlens,
        )
    wide = torch.promote_types(x.dtype, torch.float32)
    step = dt.to(wide).unsqueeze(3)  # (B, T, D, 1)
    decay = (step * -a_log.to(wide).exp()).exp()  # (B, T, D, N)
    h, last = _recurrence(decay, step * x.unsqueeze(3) * b.unsqueeze(2), state)
    y = (h * c.unsqueeze(2)).sum(3) + skip * x
    return y.to(x.dtype), last
