"""All states h_t = a_t * h_{t-1} + b_t, in one graph for any length.

    a, b (B, L, ...)    first (B, ...)        returns (B, L + 1, ...), from first on

A loop over time needs a length that is a number. torch.compile(dynamic=True) and
torch.export have a symbol there, and here the number of operations does not depend
on it: three times groups of 8 steps become one step, and what is left, L / 512 of
them, meets in a triangle of products. No division, no logarithm: any a will do.

Each axis of a may be 1 where that of b is not, after the first two.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.dispatch import autograd


def _states(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    states: Tensor = autograd(_States, a, torch.cat((first.unsqueeze(1), b), 1))
    return states


class _States(torch.autograd.Function):
    """Saves the states: the gradient is the same scan, from the end."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        states = _states_scan(a, b)
        ctx.save_for_backward(a, states)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor, Tensor]:
        a, states = ctx.saved_tensors
        db = _states_scan(a.flip(1), dstates.flip(1)).flip(1)
        da = db[:, 1:] * states[:, :-1]
        axes = [n for n in range(2, a.dim()) if a.shape[n] != da.shape[n]]
        return da.sum(axes, keepdim=True) if axes else da, db


def _states_scan(a: Tensor, b: Tensor) -> Tensor:
    """States from b (B, L + 1, ...), whose first one is the first of them."""
    return _states_level(_states_pad(a, 1, 0), b, 3)


def _states_level(a: Tensor, b: Tensor, levels: int) -> Tensor:
    """h_t = a_t h_{t-1} + b_t from zeros, by `levels` levels of groups."""
    length = b.shape[1]
    if levels == 0:
        t = torch.arange(length, device=b.device)
        shape = (length, length) + (1,) * (b.dim() - 2)
        later, same = ((t[:, None] > t).view(shape), (t[:, None] == t).view(shape))
        factor = torch.where(later, a.unsqueeze(2), 1).cumprod(1)  # (B, to, from, ...)
        factor = torch.where(later | same, factor, 0)
        return (factor * b.unsqueeze(1)).sum(2)
    # At least two groups: torch.compile makes a single one a case of its own.
    groups = (length + 14) // 8
    ag, bg = (
        torch.unflatten(_states_pad(z, 0, 8 * groups - length), 1, (groups, 8))
        .movedim(2, 0)
        .contiguous()
        .unbind()
        for z in (a, b)
    )
    factor, h = ag[0], bg[0]  # what a group makes of the state before it
    for more, new in zip(ag[1:], bg[1:], strict=True):
        factor, h = factor * more, torch.addcmul(new, more, h)
    h = _states_pad(_states_level(factor, h, levels - 1), 1, -1)
    states = []
    for more, new in zip(ag, bg, strict=True):
        h = torch.addcmul(new, more, h)
        states.append(h)
    joined = torch.stack(states, 2).flatten(1, 2)
    return joined.index_select(1, torch.arange(length, device=b.device))


def _states_pad(z: Tensor, before: int, after: int) -> Tensor:
    """Zeros in time, before and after; less than none cuts off."""
    return F.pad(z, (0, 0) * (z.dim() - 2) + (before, after))
