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

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D, N) then, and rows after the last offset give zeros.

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
    _scan_in_place,
    _scan_packed,
    _scan_sizes,
    _scan_starts,
    _scan_strides,
    _scan_zeros,
)
from kernels.dispatch import autograd, kernels_for, launch_on
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
        _scan_slot,
        _scan_span,
        _scan_write,
    )
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
    inputs = (x, dt, a_log, b, c, skip, state)
    states = a_log.shape[1]
    why_not = f"{states} states, more than 64" if states > 64 else ""
    if kernels_for("selective_scan", *inputs, why_not=why_not):
        with launch_on(x):
            return _selective_scan_triton(*inputs, cu_seqlens)
    if state is None:
        state = _scan_zeros(x, cu_seqlens, *a_log.shape)
    if cu_seqlens is not None:
        return _scan_packed(
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
            y, last = y.to(x.dtype), h
        elif torch.compiler.is_compiling():
            y, last = _selective_scan_any_length(x, dt, a_log, b, c, skip, state)
        elif torch.is_grad_enabled():
            y, last = autograd(_SelectiveScan, x, dt, a_log, b, c, skip, state)
        else:
            y, last, _ = _selective_scan_forward(x, dt, a_log, b, c, skip, state, False)
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
    """The same in one graph for any length, which holds all states (B, L, D, N)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    step, bt = dt.to(dtype).unsqueeze(3), b.to(dtype).unsqueeze(2)
    decay = (step * -a_log.to(dtype).exp()).exp()  # (B, L, D, N)
    states = _states(decay, step * x.unsqueeze(3) * bt, h.to(dtype))
    y = (states[:, 1:] @ c.to(dtype).unsqueeze(3)).squeeze(3) + skip * x
    return y.to(x.dtype), states[:, -1].clone()


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


# Triton


# For states up to the first number: steps of a tile, those in float32, channels of a
# thread, warps, tiles on the way. Not measured: the most that ptxas compiles for sm_90
# without spilled registers, and for b and c four bytes a thread to copy.
_SELECTIVE_SCAN_FORWARD = ((2, 16, 16, 1, 4, 4), (64, 16, 16, 1, 4, 3))
_SELECTIVE_SCAN_BACKWARD = ((2, 8, 8, 1, 4, 2), (8, 4, 4, 2, 4, 2), (64, 8, 8, 2, 8, 2))


def _selective_scan_tile(x: Tensor, states: int, backward: bool) -> dict[str, int]:
    """R states of a channel in a thread, and S neighbours with the others.

    Sums over channels (for b and c) and over states (for x and dt) cost least between
    threads where R and the channels of a thread are alike: 2 and 2 in the backward.
    The forward has only sums over states: 4 and 1.
    """
    padded = 1 << (states - 1).bit_length()
    r = min(padded, 2 if backward else 4)
    table = _SELECTIVE_SCAN_BACKWARD if backward else _SELECTIVE_SCAN_FORWARD
    row = next(row for row in table if states <= row[0])
    _, steps, wide_steps, several, warps, stages = row
    return {
        "STEPS": wide_steps if x.element_size() == 4 else steps,
        "BLOCK": 32 * warps * several * r // padded,
        "R": r,
        "S": padded // r,
        "STAGES": stages,
        "num_warps": warps if torch.version.hip is None else warps // 2,
    }


_SELECTIVE_SCAN_KEEP = 64
"""Steps from one saved state to the next: 1 / 2 of a bfloat16 x where N = 16."""


def _selective_scan_sizes(
    x: Tensor, states: int, cu_seqlens: Tensor | None
) -> tuple[int, tuple[int, ...]]:
    """Parts of all sequences, and (sequences, parts, steps of a part, L, D, N)."""
    block = _selective_scan_tile(x, states, False)["BLOCK"]
    grid, sizes = _scan_sizes(x, cu_seqlens, block, 256, _SELECTIVE_SCAN_KEEP)
    return grid[0] // -(-x.shape[2] // block), (*sizes, states)


def _selective_scan_triton(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    inputs = (x, dt, a_log.contiguous(), b, c, skip.contiguous(), state)
    if torch.is_grad_enabled():
        y, last = autograd(_SelectiveScanTriton, *inputs, cu_seqlens)
        return y, last
    if state is None or not _scan_in_place(x, state, cu_seqlens):
        return _selective_scan_launch(*inputs, cu_seqlens)[:2]
    batch, _, channels = x.shape
    states = a_log.shape[1]
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    tile = _selective_scan_tile(x, states, False)
    del tile["STEPS"], tile["STAGES"]
    _selective_scan_step_kernel[(batch * -(-channels // tile["BLOCK"]),)](
        *(*inputs, y, channels, states),
        *(n for z in (x, dt, b, c) for n in (z.stride(0), z.stride(2))),
        *state.stride(),
        **tile,
    )
    return y, state


def _selective_scan_launch(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each 64 steps."""
    channels, states = a_log.shape
    rows, sizes = _selective_scan_sizes(x, states, cu_seqlens)
    tile = _selective_scan_tile(x, states, False)
    grid = (rows * -(-channels // tile["BLOCK"]),)
    strides = _scan_strides(x, dt, b)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    last, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
    starts = _scan_starts(x, sizes, cu_seqlens, _SELECTIVE_SCAN_KEEP, keep)
    if effect is not None:
        _selective_scan_reduce_kernel[grid](
            *(x, dt, a_log, b, effect, *sizes, *strides), **tile, REVERSE=False
        )
    if state is not None:
        state = state.contiguous()
    _selective_scan_forward_kernel[grid](
        *(x, dt, a_log, b, c, skip, state, y, last, starts, effect, cu_seqlens),
        *(*sizes, *strides, *c.stride()),
        **tile,
        KEEP=_SELECTIVE_SCAN_KEEP,
    )
    return y, last, starts


class _SelectiveScanTriton(torch.autograd.Function):
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
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, dt, a_log, b, c, skip)
        y, last, starts = _selective_scan_launch(*inputs, state, cu_seqlens, keep=True)
        ctx.save_for_backward(*inputs, cu_seqlens, starts)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, cu_seqlens, starts = ctx.saved_tensors
        x, dt, a_log, b, c, skip = inputs
        channels, states = a_log.shape
        rows, sizes = _selective_scan_sizes(x, states, cu_seqlens)
        tile = _selective_scan_tile(x, states, True)
        blocks = -(-channels // tile["BLOCK"])
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        ddt = torch.empty(dt.shape, dtype=dt.dtype, device=x.device)
        # partial sums of one program each, not atomics: the same bits in every run
        shape = (blocks, b.shape[0], b.shape[1], states)
        db, dc = (
            torch.empty(shape, dtype=torch.float32, device=x.device) for _ in range(2)
        )
        da_log, dskip = _scan_empty(x, sizes, rows), _scan_empty(x, sizes[:5], rows)
        dstate, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
        tiles = _SELECTIVE_SCAN_KEEP // tile["STEPS"]
        cells = tile["R"] * tile["BLOCK"] * tile["S"]
        scratch = _scan_empty(x, sizes[:4], rows * blocks, tiles, cells)
        with launch_on(x):
            if effect is not None:
                reduce = _selective_scan_tile(x, states, False)
                grid = (rows * -(-channels // reduce["BLOCK"]),)
                _selective_scan_reduce_kernel[grid](
                    *(dy, dt, a_log, c, effect, *sizes),
                    *_scan_strides(dy, dt, c),
                    **reduce,
                    REVERSE=True,
                )
            _selective_scan_backward_kernel[(rows * blocks,)](
                *(*inputs, starts, scratch, dy, dlast.contiguous(), dx, ddt, da_log),
                *(db, dc, dskip, dstate, effect, cu_seqlens, *sizes),
                *_scan_strides(x, dt, b, c, dy),
                **tile,
                KEEP=_SELECTIVE_SCAN_KEEP,
            )
        return (
            dx,
            ddt,
            da_log.sum(0).to(a_log.dtype),
            db.sum(0).to(b.dtype),
            dc.sum(0).to(c.dtype),
            dskip.sum(0).to(skip.dtype),
            None if ctx.state_dtype is None else dstate.to(ctx.state_dtype),
            None,
        )


if triton is not None:
    # A tile is (T, R, D, S): R x S states of a channel. Triton lays a fresh tensor of
    # four axes out with the last ones over the threads, so that a thread has R states
    # of a channel at all steps, S neighbours have the others, and a scan over the
    # steps is a loop in registers.

    @triton.jit
    def _selective_scan_places(d, channels, states, R: tl.constexpr, S: tl.constexpr):
        """States (R, S) and, with channels d, their offsets and which there are."""
        n = tl.arange(0, R)[:, None] * S + tl.arange(0, S)[None, :]
        at = d[None, :, None] * states + n[:, None, :]
        return n, at, (d < channels)[None, :, None] & (n < states)[:, None, :]

    @triton.jit
    def _selective_scan_rate(a_log, at, exists):
        """A log2(e), so that exp(dt A) is exp2."""
        log = tl.load(a_log + at, mask=exists, other=float("-inf"))
        return -1.4426950408889634 * tl.exp(log.to(tl.float32))

    @triton.jit
    def _selective_scan_features(pointer, t, n, stride_t, stride_n, read, states):
        """Of b or c, (T, R, 1, S) in float32."""
        at = t.to(tl.int64)[:, None, None] * stride_t
        at += n.to(tl.int64)[None, :, :] * stride_n
        mask = read[:, None, None] & (n < states)[None, :, :]
        tile = tl.load(pointer + at, mask=mask, other=0.0)
        return tile.to(tl.float32)[:, :, None, :]

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _selective_scan_reduce_kernel(
        x,
        dt,
        a_log,
        b,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        states,
        x_batch,
        x_time,
        x_channel,
        dt_batch,
        dt_time,
        dt_channel,
        b_batch,
        b_time,
        b_state,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        R: tl.constexpr,
        S: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, x and b being dy and c, what it makes of exp(dt_t A) times the
        gradient of h_t. The factor is that of the sum of all dt.
        """
        d, sequence, batch, part, start, end, live = _scan_span(
            None, sequences, parts, size, length, channels, BLOCK
        )
        n, at, exists = _selective_scan_places(d, channels, states, R, S)
        rate = _selective_scan_rate(a_log, at, exists)
        x += sequence.to(tl.int64) * x_batch
        dt += sequence.to(tl.int64) * dt_batch
        b += sequence.to(tl.int64) * b_batch
        time = tl.zeros([BLOCK], tl.float32)
        term = tl.zeros([R, BLOCK, S], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile = tiles - 1 - k if REVERSE else k
            t = start + tile * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & (d < channels)[None, :]
            xt = _scan_read(x, t, d, x_time, x_channel, mask, 0.0)
            step = _scan_read(dt, t, d, dt_time, dt_channel, mask, 0.0)
            bt = _selective_scan_features(b, t, n, b_time, b_state, t < end, states)
            time += tl.sum(step, 0)
            a = tl.exp2(step[:, None, :, None] * rate[None])
            if REVERSE:
                u, term = _scan_back(a, xt[:, None, :, None] * bt, term)
            else:
                u, term = _scan_forth(a, (step * xt)[:, None, :, None] * bt, term)
        row, rows = sequence * parts + part, sequences * parts
        factor = tl.exp2(time[None, :, None] * rate)
        _scan_keep(effect, factor, term, row, rows, channels * states, at, exists)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _selective_scan_forward_kernel(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        state,
        y,
        last,
        starts,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        states,
        x_batch,
        x_time,
        x_channel,
        dt_batch,
        dt_time,
        dt_channel,
        b_batch,
        b_time,
        b_state,
        c_batch,
        c_time,
        c_state,
        KEEP: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        R: tl.constexpr,
        S: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """Walks one part of one sequence; the state before each KEEP steps is kept."""
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        n, at, exists = _selective_scan_places(d, channels, states, R, S)
        exists = exists & live
        all_states = channels * states
        h = _scan_carry(
            *(state, effect, sequence, sequences, part, parts, all_states, at, exists),
            *(False,),
        )
        rate = _selective_scan_rate(a_log, at, exists)
        factor = tl.load(skip + d, mask=d < channels, other=0.0).to(tl.float32)
        x += batch.to(tl.int64) * x_batch
        dt += batch.to(tl.int64) * dt_batch
        b += batch.to(tl.int64) * b_batch
        c += batch.to(tl.int64) * c_batch
        y += batch.to(tl.int64) * length * channels
        slot = _scan_slot(cu_seqlens, sequence, start, length, KEEP)
        if starts is not None:
            starts += slot.to(tl.int64) * all_states + at
        for t0 in tl.range(start, end, STEPS, num_stages=STAGES):
            t = t0 + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & (d < channels)[None, :]
            read = mask & live
            xt = _scan_read(x, t, d, x_time, x_channel, read, 0.0)
            step = _scan_read(dt, t, d, dt_time, dt_channel, read, 0.0)
            here = (t < end) & live
            bt = _selective_scan_features(b, t, n, b_time, b_state, here, states)
            ct = _selective_scan_features(c, t, n, c_time, c_state, here, states)
            if starts is not None:
                if (t0 - start) % KEEP == 0:
                    place = ((t0 - start) // KEEP).to(tl.int64) * all_states
                    tl.store(starts + place, h, mask=exists)
            a = tl.exp2(step[:, None, :, None] * rate[None])
            u, h = _scan_forth(a, (step * xt)[:, None, :, None] * bt, h)
            out = tl.sum(tl.sum(u * ct, 1), 2)
            _scan_write(y, t, d, channels, out + factor[None, :] * xt, mask)
        last += sequence.to(tl.int64) * all_states + at
        tl.store(last, h, mask=exists & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _selective_scan_backward_kernel(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        starts,
        scratch,
        dy,
        dlast,
        dx,
        ddt,
        da_log,
        db,
        dc,
        dskip,
        dstate,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        states,
        x_batch,
        x_time,
        x_channel,
        dt_batch,
        dt_time,
        dt_channel,
        b_batch,
        b_time,
        b_state,
        c_batch,
        c_time,
        c_state,
        dy_batch,
        dy_time,
        dy_channel,
        KEEP: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        R: tl.constexpr,
        S: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """KEEP steps at a time, from the end.

        Their states are walked through once more, and that before each tile goes to
        scratch memory, which stays in the cache. Then tile by tile from the end: h
        forth, its gradient g back. da_log, db, dc and dskip are sums over a program.
        """
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        n, at, real = _selective_scan_places(d, channels, states, R, S)
        inside = (d < channels)[None, :]
        exists = real & live
        all_states = channels * states
        carry = _scan_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, all_states),
            *(at, exists, True),
        )
        rate = _selective_scan_rate(a_log, at, exists)
        factor = tl.load(skip + d, mask=d < channels, other=0.0).to(tl.float32)
        x += batch.to(tl.int64) * x_batch
        dt += batch.to(tl.int64) * dt_batch
        b += batch.to(tl.int64) * b_batch
        c += batch.to(tl.int64) * c_batch
        dy += batch.to(tl.int64) * dy_batch
        dx += batch.to(tl.int64) * length * channels
        ddt += batch.to(tl.int64) * length * channels
        batches = sequences if cu_seqlens is None else 1
        block = tl.program_id(0) % tl.cdiv(channels, BLOCK)
        base = (block * batches + batch).to(tl.int64) * length
        db += base * states + n[None]
        dc += base * states + n[None]
        tiles: tl.constexpr = KEEP // STEPS
        chunks = tl.cdiv(end - start, KEEP)
        slot = _scan_slot(cu_seqlens, sequence, start, length, KEEP)
        starts += (slot + chunks).to(tl.int64) * all_states + at
        scratch += tl.program_id(0).to(tl.int64) * tiles * R * BLOCK * S
        cell = tl.arange(0, BLOCK)[None, :, None]
        cell = (tl.arange(0, R)[:, None, None] * BLOCK + cell) * S
        scratch += cell + tl.arange(0, S)[None, None, :]
        da = tl.zeros([R, BLOCK, S], tl.float32)
        ds = tl.zeros([BLOCK], tl.float32)
        for chunk in range(0, chunks):
            t0 = start + (chunks - 1 - chunk) * KEEP
            starts -= all_states
            h = tl.load(starts, mask=exists, other=0.0)
            for k in tl.range(0, tiles, num_stages=STAGES):
                t = t0 + k * STEPS + tl.arange(0, STEPS)
                here = (t < end) & live
                read = here[:, None] & inside
                tl.store(scratch + k * (R * BLOCK * S), h)
                xt = _scan_read(x, t, d, x_time, x_channel, read, 0.0)
                step = _scan_read(dt, t, d, dt_time, dt_channel, read, 0.0)
                bt = _selective_scan_features(b, t, n, b_time, b_state, here, states)
                a = tl.exp2(step[:, None, :, None] * rate[None])
                _, h = _scan_forth(a, (step * xt)[:, None, :, None] * bt, h)
            tl.debug_barrier()
            for k in tl.range(0, tiles, num_stages=STAGES):
                t = t0 + (tiles - 1 - k) * STEPS + tl.arange(0, STEPS)
                here = (t < end) & live
                write = (t < end)[:, None] & inside
                read = here[:, None] & inside
                xt = _scan_read(x, t, d, x_time, x_channel, read, 0.0)
                step = _scan_read(dt, t, d, dt_time, dt_channel, read, 0.0)
                dyt = _scan_read(dy, t, d, dy_time, dy_channel, read, 0.0)
                bt = _selective_scan_features(b, t, n, b_time, b_state, here, states)
                ct = _selective_scan_features(c, t, n, c_time, c_state, here, states)
                h = tl.load(scratch + (tiles - 1 - k) * (R * BLOCK * S))
                a = tl.exp2(step[:, None, :, None] * rate[None])
                u = (step * xt)[:, None, :, None] * bt
                q = _scan_recall(a, u, h)
                dy4 = dyt[:, None, :, None]
                place = t.to(tl.int64)[:, None, None] * states
                some = (t < end)[:, None, None] & (n < states)[None]
                tl.store(dc + place, tl.sum(dy4 * (q + u), 2), mask=some)
                g, carry = _scan_back(a, dy4 * ct, carry)
                sums = tl.sum(g * (step * xt)[:, None, :, None], 2)
                tl.store(db + place, sums, mask=some)
                dinput = tl.sum(tl.sum(g * bt, 1), 2)  # of dt x
                g *= q  # the gradient of dt A
                da += tl.sum(g * step[:, None, :, None], 0)
                dstep = tl.sum(tl.sum(g * rate[None], 1), 2)
                ddtt = dinput * xt + dstep * 0.6931471805599453
                ds += tl.sum(dyt * xt, 0)
                dxt = dinput * step + dyt * factor[None, :]
                _scan_write(dx, t, d, channels, dxt, write)
                _scan_write(ddt, t, d, channels, ddtt, write)
            tl.debug_barrier()
        row = (sequence * parts + part).to(tl.int64)
        da *= rate * 0.6931471805599453
        tl.store(da_log + row * all_states + at, da, mask=real)
        tl.store(dskip + row * channels + d, ds, mask=d < channels)
        dstate += sequence.to(tl.int64) * all_states + at
        tl.store(dstate, carry, mask=exists & (part == 0))

    @triton.jit
    def _selective_scan_step_kernel(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        state,
        y,
        channels,
        states,
        x_batch,
        x_channel,
        dt_batch,
        dt_channel,
        b_batch,
        b_state,
        c_batch,
        c_state,
        state_batch,
        state_channel,
        state_state,
        BLOCK: tl.constexpr,
        R: tl.constexpr,
        S: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        n, at, exists = _selective_scan_places(d, channels, states, R, S)
        rate = _selective_scan_rate(a_log, at, exists)
        wide, n = d.to(tl.int64), n.to(tl.int64)  # strides can be any
        there = d < channels
        step = tl.load(dt + row * dt_batch + wide * dt_channel, mask=there, other=0.0)
        step = step.to(tl.float32)
        xt = tl.load(x + row * x_batch + wide * x_channel, mask=there, other=0.0)
        xt = xt.to(tl.float32)
        bt = tl.load(b + row * b_batch + n * b_state, mask=n < states, other=0.0)
        ct = tl.load(c + row * c_batch + n * c_state, mask=n < states, other=0.0)
        state += row * state_batch + wide[None, :, None] * state_channel
        state += n[:, None, :] * state_state
        h = tl.load(state, mask=exists, other=0.0)
        h *= tl.exp2(step[None, :, None] * rate)
        h += (step * xt)[None, :, None] * bt.to(tl.float32)[:, None, :]
        tl.store(state, h, mask=exists)
        out = tl.sum(tl.sum(h * ct.to(tl.float32)[:, None, :], 0), 1)
        out += tl.load(skip + d, mask=there, other=0.0).to(tl.float32) * xt
        tl.store(y + row * channels + wide, out, mask=there)
