"""Selective scan, the recurrence of Mamba: N states a channel, input-dependent steps.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * b_t * x_t        h (B, D, N)
    y_t = sum_n c_{t,n} * h_{t,:,n} + skip * x_t

    x, dt (B, L, D), dt positive    a_log (D, N)    b, c (B, L, N)    skip (D)
    returns y (B, L, D) in x's dtype and the last h as state (B, D, N)

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Time goes in blocks of 16 steps: the forward saves the state at each block's
start, L / 16 of them, and the backward recomputes a block from it, so that nothing of
size L x D x N is ever held. Inside, states lie (B, N, D), channels last: 5 times faster
on a CPU than N last. Source: Mamba, arXiv 2312.00752, equation 2 and algorithm 2.
"""

from typing import Any

import torch
from torch import Tensor


def selective_scan(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((*x.shape[::2], a_log.shape[1]), dtype=dtype)
    if x.shape[1] == 1:
        a = a_log.to(dtype).exp()  # (D, N)
        step, xt = dt[:, 0].to(dtype).unsqueeze(2), x[:, 0].to(dtype).unsqueeze(2)
        h = state * (step * -a).exp() + (step * xt) * b.to(dtype)  # (B, D, N)
        y = (h * c).sum(2) + skip * x[:, 0]
        return y.to(x.dtype).unsqueeze(1), h
    if torch.is_grad_enabled():
        y, last = _SelectiveScan.apply(  # type: ignore[no-untyped-call]
            x, dt, a_log, b, c, skip, state
        )
        return y, last
    y, last, _ = _selective_scan_forward(x, dt, a_log, b, c, skip, state, False)
    return y, last


def _selective_scan_block(
    x: Tensor, dt: Tensor, a: Tensor, b: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    """Decays and states of one block, both (B, T, N, D), from the state h before it."""
    decay = (dt.unsqueeze(2) * a).exp_()
    states = (dt * x).unsqueeze(2) * b.unsqueeze(3)
    for t in range(x.shape[1]):
        h = states[:, t].addcmul_(decay[:, t], h)
    return decay, states


def _selective_scan_forward(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """y, the last state and, to keep, the one before each block (B, L/16, N, D)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    a = a_log.to(dtype).exp().neg_().t().contiguous()  # (N, D)
    h = state.to(dtype).transpose(1, 2).contiguous()  # (B, N, D)
    y = torch.empty_like(x, dtype=dtype, memory_format=torch.contiguous_format)
    starts = [h]
    for start in range(0, x.shape[1], 16):
        block = slice(start, start + 16)
        xt, step, bt, ct = (z[:, block].to(dtype) for z in (x, dt, b, c))
        _, states = _selective_scan_block(xt, step, a, bt, h)
        y[:, block] = (ct.unsqueeze(2) @ states).squeeze(2)
        h = states[:, -1].clone()
        if keep:
            starts.append(h)
    y.addcmul_(skip.to(dtype), x.to(dtype))
    last = h.transpose(1, 2).contiguous()
    return y.to(x.dtype), last, torch.stack(starts[:-1] if keep else starts, 1)


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dt: Tensor,
        a_log: Tensor,
        b: Tensor,
        c: Tensor,
        skip: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        y, last, starts = _selective_scan_forward(
            x, dt, a_log, b, c, skip, state, keep=True
        )
        ctx.save_for_backward(x, dt, a_log, b, c, skip, starts)
        ctx.state_dtype = state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, dt, a_log, b, c, skip, starts = ctx.saved_tensors
        dtype = starts.dtype
        a = a_log.to(dtype).exp().neg_().t().contiguous()  # (N, D)
        g = dlast.to(dtype).transpose(1, 2).contiguous()  # (B, N, D), from the future
        da = torch.zeros_like(a)
        dx, ddt, db, dc = (
            torch.empty(z.shape, dtype=dtype, device=z.device) for z in (x, dt, b, c)
        )
        for n in range(starts.shape[1] - 1, -1, -1):
            block = slice(16 * n, 16 * n + 16)
            xt, step, bt, ct, dyt = (z[:, block].to(dtype) for z in (x, dt, b, c, dy))
            decay, states = _selective_scan_block(xt, step, a, bt, starts[:, n])
            dc[:, block] = (states @ dyt.unsqueeze(3)).squeeze(3)
            grads = ct.unsqueeze(3) * dyt.unsqueeze(2)  # (B, T, N, D), dL/dh_t
            for t in range(xt.shape[1] - 1, -1, -1):
                grads[:, t] += g
                g = grads[:, t] * decay[:, t]
            db[:, block] = (grads @ (step * xt).unsqueeze(3)).squeeze(3)
            dinput = (bt.unsqueeze(2) @ grads).squeeze(2)  # (B, T, D), of dt * x
            # decay becomes the gradient of dt * A
            decay.mul_(grads)
            decay[:, 0] *= starts[:, n]
            decay[:, 1:] *= states[:, :-1]
            da += (decay * step.unsqueeze(2)).sum((0, 1))
            ddt[:, block] = decay.mul_(a).sum(2).addcmul_(dinput, xt)
            dx[:, block] = dinput.mul_(step)
        dskip = (dy.to(dtype) * x).sum((0, 1))
        dx.addcmul_(dy.to(dtype), skip.to(dtype))
        return (
            dx.to(x.dtype),
            ddt.to(dt.dtype),
            da.mul_(a).t().to(a_log.dtype),
            db.to(b.dtype),
            dc.to(c.dtype),
            dskip.to(skip.dtype),
            g.transpose(1, 2).to(ctx.state_dtype),
        )
