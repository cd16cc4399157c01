"""The recurrence of the delta rule and numbers for it, which its two kernels share."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.kernels.kernel_checks import randn

TIMED = [0, 1, 2, 3, 4]


def twin(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    beta: Tensor,
    state: Tensor | None = None,
) -> Any:
    """A token at a time. log_decay (B, L, H) or (B, L, H, N)."""
    each = v.shape[2] // q.shape[2]
    q, k = q.repeat_interleave(each, 2), k.repeat_interleave(each, 2)
    if state is None:
        state = v.new_zeros(len(v), v.shape[2], k.shape[3], v.shape[3])
    ys = []
    for t in range(v.shape[1]):
        if log_decay is not None:
            a = log_decay[:, t].exp()
            state = state * a.reshape(*a.shape[:2], -1, 1)
        held = (k[:, t, :, :, None] * state).sum(2)
        told = beta[:, t, :, None] * (v[:, t] - held)
        state = state + k[:, t, :, :, None] * told[:, :, None]
        ys.append((q[:, t, :, :, None] * state).sum(2))
    return torch.stack(ys, 1), state


def inputs(
    length: int,
    size: int = 6,
    dtype: torch.dtype = torch.float64,
    state: bool = True,
    heads: int = 2,
    width: int = 3,
    batch: int = 2,
    groups: int = 0,
    channel: bool = False,
    most: float = 2.0,
) -> list[Any]:
    """q and k of length 1, beta from 0 to `most`; `groups`: heads of q and k."""
    torch.manual_seed(length * 100 + size)
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    q, k = (randn(batch, length, groups or heads, size) for _ in "qk")
    decays = (batch, length, heads, *((size,) if channel else ()))
    return [
        F.normalize(q, dim=-1).to(dtype),
        F.normalize(k, dim=-1).to(dtype),
        randn(batch, length, heads, width, dtype=dtype),
        (-0.5 * torch.rand(decays, dtype=torch.float64)).to(wide),
        (most * torch.rand(batch, length, heads, dtype=torch.float64)).to(wide),
        randn(batch, heads, size, width, dtype=wide) if state else None,
    ]
