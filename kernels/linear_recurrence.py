"""Diagonal linear recurrence: h_t = a_t * h_{t-1} + b_t, for each channel by itself.

    a, b (B, L, D)    state (B, D) or None for zeros, that is h before the first token
    returns h (B, L, D) in the dtype of b, and the last h as state (B, D)

The carry and the state are float32 (float64 for float64). A carry in bfloat16 is
wrong by 2 % when a is near 1 (measured, L = 4096). Nothing is divided and no
logarithm of a product is taken, so any a is safe, 0 and negative values too.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 3 tensors (B, L, D) forward and 5 backward, the least there is; where
sequences and channels are too few to fill a GPU, time is split and it is 5 and 7. A
single token without gradients updates a float32 state in place and returns it.
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
    _scan_sizes,
    _scan_tile,
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
        _scan_reduced,
        _scan_span,
        _scan_store,
    )
except ImportError:
    triton = None


def linear_recurrence(
    a: Tensor,
    b: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    if kernels_for("linear_recurrence", a, b, state):
        with launch_on(b):
            return _linear_recurrence_triton(a, b, state, cu_seqlens)
    if state is None:
        state = _scan_zeros(b, cu_seqlens, b.shape[2])
    if cu_seqlens is not None:
        return _scan_packed(linear_recurrence, (a, b), state, cu_seqlens)
    if not b.shape[1]:
        return b.clone(), state
    dtype = torch.promote_types(b.dtype, torch.float32)
    if b.shape[1] == 1:
        last = a[:, 0] * state + b[:, 0]  # (B, D)
        return last.to(b.dtype).unsqueeze(1), last
    if not torch.is_grad_enabled():
        h = _scan_chunks(a.to(dtype), b.to(dtype, copy=True), state)
        return h.to(b.dtype), h[:, -1].clone()
    h, last = autograd(_LinearRecurrence, a, b, state)
    return h, last


class _LinearRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = b.to(torch.promote_types(b.dtype, torch.float32), copy=True)
        _scan_chunks(a.to(h.dtype), h, state.to(h.dtype))
        last = h[:, -1].clone()
        h = h.to(b.dtype)
        ctx.save_for_backward(a, h, state)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        a, h, state = ctx.saved_tensors
        wide = a.to(torch.promote_types(h.dtype, torch.float32))
        da, db, dstate = _scan_gradients(wide, h, state, dh, dlast)
        return da.to(a.dtype), db.to(h.dtype), dstate.to(state.dtype)


# Triton

# A tile of 16 steps x 64 channels, and 4 or 3 on their way, of 2 tensors or 3: 16 and
# 18 KiB a program in bfloat16, of which two or three a multiprocessor cover the latency
# of the memory. By that sum, not measured; these have no spills in what ptxas says for
# sm_90, where 32 steps have, and the backward with one more on its way.
_LINEAR_RECURRENCE_FORWARD = {"steps": 16, "stages": 5}
_LINEAR_RECURRENCE_BACKWARD = {"steps": 16, "stages": 4}
_LINEAR_RECURRENCE_REDUCE = {"steps": 32, "stages": 3}


def _linear_recurrence_triton(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    if torch.is_grad_enabled():
        h, last = autograd(_LinearRecurrenceTriton, a, b, state, cu_seqlens)
        return h, last
    if state is None or not _scan_in_place(b, state, cu_seqlens):
        return _linear_recurrence_forward(a, b, state, cu_seqlens)
    batch, _, channels = b.shape
    h = torch.empty(b.shape, dtype=b.dtype, device=b.device)
    _linear_recurrence_step_kernel[(batch * -(-channels // 256),)](
        *(a, b, h, state, channels),
        *(a.stride(0), a.stride(2), b.stride(0), b.stride(2), *state.stride()),
        BLOCK=256,
    )
    return h, state


def _linear_recurrence_forward(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    grid, sizes = _scan_sizes(b, cu_seqlens)
    strides = (*a.stride(), *b.stride())
    h = torch.empty(b.shape, dtype=b.dtype, device=b.device)
    last, effect = _scan_empty(b, sizes, sizes[0]), _scan_effect(b, sizes)
    if effect is not None:
        _linear_recurrence_reduce_kernel[grid](
            *(a, b, effect, *sizes, *strides),
            **_scan_tile(**_LINEAR_RECURRENCE_REDUCE),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _linear_recurrence_forward_kernel[grid](
        *(a, b, h, state, last, effect, cu_seqlens, *sizes, *strides),
        **_scan_tile(**_LINEAR_RECURRENCE_FORWARD),
    )
    return h, last


class _LinearRecurrenceTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        h, last = _linear_recurrence_forward(a, b, state, cu_seqlens)
        ctx.save_for_backward(a, h, state, cu_seqlens)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        a, h, state, cu_seqlens = ctx.saved_tensors
        grid, sizes = _scan_sizes(h, cu_seqlens)
        strides = (*a.stride(), *dh.stride())
        da = torch.empty(a.shape, dtype=a.dtype, device=a.device)
        db = torch.empty(h.shape, dtype=h.dtype, device=h.device)
        first = dstate = None
        if state is not None:
            first, dstate = state.contiguous(), torch.empty_like(state.contiguous())
        effect = _scan_effect(h, sizes)
        with launch_on(h):
            if effect is not None:
                _linear_recurrence_reduce_kernel[grid](
                    *(a, dh, effect, *sizes, *strides),
                    **_scan_tile(**_LINEAR_RECURRENCE_REDUCE),
                    REVERSE=True,
                )
            _linear_recurrence_backward_kernel[grid](
                *(a, h, dh, da, db, first, dlast.contiguous(), dstate, effect),
                *(cu_seqlens, *sizes, *strides),
                **_scan_tile(**_LINEAR_RECURRENCE_BACKWARD),
            )
        return da, db, dstate, None


if triton is not None:

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_reduce_kernel(
        a,
        b,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        b_batch,
        b_time,
        b_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t g_t, its b being dh.
        """
        d, sequence, _, part, start, end, _ = _scan_span(
            None, sequences, parts, size, length, channels, BLOCK
        )
        a += sequence.to(tl.int64) * a_batch
        b += sequence.to(tl.int64) * b_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile = tiles - 1 - k if REVERSE else k
            t = start + tile * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & (d < channels)[None, :]
            x = _scan_load(a, t, d, a_time, a_channel, mask, 1.0)
            y = _scan_load(b, t, d, b_time, b_channel, mask, 0.0)
            factor, term = _scan_reduced(x, y, factor, term, REVERSE)
        row, rows = sequence * parts + part, sequences * parts
        at = d[None, :]
        _scan_keep(effect, factor, term, row, rows, channels, at, at < channels)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_forward_kernel(
        a,
        b,
        h,
        state,
        last,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        b_batch,
        b_time,
        b_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        inside = (d < channels)[None, :]
        real = inside & live
        carry = _scan_carry(
            *(state, effect, sequence, sequences, part, parts, channels, d[None, :]),
            *(real, False),
        )
        a += batch.to(tl.int64) * a_batch
        b += batch.to(tl.int64) * b_batch
        h += batch.to(tl.int64) * length * channels
        for t0 in tl.range(start, end, STEPS, num_stages=STAGES):
            t = t0 + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            x = _scan_load(a, t, d, a_time, a_channel, mask & live, 1.0)
            y = _scan_load(b, t, d, b_time, b_channel, mask & live, 0.0)
            y, carry = _scan_forth(x, y, carry)
            _scan_store(h, t, d, channels, y, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, carry, mask=real & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_backward_kernel(
        a,
        h,
        dh,
        da,
        db,
        state,
        dlast,
        dstate,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        dh_batch,
        dh_time,
        dh_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}, a's is g_t h_{t-1}."""
        d, sequence, batch, part, start, end, live = _scan_span(
            cu_seqlens, sequences, parts, size, length, channels, BLOCK
        )
        inside = (d < channels)[None, :]
        real = inside & live
        at = sequence.to(tl.int64) * channels + d[None, :]
        first = tl.zeros([1, BLOCK], tl.float32)
        if state is not None:
            first = tl.load(state + at, mask=real, other=0.0).to(tl.float32)
        carry = _scan_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, channels),
            *(d[None, :], real, True),
        )
        a += batch.to(tl.int64) * a_batch
        dh += batch.to(tl.int64) * dh_batch
        h += batch.to(tl.int64) * length * channels
        da += batch.to(tl.int64) * length * channels
        db += batch.to(tl.int64) * length * channels
        begin = start - part * size  # of the sequence
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            old = mask & live & (t > begin)[:, None]
            x = _scan_load(a, t, d, a_time, a_channel, mask & live, 1.0)
            g = _scan_load(dh, t, d, dh_time, dh_channel, mask & live, 0.0)
            before = _scan_load(h, t - 1, d, channels, 1, old, 0.0)
            before = tl.where((t == begin)[:, None, None], first[None], before)
            g, carry = _scan_back(x, g, carry)
            _scan_store(da, t, d, channels, g * before, mask)
            _scan_store(db, t, d, channels, g, mask)
        if dstate is not None:
            tl.store(dstate + at, carry, mask=real & (part == 0))

    @triton.jit
    def _linear_recurrence_step_kernel(
        a,
        b,
        h,
        state,
        channels,
        a_batch,
        a_channel,
        b_batch,
        b_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = d < channels
        factor = tl.load(a + row * a_batch + d * a_channel, mask=mask).to(tl.float32)
        term = tl.load(b + row * b_batch + d * b_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d * state_channel
        new = factor * tl.load(state, mask=mask) + term
        tl.store(state, new, mask=mask)
        tl.store(h + row * channels + d, new, mask=mask)
