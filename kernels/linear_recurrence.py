"""Diagonal linear recurrence: h_t = a_t * h_{t-1} + b_t, for each channel by itself.

    a, b (B, T, D)    state (B, D) or None for zeros, that is h before the first token
    returns h (B, T, D) in the dtype of b, and the last h as state (B, D)

The carry and the state are float32 (float64 for float64). A carry in bfloat16 is
wrong by 2 % when a is near 1 (measured, T = 4096). Nothing is divided and no
logarithm of a product is taken, so any a is safe, 0 and negative values too.

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are (S, D).

Triton moves 3 tensors (B, T, D) forward and 5 backward, the least there is; where
sequences and channels are too few to fill a GPU, time is split and it is 5 and 7. A
single token without gradients updates a float32 state in place and returns it.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.diagonal_scan import (
    _scan_chunks,
    _scan_effect,
    _scan_gradients,
    _scan_grid,
    _scan_last,
    _scan_tile,
    _scan_zeros,
)
from kernels.dispatch import autograd, kernels_for, launch_on
from kernels.sequences import (
    _seq_apart,
    _seq_count,
    _seq_dense,
    _seq_empty,
    _seq_rows,
)

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
        if not torch.is_grad_enabled():
            return _linear_recurrence_forward(a, b, state, cu_seqlens, keep=False)
        h, last = autograd(_LinearRecurrence, a, b, state, cu_seqlens)
        return h, last
    if state is None:
        state = _scan_zeros(b, cu_seqlens, b.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(linear_recurrence, (a, b), state, cu_seqlens)
    if not b.shape[1]:
        return b.clone(), state
    if b.shape[1] == 1:
        last = a[:, 0] * state + b[:, 0]  # (B, D)
        return last.to(b.dtype).unsqueeze(1), last
    h, last = autograd(_LinearRecurrence, a, b, state)
    return h, last


class _LinearRecurrence(torch.autograd.Function):
    """Saves a and h."""

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        b: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if kernels_for("linear_recurrence", a, b, state):
            h, last = _linear_recurrence_forward(a, b, state, cu_seqlens, keep=True)
            ctx.save_for_backward(a, h, state, cu_seqlens)
            return h, last
        assert state is not None
        h = b.to(torch.promote_types(b.dtype, torch.float32), copy=True)
        _scan_chunks(a.to(h.dtype), h, state.to(h.dtype))
        last = h[:, -1].clone()
        h = h.to(b.dtype)
        ctx.save_for_backward(a, h, state, cu_seqlens)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        a, h, state, cu_seqlens = ctx.saved_tensors
        if kernels_for("linear_recurrence", a, h, state):
            return _linear_recurrence_backward(a, h, state, cu_seqlens, dh, dlast)
        wide = a.to(torch.promote_types(h.dtype, torch.float32))
        da, db, dstate = _scan_gradients(wide, h, state, dh, dlast)
        return da.to(a.dtype), db.to(h.dtype), dstate.to(state.dtype), None


# Triton

# A tile of 16 steps x 64 channels, and with it 5 or 4 on their way, of 2 tensors or 3:
# 16 and 18 KiB a program in bfloat16, of which two or three a multiprocessor cover the
# latency of the memory, by that sum. By ptxas for sm_90 there are no spills, where 32
# steps have, and the backward with one tile more on its way.
_LINEAR_RECURRENCE_STEPS = {"forward": 16, "backward": 16, "reduce": 32}


def _linear_recurrence_forward(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor]:
    T, D = b.shape[1:]
    state, cu_seqlens = _seq_dense(state, cu_seqlens)
    ar, br = _seq_rows(a), _seq_rows(b)
    tile = _scan_tile(_LINEAR_RECURRENCE_STEPS["forward"] if T > 1 else 1)
    grid, size = _scan_grid(b, cu_seqlens, tile["BD"])
    with launch_on(b):
        h = _seq_empty(b, cu_seqlens, b.shape, b.dtype)
        last = _scan_last(b, state, keep, _seq_count(b, cu_seqlens), D)
        effect = _scan_effect(b, size, D)
        if effect is not None:
            _linear_recurrence_reduce_kernel[grid](
                ar, br, effect, ar.stride(0), br.stride(0), T, D, size, REVERSE=False,
                **_scan_tile(_LINEAR_RECURRENCE_STEPS["reduce"]),
            )  # fmt: skip
        _linear_recurrence_forward_kernel[grid](
            ar, br, h, state, last, effect, cu_seqlens,
            ar.stride(0), br.stride(0), T, D, size, **tile,
        )  # fmt: skip
    return h, last


def _linear_recurrence_backward(
    a: Tensor,
    h: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    dh: Tensor,
    dlast: Tensor,
) -> tuple[Tensor | None, ...]:
    T, D = h.shape[1:]
    state, cu_seqlens, dh, dlast = _seq_dense(state, cu_seqlens, dh, dlast)
    ar = _seq_rows(a)
    tile = _scan_tile(_LINEAR_RECURRENCE_STEPS["backward"])
    grid, size = _scan_grid(h, cu_seqlens, tile["BD"])
    with launch_on(h):
        da = _seq_empty(a, cu_seqlens, a.shape, a.dtype)
        db = _seq_empty(h, cu_seqlens, h.shape, h.dtype)
        dstate = None if state is None else torch.empty_like(state)
        effect = _scan_effect(h, size, D)
        if effect is not None:
            _linear_recurrence_reduce_kernel[grid](
                ar, dh, effect, ar.stride(0), D, T, D, size, REVERSE=True,
                **_scan_tile(_LINEAR_RECURRENCE_STEPS["reduce"]),
            )  # fmt: skip
        _linear_recurrence_backward_kernel[grid](
            ar, h, dh, da, db, state, dlast, dstate, effect, cu_seqlens,
            ar.stride(0), T, D, size, **tile,
        )  # fmt: skip
    return da, db, dstate, None


if triton is not None:

    @triton.jit(do_not_specialize=["T", "size"])
    def _linear_recurrence_reduce_kernel(
        a, b, effect, a_stride, b_stride, T, D, size,
        REVERSE: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t g_t, its b being dh.
        """
        d, s, part, parts, bos, begin, end = _scan_span(None, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        a += bos * a_stride
        b += bos * b_stride
        factor = tl.full([1, BD], 1.0, tl.float32)
        term = tl.zeros([1, BD], tl.float32)
        tiles = tl.cdiv(end - begin, BT)
        for k in tl.range(0, tiles, num_stages=3):
            t = begin + (tiles - 1 - k if REVERSE else k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            x = _scan_load(a, t, d, a_stride, mask, 1.0)
            y = _scan_load(b, t, d, b_stride, mask, 0.0)
            factor, term = _scan_reduced(x, y, factor, term, REVERSE)
        _scan_keep(effect, factor, term, s * parts + part, D, at, inside)

    @triton.jit(do_not_specialize=["T", "size"])
    def _linear_recurrence_forward_kernel(
        a, b, h, state, last, effect, cu_seqlens, a_stride, b_stride, T, D, size,
        BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """One token is a tile of one step; `last` may be `state` then."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        carry = _scan_carry(state, effect, s, part, parts, D, at, inside, False)
        a += bos * a_stride
        b += bos * b_stride
        h += bos * D
        for k in tl.range(0, tl.cdiv(end - begin, BT), num_stages=5):
            t = begin + k * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            x = _scan_load(a, t, d, a_stride, mask, 1.0)
            y = _scan_load(b, t, d, b_stride, mask, 0.0)
            y, carry = _scan_forth(x, y, carry)
            _scan_store(h, t, d, D, y, mask)
        last += s.to(tl.int64) * D + at
        tl.store(last, carry, mask=inside & (part == parts - 1))

    @triton.jit(do_not_specialize=["T", "size"])
    def _linear_recurrence_backward_kernel(
        a, h, dh, da, db, state, dlast, dstate, effect, cu_seqlens,
        a_stride, T, D, size, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}, a's is g_t h_{t-1}."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        first = _scan_carry(state, None, s, part, parts, D, at, inside, False)
        carry = _scan_carry(dlast, effect, s, part, parts, D, at, inside, True)
        a += bos * a_stride
        h += bos * D
        dh += bos * D
        da += bos * D
        db += bos * D
        tiles = tl.cdiv(end - begin, BT)
        for k in tl.range(0, tiles, num_stages=4):
            t = begin + (tiles - 1 - k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            x = _scan_load(a, t, d, a_stride, mask, 1.0)
            g = _scan_load(dh, t, d, D, mask, 0.0)
            before = _scan_load(h, t - 1, d, D, mask & (t > 0)[:, None], 0.0)
            before = tl.where((t == 0)[:, None, None], first[None], before)
            g, carry = _scan_back(x, g, carry)
            _scan_store(da, t, d, D, g * before, mask)
            _scan_store(db, t, d, D, g, mask)
        if dstate is not None:
            dstate += s.to(tl.int64) * D + at
            tl.store(dstate, carry, mask=inside & (part == 0))
