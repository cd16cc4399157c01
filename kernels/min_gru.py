"""minGRU, the gated recurrence without a hidden-to-hidden matrix, for each channel.

    z_t = sigmoid(gate_t)
    h_t = (1 - z_t) * h_{t-1} + z_t * x_t

    x and gate, a logit, (B, L, D)    state (B, D) or None for zeros
    returns h (B, L, D) in the dtype of x, and the last h as state (B, D)

Carry and state are float32 (float64 for float64). 1 - z is sigmoid(-gate), which
keeps its digits where z rounds to 1. Source: "Were RNNs all we needed?", arXiv
2410.01201, without its log space, which these scans do not need.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 3 tensors (B, L, D) forward and 5 backward, and 1 / 8 of one for the
state before each 16 steps (8 in float32), from which the backward recomputes the
rest. Where sequences and channels are too few to fill a GPU, time is split, at 2
tensors more each way. A single token without gradients updates a float32 state in
place and returns it.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.diagonal_scan import (
    _scan_chunks,
    _scan_effect,
    _scan_empty,
    _scan_gradients,
    _scan_in_place,
    _scan_packed,
    _scan_recall_tile,
    _scan_sizes,
    _scan_starts,
    _scan_strides,
    _scan_zeros,
)
from kernels.dispatch import autograd, kernels_for, launch_on

try:
    import triton
    import triton.language as tl

    from kernels.diagonal_scan import (
        _scan_back,
        _scan_carry,
        _scan_forth,
        _scan_keep,
        _scan_load,
        _scan_recall,
        _scan_reduced,
        _scan_slot,
        _scan_span,
        _scan_store,
    )
except ImportError:
    triton = None


def min_gru(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    if kernels_for("min_gru", x, gate, state):
        with launch_on(x):
            return _min_gru_triton(x, gate, state, cu_seqlens)
    if state is None:
        state = _scan_zeros(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _scan_packed(min_gru, (x, gate), state, cu_seqlens)
    if not x.shape[1]:
        return x.clone(), state
    dtype = torch.promote_types(x.dtype, torch.float32)
    if torch.is_grad_enabled():
        h, last = autograd(_MinGRU, x, gate, state)
        return h, last
    a, h = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid().mul_(x)
    _scan_chunks(a, h, state.to(dtype))
    return h.to(x.dtype), h[:, -1].clone()


class _MinGRU(torch.autograd.Function):
    """Saves x, gate and h; everything between them is recomputed."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gate: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, h = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid().mul_(x)
        _scan_chunks(a, h, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, gate, state, h)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, gate, state, h = ctx.saved_tensors
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, z = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid()
        da, db, dstate = _scan_gradients(a, h, state, dh, dlast)
        # da is g_t h_{t-1}, and da / dz = -1
        dgate = (db * x).sub_(da).mul_(z).mul_(a)
        return db.mul_(z).to(x.dtype), dgate.to(gate.dtype), dstate.to(state.dtype)


# Triton


def _min_gru_triton(
    x: Tensor, gate: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    if torch.is_grad_enabled():
        y, last = autograd(_MinGRUTriton, x, gate, state, cu_seqlens)
        return y, last
    if state is None or not _scan_in_place(x, state, cu_seqlens):
        return _min_gru_forward(x, gate, state, cu_seqlens)[:2]
    batch, _, channels = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _min_gru_step_kernel[(batch * -(-channels // 256),)](
        *(x, gate, state, y, channels, *_scan_strides(x, gate), *state.stride()),
        BLOCK=256,
    )
    return y, state


def _min_gru_forward(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each tile."""
    grid, sizes = _scan_sizes(x, cu_seqlens)
    strides = _scan_strides(x, gate)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    tile = _scan_recall_tile(x, "forward")
    last, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
    starts = _scan_starts(x, sizes, cu_seqlens, tile["STEPS"], keep)
    if effect is not None:
        _min_gru_reduce_kernel[grid](
            *(x, gate, effect, *sizes, *strides),
            **_scan_recall_tile(x, "reduce"),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _min_gru_forward_kernel[grid](
        *(x, gate, state, y, last, starts, effect, cu_seqlens, *sizes, *strides),
        **tile,
    )
    return y, last, starts


class _MinGRUTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gate: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, starts = _min_gru_forward(x, gate, state, cu_seqlens, keep=True)
        ctx.save_for_backward(x, gate, cu_seqlens, starts)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, cu_seqlens, starts = ctx.saved_tensors
        grid, sizes = _scan_sizes(x, cu_seqlens)
        strides = _scan_strides(x, gate, dy)
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        dgate = torch.empty(gate.shape, dtype=gate.dtype, device=x.device)
        dstate, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
        with launch_on(x):
            if effect is not None:
                _min_gru_reduce_kernel[grid](
                    *(dy, gate, effect, *sizes, *strides[6:], *strides[3:6]),
                    **_scan_recall_tile(x, "reduce"),
                    REVERSE=True,
                )
            _min_gru_backward_kernel[grid](
                *(x, gate, starts, dy, dlast.contiguous(), dx, dgate, dstate, effect),
                *(cu_seqlens, *sizes, *strides),
                **_scan_recall_tile(x, "backward"),
            )
        if ctx.state_dtype is None:
            return dx, dgate, None, None
        return dx, dgate, dstate.to(ctx.state_dtype), None


if triton is not None:

    @triton.jit
    def _min_gru_gates(logit):
        """1 - z and z: the smaller by division, the other as the rest to 1.

        Division on a GPU is off by 1e-7, which grows by 1 / z over time.
        """
        e = tl.exp(-tl.abs(logit))
        small = e / (1 + e)
        shut, large = logit < 0, 1 - small
        return tl.where(shut, large, small), tl.where(shut, small, large)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_reduce_kernel(
        x,
        gate,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, x being dh, what it makes of 1 - z_t times the gradient of h_t.
        """
        d, sequence, _, part, start, end, _ = _scan_span(
            None, sequences, parts, size, length, channels, BLOCK
        )
        x += sequence.to(tl.int64) * x_batch
        gate += sequence.to(tl.int64) * gate_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile = tiles - 1 - k if REVERSE else k
            t = start + tile * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & (d < channels)[None, :]
            logit = _scan_load(gate, t, d, gate_time, gate_channel, mask, float("-inf"))
            a, z = _min_gru_gates(logit)
            b = _scan_load(x, t, d, x_time, x_channel, mask, 0.0)
            if not REVERSE:
                b *= z
            factor, term = _scan_reduced(a, b, factor, term, REVERSE)
        row, rows = sequence * parts + part, sequences * parts
        at = d[None, :]
        _scan_keep(effect, factor, term, row, rows, channels, at, at < channels)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_forward_kernel(
        x,
        gate,
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
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        inside = (d < channels)[None, :]
        real = inside & live
        h = _scan_carry(
            *(state, effect, sequence, sequences, part, parts, channels, d[None, :]),
            *(real, False),
        )
        x += batch.to(tl.int64) * x_batch
        gate += batch.to(tl.int64) * gate_batch
        y += batch.to(tl.int64) * length * channels
        slot = _scan_slot(cu_seqlens, sequence, start, length, STEPS)
        if starts is not None:
            starts += slot.to(tl.int64) * channels + d[None, :]
        for k in tl.range(0, tl.cdiv(end - start, STEPS), num_stages=STAGES):
            t = start + k * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            read = mask & live
            logit = _scan_load(gate, t, d, gate_time, gate_channel, read, float("-inf"))
            a, z = _min_gru_gates(logit)
            b = z * _scan_load(x, t, d, x_time, x_channel, read, 0.0)
            if starts is not None:
                tl.store(starts, h, mask=real)
                starts += channels
            b, h = _scan_forth(a, b, h)
            _scan_store(y, t, d, channels, b, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, h, mask=real & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_backward_kernel(
        x,
        gate,
        starts,
        dy,
        dlast,
        dx,
        dgate,
        dstate,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        dy_batch,
        dy_time,
        dy_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """Tile by tile from the end: h forth from its start, the gradient g back."""
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        inside = (d < channels)[None, :]
        real = inside & live
        carry = _scan_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, channels),
            *(d[None, :], real, True),
        )
        x += batch.to(tl.int64) * x_batch
        gate += batch.to(tl.int64) * gate_batch
        dy += batch.to(tl.int64) * dy_batch
        base = batch.to(tl.int64) * length * channels
        slot = _scan_slot(cu_seqlens, sequence, start, length, STEPS)
        tiles = tl.cdiv(end - start, STEPS)
        starts += (slot + tiles).to(tl.int64) * channels + d[None, :]
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            read = mask & live
            logit = _scan_load(gate, t, d, gate_time, gate_channel, read, float("-inf"))
            a, z = _min_gru_gates(logit)
            xt = _scan_load(x, t, d, x_time, x_channel, read, 0.0)
            g = _scan_load(dy, t, d, dy_time, dy_channel, read, 0.0)
            starts -= channels
            h = tl.load(starts, mask=real, other=0.0)
            q = _scan_recall(a, z * xt, h)
            g, carry = _scan_back(a, g, carry)
            _scan_store(dx + base, t, d, channels, g * z, mask)
            _scan_store(dgate + base, t, d, channels, g * z * (a * xt - q), mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(dstate + at, carry, mask=real & (part == 0))

    @triton.jit
    def _min_gru_step_kernel(
        x,
        gate,
        state,
        y,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = d < channels
        logit = tl.load(gate + row * gate_batch + d * gate_channel, mask=mask)
        a, z = _min_gru_gates(logit.to(tl.float32))
        xt = tl.load(x + row * x_batch + d * x_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d * state_channel
        h = a * tl.load(state, mask=mask) + z * xt
        tl.store(state, h, mask=mask)
        tl.store(y + row * channels + d, h, mask=mask)
