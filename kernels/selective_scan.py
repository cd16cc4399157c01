"""Selective scan, the recurrence of Mamba: N states a channel, input-dependent steps.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * b_t * x_t        h (B, D, N)
    y_t = sum_n c_{t,n} * h_{t,:,n} + skip * x_t

    x, dt (B, L, D), dt positive    a_log (D, N)    b, c (B, L, N)    skip (D)
    returns y (B, L, D) in x's dtype and the last h as state (B, D, N)

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Time goes in blocks of 16 steps: the forward saves the state before each
block, L / 16 of them, and the backward recomputes a block from it, so that nothing
of size L x D x N is ever held. A block lies (T, B, N, D) in scratch memory that all
blocks share: channels last are 5 times faster on a CPU than N last, and fresh memory
for each block costs more than the arithmetic. Source: Mamba, arXiv 2312.00752,
equation 2 and algorithm 2.
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
        state = x.new_zeros((x.shape[0], *a_log.shape), dtype=dtype)
    with torch.autocast(x.device.type, enabled=False):  # it would round to bfloat16
        if x.shape[1] == 1:
            step = dt.to(dtype).transpose(1, 2)  # (B, D, 1)
            decay = (a_log.to(dtype).exp() * -step).exp_()
            h = (step * x.transpose(1, 2) * b).addcmul_(decay, state)  # (B, D, N)
            y = (h @ c.to(dtype).transpose(1, 2)).transpose(1, 2) + skip * x
            y, last = y.to(x.dtype), h
        elif _traced_by_export():
            y, last = _selective_scan_plain(x, dt, a_log, b, c, skip, state)
        elif torch.is_grad_enabled():
            y, last = _SelectiveScan.apply(  # type: ignore[no-untyped-call]
                x, dt, a_log, b, c, skip, state
            )
        else:
            y, last, _ = _selective_scan_forward(x, dt, a_log, b, c, skip, state, False)
    return y, last


def _selective_scan_split(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Views of 16 steps each, time first; float32."""
    wide = (z.to(torch.promote_types(z.dtype, torch.float32)) for z in tensors)
    return list(zip(*(torch.split(z.transpose(0, 1), 16) for z in wide), strict=True))


def _selective_scan_block(
    decay: Tensor,
    states: Tensor,
    x: Tensor,
    dt: Tensor,
    a: Tensor,
    b: Tensor,
    h: Tensor,
) -> None:
    """Fill decay and states, both (T, B, N, D), from the state h before the block."""
    torch.mul(dt.unsqueeze(2), a, out=decay).exp_()
    torch.mul((dt * x).unsqueeze(2), b.unsqueeze(3), out=states)
    for factor, new in zip(decay.unbind(0), states.unbind(0), strict=True):
        h = new.addcmul_(factor, h)


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
    """y, the last state, and, to keep, the states before each block (L/16, B, N, D)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    a = a_log.to(dtype).exp().neg_().t().contiguous()  # (N, D)
    h = state.to(dtype).transpose(1, 2).contiguous()  # (B, N, D)
    y = x.to(dtype) * skip
    starts = [h]
    scratch = h.new_empty(2, min(16, x.shape[1]), *h.shape)
    for xt, step, bt, ct, yt in _selective_scan_split(x, dt, b, c, y):
        decay, states = scratch[:, : xt.shape[0]]
        _selective_scan_block(decay, states, xt, step, a, bt, h)
        yt.add_((ct.unsqueeze(2) @ states).squeeze(2))  # (T, B, D)
        h = states[-1].clone()
        if keep:
            starts.append(h)
    last = h.transpose(1, 2).contiguous()
    return y.to(x.dtype), last, torch.stack(starts[:-1] if keep else starts)


def _traced_by_export() -> bool:
    compiler = torch.compiler
    return compiler.is_compiling() and not compiler.is_dynamo_compiling()


def _selective_scan_plain(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    h: Tensor,
) -> tuple[Tensor, Tensor]:
    """The same with nothing in place, for torch.export, whose programs run with
    gradients but without the Function around the other form.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    a, ys = -a_log.to(dtype).exp(), []
    inputs = (z.to(dtype).unbind(1) for z in (x, dt, b, c))
    for xt, step, bt, ct in zip(*inputs, strict=True):
        add = (step * xt).unsqueeze(2) * bt.unsqueeze(1)  # (B, D, N)
        h = torch.addcmul(add, (step.unsqueeze(2) * a).exp(), h)
        ys.append((h @ ct.unsqueeze(2)).squeeze(2))
    y = torch.stack(ys, 1) + skip * x
    return y.to(x.dtype), h


def _selective_scan_backward(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    starts: Tensor,
    dy: Tensor,
    dlast: Tensor,
) -> tuple[Tensor, ...]:
    """The gradients of x, dt, a_log, b, c, skip and state, from the last block back."""
    dtype = starts.dtype
    a = a_log.to(dtype).exp().neg_().t().contiguous()  # (N, D)
    g = dlast.transpose(1, 2).contiguous()  # (B, N, D), what later blocks ask for
    da = torch.zeros_like(a)
    dx = dy.to(dtype) * skip
    ddt, db, dc = (
        torch.empty(z.shape, dtype=dtype, device=z.device) for z in (dt, b, c)
    )
    scratch = g.new_empty(3, min(16, x.shape[1]), *g.shape)
    blocks = _selective_scan_split(x, dt, b, c, dy, dx, ddt, db, dc)
    for n in range(len(blocks) - 1, -1, -1):
        xt, step, bt, ct, dyt, dxt, ddtt, dbt, dct = blocks[n]
        decay, states, grads = scratch[:, : xt.shape[0]]
        _selective_scan_block(decay, states, xt, step, a, bt, starts[n])
        torch.mul(ct.unsqueeze(3), dyt.unsqueeze(2), out=grads)
        for grad, factor in zip(
            reversed(grads.unbind(0)), reversed(decay.unbind(0)), strict=True
        ):
            g = grad.add_(g) * factor  # grad is now dL/dh_t
        dct.copy_((states @ dyt.unsqueeze(3)).squeeze(3))
        dbt.copy_((grads @ (step * xt).unsqueeze(3)).squeeze(3))
        dinput = (bt.unsqueeze(2) @ grads).squeeze(2)  # (T, B, D), of dt * x
        dlog = decay.mul_(grads)  # of dt * A, with h_{t-1} still to be multiplied in
        dlog[0] *= starts[n]
        dlog[1:] *= states[:-1]
        da += torch.mul(dlog, step.unsqueeze(2), out=grads).sum((0, 1))
        ddtt.copy_(dlog.mul_(a).sum(2).addcmul_(dinput, xt))
        dxt.addcmul_(dinput, step)
    return (
        dx.to(x.dtype),
        ddt.to(dt.dtype),
        da.mul_(a).t().to(a_log.dtype),
        db.to(b.dtype),
        dc.to(c.dtype),
        (dy.to(dtype) * x).sum((0, 1)).to(skip.dtype),
        g.transpose(1, 2),
    )


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
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        x, dt, a_log, b, c, skip, starts = saved
        with torch.autocast(dy.device.type, enabled=False):
            *grads, dstate = _selective_scan_backward(
                x, dt, a_log, b, c, skip, starts, dy, dlast
            )
        return (*grads, dstate.to(ctx.state_dtype))
