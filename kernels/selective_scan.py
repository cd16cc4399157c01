"""Selective scan, the recurrence of Mamba: N states a channel, input-dependent steps.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * b_t * x_t        h (B, D, N)
    y_t = sum_n c_{t,n} * h_{t,:,n} + skip * x_t

    x, dt (B, T, D), dt positive    a_log (D, N)    b, c (B, T, N)    skip (D)
    returns y (B, T, D) in x's dtype and the last h as state (B, D, N)

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Time goes in blocks of 16 steps: the forward saves the state before each
block, T / 16 of them, and the backward recomputes a block from it, so that nothing
of size T x D x N is ever held. A block lies (16, B, N, D) in scratch memory that all
blocks share: channels last are 5 times faster on a CPU than N last, and fresh memory
for each block costs more than the arithmetic. Source: Mamba, arXiv 2312.00752,
equation 2 and algorithm 2.

With cu_seqlens, sequences are packed as kernels/sequences.py says; states are then
(S, D, N).

Triton, for N up to 64, moves x, dt, y forward and x, dt, dy, dx, ddt backward, reads
b and c once for 512 / N channels or more, and the states before each 64 steps. The
backward walks through the states once more and recomputes the rest. Gradients of b
and c are summed over the channels of a program, and those sums, in float32, then over
programs: no atomics, the same bits in every run. Where sequences and channels are too
few to fill a GPU, time is split, with another pass each way. A single token without
gradients updates a float32 state in place and returns it.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.diagonal_scan import (
    _scan_effect,
    _scan_empty,
    _scan_grid,
    _scan_last,
    _scan_zeros,
)
from kernels.dispatch import autograd, kernels_for, launch_on
from kernels.sequences import (
    _seq_apart,
    _seq_count,
    _seq_dense,
    _seq_empty,
    _seq_places,
    _seq_rows,
)
from kernels.state_scan import _states

try:
    import triton
    import triton.language as tl

    from kernels.diagonal_scan import (
        _scan_back,
        _scan_carry,
        _scan_forth,
        _scan_keep,
        _scan_read,
        _scan_recall,
        _scan_span,
        _scan_write,
    )
    from kernels.sequences import _seq_place
except ImportError:
    triton = None


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
    inputs = (x, dt, a_log, b, c, skip)
    if _selective_scan_in_triton(*inputs, state):
        if not torch.is_grad_enabled():
            return _selective_scan_forward(*inputs, state, cu_seqlens, keep=False)[:2]
        y, last = autograd(_SelectiveScan, *inputs, state, cu_seqlens)
        return y, last
    if state is None:
        state = _scan_zeros(x, cu_seqlens, *a_log.shape)
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, dt, b, c, h: selective_scan(x, dt, a_log, b, c, skip, h),
            (x, dt, b, c),
            state,
            cu_seqlens,
        )
    dtype = torch.promote_types(x.dtype, torch.float32)
    with torch.autocast(x.device.type, enabled=False):  # it would round to bfloat16
        if x.shape[1] == 1:
            step = dt.to(dtype).transpose(1, 2)  # (B, D, 1)
            decay = (a_log.to(dtype).exp() * -step).exp_()
            h = (step * x.transpose(1, 2) * b).addcmul_(decay, state)  # (B, D, N)
            y = (h @ c.to(dtype).transpose(1, 2)).transpose(1, 2) + skip * x
            return y.to(x.dtype), h
        if torch.compiler.is_compiling():
            return _selective_scan_any_length(*inputs, state)
        y, last = autograd(_SelectiveScan, *inputs, state)
        return y, last


def _selective_scan_split(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Views of 16 steps each, time first; float32. No step, no view."""
    if not tensors[0].shape[1]:
        return []
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


def _selective_scan_blocks(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """y, the last state, and the states before each block (T/16, B, N, D)."""
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
        starts.append(h)
    last = h.transpose(1, 2).contiguous()
    return y.to(x.dtype), last, torch.stack(starts[:-1] or starts)


def _selective_scan_any_length(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    h: Tensor,
) -> tuple[Tensor, Tensor]:
    """The same in one graph for any length, which holds all states (B, T, D, N)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    step, bt = dt.to(dtype).unsqueeze(3), b.to(dtype).unsqueeze(2)
    decay = (step * -a_log.to(dtype).exp()).exp()  # (B, T, D, N)
    states = _states(decay, step * x.unsqueeze(3) * bt, h.to(dtype))
    y = (states[:, 1:] @ c.to(dtype).unsqueeze(3)).squeeze(3) + skip * x
    return y.to(x.dtype), states[:, -1].clone()


def _selective_scan_blocks_back(
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
    """Saves its inputs, and the states before each 16 steps, or 64 in Triton."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dt: Tensor,
        a_log: Tensor,
        b: Tensor,
        c: Tensor,
        skip: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, dt, a_log, b, c, skip)
        ctx.state_dtype = None if state is None else state.dtype
        if _selective_scan_in_triton(*inputs, state):
            y, last, starts = _selective_scan_forward(
                *inputs, state, cu_seqlens, keep=True
            )
            ctx.save_for_backward(*inputs, starts, cu_seqlens)
            return y, last
        assert state is not None
        y, last, starts = _selective_scan_blocks(*inputs, state)
        ctx.save_for_backward(*inputs, starts, cu_seqlens)
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, dt, a_log, b, c, skip, starts, cu_seqlens = ctx.saved_tensors
        inputs = (x, dt, a_log, b, c, skip)
        if _selective_scan_in_triton(*inputs, None):
            *grads, dstate = _selective_scan_backward(
                *inputs, starts, cu_seqlens, dy, dlast
            )
            if ctx.state_dtype is None:
                return *grads, None, None
            return *grads, dstate.to(ctx.state_dtype), None
        with torch.autocast(dy.device.type, enabled=False):
            *grads, dstate = _selective_scan_blocks_back(*inputs, starts, dy, dlast)
        return *grads, dstate.to(ctx.state_dtype), None


# Triton


def _selective_scan_in_triton(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
) -> bool:
    tensors, N = (x, dt, a_log, b, c, skip, state), a_log.shape[1]
    why_not = f"{N} states, more than 64" if N > 64 else ""
    return kernels_for("selective_scan", *tensors, why_not=why_not)


# Steps from one saved state to the next: 1 / 2 of a bfloat16 x where N = 16.
_SELECTIVE_SCAN_KEEP = 64


def _selective_scan_tile(N: int, backward: bool, steps: int = 16) -> dict[str, int]:
    """BN states, padded, of BD channels, for BT steps.

    A thread has 4 states of one channel, in the backward 2 of two: sums over states
    (for x and dt) and there over channels too (for b and c) cost least between threads
    then. Steps and warps are the most that ptxas compiles for sm_90 without spilled
    registers, and for b and c four bytes a thread to copy.
    """
    BN, warps = max(4, 1 << (N - 1).bit_length()), 4
    if backward:
        steps, warps = (4, 4) if BN <= 8 else (8, 8)
    lanes = 1 if torch.version.hip is None else 2
    BD = 128 * warps // BN
    return {"BT": steps, "BD": BD, "BN": BN, "num_warps": warps // lanes}


def _selective_scan_forward(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each 64 steps."""
    T, (D, N) = x.shape[1], a_log.shape
    dt, a_log, skip, state, cu_seqlens = _seq_dense(dt, a_log, skip, state, cu_seqlens)
    xr, br, cr = _seq_rows(x), _seq_rows(b), _seq_rows(c)
    steps = 8 if N <= 4 and x.dtype == torch.float32 else 16  # 16 would spill there
    tile = _selective_scan_tile(N, False, steps if T > 1 else 1)
    grid, size = _scan_grid(x, cu_seqlens, tile["BD"], 256, _SELECTIVE_SCAN_KEEP)
    starts = None
    if keep:
        places = _seq_places(x, cu_seqlens, _SELECTIVE_SCAN_KEEP)
        starts = _scan_empty(x, places, D, N)
    with launch_on(x):
        y = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        last = _scan_last(x, state, keep, _seq_count(x, cu_seqlens), D, N)
        effect = _scan_effect(x, size, D, N)
        if effect is not None:
            _selective_scan_reduce_kernel[grid](
                xr, dt, a_log, br, effect,
                xr.stride(0), br.stride(0), T, D, N, size, REVERSE=False, **tile,
            )  # fmt: skip
        _selective_scan_forward_kernel[grid](
            xr, dt, a_log, br, cr, skip, state, y, last, starts, effect, cu_seqlens,
            xr.stride(0), br.stride(0), cr.stride(0), T, D, N, size,
            KEEP=_SELECTIVE_SCAN_KEEP, **tile,
        )  # fmt: skip
    return y, last, starts


def _selective_scan_backward(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    starts: Tensor,
    cu_seqlens: Tensor | None,
    dy: Tensor,
    dlast: Tensor,
) -> tuple[Tensor, ...]:
    """The gradients of x, dt, a_log, b, c, skip and state."""
    (B, T, D), N, keep = x.shape, a_log.shape[1], _SELECTIVE_SCAN_KEEP
    dt, a_log, skip, cu_seqlens = _seq_dense(dt, a_log, skip, cu_seqlens)
    dy, dlast = _seq_dense(dy, dlast)
    xr, br, cr = _seq_rows(x), _seq_rows(b), _seq_rows(c)
    tile = _selective_scan_tile(N, True)
    (programs,), size = _scan_grid(x, cu_seqlens, tile["BD"], 256, keep)
    blocks = -(-D // tile["BD"])
    with launch_on(x):
        dx = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        ddt = _seq_empty(x, cu_seqlens, x.shape, dt.dtype)
        # sums of one program each, not atomics: the same bits in every run
        dbc = _seq_empty(x, cu_seqlens, (B, T, 2, blocks, N), torch.float32)
        dweights = _scan_empty(x, programs // blocks, N + 1, D)  # of a_log, then skip
        dstate = _scan_empty(x, _seq_count(x, cu_seqlens), D, N)
        cells = keep // tile["BT"] * tile["BD"] * tile["BN"]
        scratch = _scan_empty(x, programs, cells)
        effect = _scan_effect(x, size, D, N)
        if effect is not None:
            reduce = _selective_scan_tile(N, False)
            grid = (programs // blocks * -(-D // reduce["BD"]),)
            _selective_scan_reduce_kernel[grid](
                dy, dt, a_log, cr, effect,
                D, cr.stride(0), T, D, N, size, REVERSE=True, **reduce,
            )  # fmt: skip
        _selective_scan_backward_kernel[(programs,)](
            xr, dt, a_log, br, cr, skip, starts, scratch, dy, dlast,
            dx, ddt, dbc, dweights, dstate, effect, cu_seqlens,
            xr.stride(0), br.stride(0), cr.stride(0), T, D, N, size,
            KEEP=keep, **tile,
        )  # fmt: skip
    db, dc = dbc.sum(3).unbind(2)
    dweights = dweights.sum(0)
    da_log, dskip = dweights[:N].t(), dweights[N]
    return (
        dx,
        ddt,
        da_log.to(a_log.dtype),
        db.to(b.dtype),
        dc.to(c.dtype),
        dskip.to(skip.dtype),
        dstate,
    )


if triton is not None:
    # A tile is (T, R, D, S): R x S states of a channel. Triton lays a fresh tensor of
    # four axes out with the last ones over the threads, so that a thread has R states
    # of a channel at all steps, S neighbours have the others, and a scan over the
    # steps is a loop in registers.

    @triton.jit
    def _selective_scan_places(d, D, N, R: tl.constexpr, S: tl.constexpr):
        """States (R, S) and, with channels d, their offsets and which there are."""
        n = tl.arange(0, R)[:, None] * S + tl.arange(0, S)[None, :]
        at = d[None, :, None] * N + n[:, None, :]
        return n, at, (d < D)[None, :, None] & (n < N)[:, None, :]

    @triton.jit
    def _selective_scan_rate(a_log, at, exists):
        """A log2(e), so that exp(dt A) is exp2."""
        log = tl.load(a_log + at, mask=exists, other=float("-inf"))
        return -1.4426950408889634 * tl.exp(log.to(tl.float32))

    @triton.jit
    def _selective_scan_features(pointer, t, n, stride, read, N):
        """Of b or c, (T, R, 1, S) in float32."""
        at = t.to(tl.int64)[:, None, None] * stride + n[None, :, :]
        mask = read[:, None, None] & (n < N)[None, :, :]
        tile = tl.load(pointer + at, mask=mask, other=0.0)
        return tile.to(tl.float32)[:, :, None, :]

    @triton.jit(do_not_specialize=["T", "size"])
    def _selective_scan_reduce_kernel(
        x, dt, a_log, b, effect, x_stride, b_stride, T, D, N, size,
        REVERSE: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr,
    ):  # fmt: skip
        """What a part makes of the state it is given: a factor and a term.

        In reverse, x and b being dy and c, what it makes of exp(dt_t A) times the
        gradient of h_t. The factor is that of the sum of all dt.
        """
        R: tl.constexpr = 4
        d, s, part, parts, bos, begin, end = _scan_span(None, T, D, size, BD)
        n, at, exists = _selective_scan_places(d, D, N, R, BN // R)
        numbers = (bos * 0 + D) * N  # in 64 bits
        rate = _selective_scan_rate(a_log, at, exists)
        x += bos * x_stride
        dt += bos * D
        b += bos * b_stride
        time = tl.zeros([BD], tl.float32)
        term = tl.zeros([R, BD, BN // R], tl.float32)
        tiles = tl.cdiv(end - begin, BT)
        for k in tl.range(0, tiles, num_stages=3):
            t = begin + (tiles - 1 - k if REVERSE else k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & (d < D)[None, :]
            xt = _scan_read(x, t, d, x_stride, mask, 0.0)
            step = _scan_read(dt, t, d, D, mask, 0.0)
            bt = _selective_scan_features(b, t, n, b_stride, t < end, N)
            time += tl.sum(step, 0)
            a = tl.exp2(step[:, None, :, None] * rate[None])
            if REVERSE:
                u, term = _scan_back(a, xt[:, None, :, None] * bt, term)
            else:
                u, term = _scan_forth(a, (step * xt)[:, None, :, None] * bt, term)
        factor = tl.exp2(time[None, :, None] * rate)
        _scan_keep(effect, factor, term, s * parts + part, numbers, at, exists)

    @triton.jit(do_not_specialize=["T", "size"])
    def _selective_scan_forward_kernel(
        x, dt, a_log, b, c, skip, state, y, last, starts, effect, cu_seqlens,
        x_stride, b_stride, c_stride, T, D, N, size,
        KEEP: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr,
    ):  # fmt: skip
        """Walks one part of one sequence; the state before each KEEP steps is kept.

        One token is a tile of one step; `last` may be `state` then.
        """
        R: tl.constexpr = 4
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        n, at, exists = _selective_scan_places(d, D, N, R, BN // R)
        numbers = (bos * 0 + D) * N  # in 64 bits
        h = _scan_carry(state, effect, s, part, parts, numbers, at, exists, False)
        rate = _selective_scan_rate(a_log, at, exists)
        factor = tl.load(skip + d, mask=d < D, other=0.0).to(tl.float32)
        x += bos * x_stride
        dt += bos * D
        b += bos * b_stride
        c += bos * c_stride
        y += bos * D
        if starts is not None:
            place = _seq_place(cu_seqlens, s, bos, T, KEEP) + begin // KEEP
            starts += place * numbers + at
        for t0 in tl.range(begin, end, BT, num_stages=3):
            t = t0 + tl.arange(0, BT)
            mask = (t < end)[:, None] & (d < D)[None, :]
            xt = _scan_read(x, t, d, x_stride, mask, 0.0)
            step = _scan_read(dt, t, d, D, mask, 0.0)
            bt = _selective_scan_features(b, t, n, b_stride, t < end, N)
            ct = _selective_scan_features(c, t, n, c_stride, t < end, N)
            if starts is not None:
                if (t0 - begin) % KEEP == 0:
                    tl.store(starts, h, mask=exists)
                    starts += numbers
            a = tl.exp2(step[:, None, :, None] * rate[None])
            u, h = _scan_forth(a, (step * xt)[:, None, :, None] * bt, h)
            out = tl.sum(tl.sum(u * ct, 1), 2)
            _scan_write(y, t, d, D, out + factor[None, :] * xt, mask)
        last += s * numbers + at
        tl.store(last, h, mask=exists & (part == parts - 1))

    @triton.jit(do_not_specialize=["T", "size"])
    def _selective_scan_backward_kernel(
        x, dt, a_log, b, c, skip, starts, scratch, dy, dlast,
        dx, ddt, dbc, dweights, dstate, effect, cu_seqlens,
        x_stride, b_stride, c_stride, T, D, N, size,
        KEEP: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr, BN: tl.constexpr,
    ):  # fmt: skip
        """KEEP steps at a time, from the end.

        Their states are walked through once more, and that before each tile goes to
        scratch memory, which stays in the cache. Then tile by tile from the end: h
        forth, its gradient g back. dbc and dweights are sums over a program.
        """
        R: tl.constexpr = 2
        S: tl.constexpr = BN // R
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        n, at, exists = _selective_scan_places(d, D, N, R, S)
        numbers = (bos * 0 + D) * N  # in 64 bits
        inside = (d < D)[None, :]
        carry = _scan_carry(dlast, effect, s, part, parts, numbers, at, exists, True)
        rate = _selective_scan_rate(a_log, at, exists)
        factor = tl.load(skip + d, mask=d < D, other=0.0).to(tl.float32)
        x += bos * x_stride
        dt += bos * D
        b += bos * b_stride
        c += bos * c_stride
        dy += bos * D
        dx += bos * D
        ddt += bos * D
        blocks = tl.cdiv(D, BD)
        wide = 2 * blocks * N  # a row of dbc: for b, then for c, a sum of each block
        dbc += bos * wide + tl.program_id(0) % blocks * N + n[None]
        tiles: tl.constexpr = KEEP // BT
        chunks = tl.cdiv(end - begin, KEEP)
        place = _seq_place(cu_seqlens, s, bos, T, KEEP) + begin // KEEP
        starts += (place + chunks) * numbers + at
        scratch += tl.program_id(0).to(tl.int64) * tiles * BD * BN
        cell = tl.arange(0, BD)[None, :, None]
        cell = (tl.arange(0, R)[:, None, None] * BD + cell) * S
        scratch += cell + tl.arange(0, S)[None, None, :]
        da = tl.zeros([R, BD, S], tl.float32)
        ds = tl.zeros([BD], tl.float32)
        for chunk in range(0, chunks):
            t0 = begin + (chunks - 1 - chunk) * KEEP
            starts -= numbers
            h = tl.load(starts, mask=exists, other=0.0)
            for k in tl.range(0, tiles, num_stages=2):
                t = t0 + k * BT + tl.arange(0, BT)
                mask = (t < end)[:, None] & inside
                tl.store(scratch + k * (BD * BN), h)
                xt = _scan_read(x, t, d, x_stride, mask, 0.0)
                step = _scan_read(dt, t, d, D, mask, 0.0)
                bt = _selective_scan_features(b, t, n, b_stride, t < end, N)
                a = tl.exp2(step[:, None, :, None] * rate[None])
                _, h = _scan_forth(a, (step * xt)[:, None, :, None] * bt, h)
            tl.debug_barrier()
            for k in tl.range(0, tiles, num_stages=2):
                t = t0 + (tiles - 1 - k) * BT + tl.arange(0, BT)
                mask = (t < end)[:, None] & inside
                xt = _scan_read(x, t, d, x_stride, mask, 0.0)
                step = _scan_read(dt, t, d, D, mask, 0.0)
                dyt = _scan_read(dy, t, d, D, mask, 0.0)
                bt = _selective_scan_features(b, t, n, b_stride, t < end, N)
                ct = _selective_scan_features(c, t, n, c_stride, t < end, N)
                h = tl.load(scratch + (tiles - 1 - k) * (BD * BN))
                a = tl.exp2(step[:, None, :, None] * rate[None])
                u = (step * xt)[:, None, :, None] * bt
                q = _scan_recall(a, u, h)
                dy4 = dyt[:, None, :, None]
                to = dbc + t.to(tl.int64)[:, None, None] * wide
                some = (t < end)[:, None, None] & (n < N)[None]
                tl.store(to + blocks * N, tl.sum(dy4 * (q + u), 2), mask=some)
                g, carry = _scan_back(a, dy4 * ct, carry)
                tl.store(to, tl.sum(g * (step * xt)[:, None, :, None], 2), mask=some)
                dinput = tl.sum(tl.sum(g * bt, 1), 2)  # of dt x
                g *= q  # the gradient of dt A
                da += tl.sum(g * step[:, None, :, None], 0)
                dstep = tl.sum(tl.sum(g * rate[None], 1), 2)
                ddtt = dinput * xt + dstep * 0.6931471805599453
                ds += tl.sum(dyt * xt, 0)
                dxt = dinput * step + dyt * factor[None, :]
                _scan_write(dx, t, d, D, dxt, mask)
                _scan_write(ddt, t, d, D, ddtt, mask)
            tl.debug_barrier()
        da *= rate * 0.6931471805599453
        dweights += (s * parts + part).to(tl.int64) * (N + 1) * D + d
        tl.store(dweights[None, :, None] + n[:, None, :] * D, da, mask=exists)
        tl.store(dweights + N * D, ds, mask=d < D)
        dstate += s * numbers + at
        tl.store(dstate, carry, mask=exists & (part == 0))
