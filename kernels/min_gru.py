"""minGRU, the gated recurrence without a hidden-to-hidden matrix, for each channel.

    z_t = sigmoid(gate_t)
    h_t = (1 - z_t) * h_{t-1} + z_t * x_t

    x and gate, a logit, (B, T, D)    state (B, D) or None for zeros
    returns h (B, T, D) in the dtype of x, and the last h as state (B, D)

Carry and state are float32 (float64 for float64). 1 - z is sigmoid(-gate), which
keeps its digits where z rounds to 1. Source: "Were RNNs all we needed?", arXiv
2410.01201, without its log space, which these scans do not need.

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are (S, D).

Triton moves 3 tensors (B, T, D) forward and 5 backward, and 1 / 8 of one for the
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
    _scan_grid,
    _scan_last,
    _scan_recall_steps,
    _scan_tile,
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
        _scan_span,
        _scan_store,
    )
    from kernels.sequences import _seq_place
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
        if not torch.is_grad_enabled():
            return _min_gru_forward(x, gate, state, cu_seqlens, keep=False)[:2]
        y, last = autograd(_MinGRU, x, gate, state, cu_seqlens)
        return y, last
    if state is None:
        state = _scan_zeros(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(min_gru, (x, gate), state, cu_seqlens)
    if not x.shape[1]:
        return x.clone(), state
    y, last = autograd(_MinGRU, x, gate, state)
    return y, last


class _MinGRU(torch.autograd.Function):
    """Saves x, gate and h, in Triton some states instead; recomputes the rest."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gate: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if kernels_for("min_gru", x, gate, state):
            y, last, starts = _min_gru_forward(x, gate, state, cu_seqlens, keep=True)
            ctx.save_for_backward(x, gate, state, starts, cu_seqlens)
            return y, last
        assert state is not None
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, h = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid().mul_(x)
        _scan_chunks(a, h, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, gate, state, h, cu_seqlens)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, state, h, cu_seqlens = ctx.saved_tensors
        if kernels_for("min_gru", x, gate, state):
            return _min_gru_backward(x, gate, state, h, cu_seqlens, dh, dlast)
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, z = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid()
        da, db, dstate = _scan_gradients(a, h, state, dh, dlast)
        # da is g_t h_{t-1}, and da / dz = -1
        dgate = (db * x).sub_(da).mul_(z).mul_(a).to(gate.dtype)
        return db.mul_(z).to(x.dtype), dgate, dstate.to(state.dtype), None


# Triton


# Tiles on their way, `num_stages` below: 16 KiB or more a program in bfloat16, and a
# number that leaves no spills by ptxas for sm_90.
def _min_gru_forward(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each tile."""
    T, D = x.shape[1:]
    state, cu_seqlens = _seq_dense(state, cu_seqlens)
    xr, gr = _seq_rows(x), _seq_rows(gate)
    tile = _scan_tile(_scan_recall_steps(x) if T > 1 or keep else 1)
    grid, size = _scan_grid(x, cu_seqlens, tile["BD"])
    starts = None
    if keep:
        starts = _scan_empty(x, _seq_places(x, cu_seqlens, tile["BT"]), D)
    with launch_on(x):
        y = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        last = _scan_last(x, state, keep, _seq_count(x, cu_seqlens), D)
        effect = _scan_effect(x, size, D)
        if effect is not None:
            _min_gru_reduce_kernel[grid](
                xr, gr, effect, xr.stride(0), gr.stride(0), T, D, size,
                REVERSE=False, **tile,
            )  # fmt: skip
        _min_gru_forward_kernel[grid](
            xr, gr, state, y, last, starts, effect, cu_seqlens,
            xr.stride(0), gr.stride(0), T, D, size, **tile,
        )  # fmt: skip
    return y, last, starts


def _min_gru_backward(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None,
    starts: Tensor,
    cu_seqlens: Tensor | None,
    dy: Tensor,
    dlast: Tensor,
) -> tuple[Tensor | None, ...]:
    T, D = x.shape[1:]
    dy, dlast, cu_seqlens = _seq_dense(dy, dlast, cu_seqlens)
    xr, gr = _seq_rows(x), _seq_rows(gate)
    tile = _scan_tile(_scan_recall_steps(x))
    grid, size = _scan_grid(x, cu_seqlens, tile["BD"])
    with launch_on(x):
        dx = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        dgate = _seq_empty(x, cu_seqlens, x.shape, gate.dtype)
        dstate = _scan_empty(x, _seq_count(x, cu_seqlens), D)
        effect = _scan_effect(x, size, D)
        if effect is not None:
            _min_gru_reduce_kernel[grid](
                dy, gr, effect, D, gr.stride(0), T, D, size, REVERSE=True, **tile
            )
        _min_gru_backward_kernel[grid](
            xr, gr, starts, dy, dlast, dx, dgate, dstate, effect, cu_seqlens,
            xr.stride(0), gr.stride(0), T, D, size, **tile,
        )  # fmt: skip
    return dx, dgate, None if state is None else dstate.to(state.dtype), None


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

    @triton.jit(do_not_specialize=["T", "size"])
    def _min_gru_reduce_kernel(
        x, gate, effect, x_stride, gate_stride, T, D, size,
        REVERSE: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """What a part makes of the state it is given: a factor and a term.

        In reverse, x being dh, what it makes of 1 - z_t times the gradient of h_t.
        """
        d, s, part, parts, bos, begin, end = _scan_span(None, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        x += bos * x_stride
        gate += bos * gate_stride
        factor = tl.full([1, BD], 1.0, tl.float32)
        term = tl.zeros([1, BD], tl.float32)
        tiles = tl.cdiv(end - begin, BT)
        for k in tl.range(0, tiles, num_stages=5):
            t = begin + (tiles - 1 - k if REVERSE else k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            logit = _scan_load(gate, t, d, gate_stride, mask, float("-inf"))
            a, z = _min_gru_gates(logit)
            b = _scan_load(x, t, d, x_stride, mask, 0.0)
            if not REVERSE:
                b *= z
            factor, term = _scan_reduced(a, b, factor, term, REVERSE)
        _scan_keep(effect, factor, term, s * parts + part, D, at, inside)

    @triton.jit(do_not_specialize=["T", "size"])
    def _min_gru_forward_kernel(
        x, gate, state, y, last, starts, effect, cu_seqlens,
        x_stride, gate_stride, T, D, size, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """One token is a tile of one step; `last` may be `state` then."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        h = _scan_carry(state, effect, s, part, parts, D, at, inside, False)
        x += bos * x_stride
        gate += bos * gate_stride
        y += bos * D
        if starts is not None:
            place = _seq_place(cu_seqlens, s, bos, T, BT) + begin // BT
            starts += place.to(tl.int64) * D + at
        for t0 in tl.range(begin, end, BT, num_stages=6):
            t = t0 + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            logit = _scan_load(gate, t, d, gate_stride, mask, float("-inf"))
            a, z = _min_gru_gates(logit)
            b = z * _scan_load(x, t, d, x_stride, mask, 0.0)
            if starts is not None:
                tl.store(starts, h, mask=inside)
                starts += D
            b, h = _scan_forth(a, b, h)
            _scan_store(y, t, d, D, b, mask)
        last += s.to(tl.int64) * D + at
        tl.store(last, h, mask=inside & (part == parts - 1))

    @triton.jit(do_not_specialize=["T", "size"])
    def _min_gru_backward_kernel(
        x, gate, starts, dy, dlast, dx, dgate, dstate, effect, cu_seqlens,
        x_stride, gate_stride, T, D, size, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """Tile by tile from the end: h forth from its start, the gradient g back."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        carry = _scan_carry(dlast, effect, s, part, parts, D, at, inside, True)
        x += bos * x_stride
        gate += bos * gate_stride
        dy += bos * D
        dx += bos * D
        dgate += bos * D
        tiles = tl.cdiv(end - begin, BT)
        place = _seq_place(cu_seqlens, s, bos, T, BT) + begin // BT
        starts += (place + tiles).to(tl.int64) * D + at
        for k in tl.range(0, tiles, num_stages=4):
            t = begin + (tiles - 1 - k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            logit = _scan_load(gate, t, d, gate_stride, mask, float("-inf"))
            a, z = _min_gru_gates(logit)
            xt = _scan_load(x, t, d, x_stride, mask, 0.0)
            g = _scan_load(dy, t, d, D, mask, 0.0)
            starts -= D
            h = tl.load(starts, mask=inside, other=0.0)
            q = _scan_recall(a, z * xt, h)
            g, carry = _scan_back(a, g, carry)
            _scan_store(dx, t, d, D, g * z, mask)
            _scan_store(dgate, t, d, D, g * z * (a * xt - q), mask)
        dstate += s.to(tl.int64) * D + at
        tl.store(dstate, carry, mask=inside & (part == 0))
