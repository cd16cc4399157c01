"""RG-LRU, the real-gated linear recurrent unit of Griffin, for each channel.

    r_t = sigmoid(recurrence_gate_t)    i_t = sigmoid(input_gate_t)
    log a_t = -8 * softplus(decay) * r_t
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)
    y_t = h_t, or h_t * gelu(output_gate_t) with an output gate (gelu by tanh)

    x and the gates (B, T, D)    decay (D)    state (B, D) or None for zeros
    returns y (B, T, D) in the dtype of x, and the last h as state (B, D)

Both gates are logits. Carry and state are float32 (float64 for float64). 1 - a^2
keeps its digits where a rounds to 1, and the slope of the square root is bounded by
1000, as the authors do: arXiv 2402.19427, equations 1 to 4.

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are (S, D).

Triton moves 4 tensors (B, T, D) forward and 7 backward, 5 and 9 with an output gate,
and 1 / 8 of one for the state before each 16 steps (8 in float32), from which the
backward recomputes the rest. Where sequences and channels are too few to fill a GPU,
time is split, at 3 tensors more forward and 2 or 3 backward. A single token without
gradients updates a float32 state in place and returns it.
"""

from typing import Any

import torch
import torch.nn.functional as F
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


def rg_lru(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None = None,
    output_gate: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all y and the last h."""
    inputs = (x, input_gate, recurrence_gate, output_gate, decay, state)
    if kernels_for("rg_lru", *inputs):
        if not torch.is_grad_enabled():
            return _rg_lru_forward(*inputs, cu_seqlens, keep=False)[:2]
        y, last = autograd(_RGLRU, *inputs, cu_seqlens)
        return y, last
    if state is None:
        state = _scan_zeros(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, i, r, o, state: rg_lru(x, i, r, decay, state, o),
            (x, input_gate, recurrence_gate, output_gate),
            state,
            cu_seqlens,
        )
    if not x.shape[1]:
        return x.clone(), state
    y, last = autograd(_RGLRU, *inputs[:5], state)
    return y, last


def _rg_lru_decay(gate: Tensor, decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, sqrt(1 - a^2), r and the rate d log a / dr."""
    r = gate.sigmoid()
    rate = -8 * F.softplus(decay)  # (D)
    log_a = r * rate
    scale = (2 * log_a).expm1_().neg_().sqrt_()  # exact where a rounds to 1
    return log_a.exp_(), scale, r, rate


class _RGLRU(torch.autograd.Function):
    """Saves x, the gates and h, in Triton some states instead; recomputes the rest."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        output_gate: Tensor | None,
        decay: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, input_gate, recurrence_gate, output_gate, decay, state)
        if kernels_for("rg_lru", *inputs):
            y, last, starts = _rg_lru_forward(*inputs, cu_seqlens, keep=True)
            ctx.save_for_backward(*inputs, starts, cu_seqlens)
            return y, last
        assert state is not None
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        h = _scan_chunks(a, b, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(*inputs, h, cu_seqlens)
        if output_gate is None:
            return h, last
        return h * F.gelu(output_gate, approximate="tanh"), last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, input_gate, recurrence_gate, output_gate, decay, state, h, _ = (
            ctx.saved_tensors
        )
        if kernels_for("rg_lru", x, input_gate, recurrence_gate, decay, state):
            return _rg_lru_backward(dy, dlast, *ctx.saved_tensors)
        doutput_gate = None
        if output_gate is not None:
            doutput_gate = torch.ops.aten.gelu_backward(
                (dy * h).to(output_gate.dtype), output_gate, approximate="tanh"
            )
            dy = dy * F.gelu(output_gate, approximate="tanh")
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, r, rate = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        i = input_gate.to(dtype).sigmoid()
        da, db, dstate = _scan_gradients(a, h, state, dy, dlast)
        # in place from here on: at (1, 2048, 1024) fresh memory takes half the time
        slope = (0.5 / scale).clamp_(max=1000.0)  # of the square root
        dx = db.mul_(i)  # without the factor scale, as dscale needs it
        dscale = dx * x
        dlog_a = da.sub_(slope.mul_(a).mul_(dscale).mul_(2)).mul_(a)
        ddecay = (dlog_a * r).sum((0, 1)) * -8 * decay.to(dtype).sigmoid()
        dgate = dlog_a.mul_(rate).mul_(r).mul_(r.neg_().add_(1))
        dx.mul_(scale)
        dinput_gate = dscale.mul_(scale).mul_(i.neg_().add_(1))
        return (
            dx.to(x.dtype),
            dinput_gate.to(input_gate.dtype),
            dgate.to(recurrence_gate.dtype),
            doutput_gate,
            ddecay.to(decay.dtype),
            dstate.to(state.dtype),
            None,
        )


# Triton


# Tiles on their way, `num_stages` below: 16 KiB or more a program in bfloat16, and a
# number that leaves no spills by ptxas for sm_90.
def _rg_lru_forward(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    output_gate: Tensor | None,
    decay: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each tile."""
    T, D = x.shape[1:]
    decay, state, cu_seqlens = _seq_dense(decay, state, cu_seqlens)
    gates, strides = _rg_lru_rows(x, input_gate, recurrence_gate, output_gate)
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
            _rg_lru_reduce_kernel[grid](
                *gates, decay, None, effect, *strides, T, D, size, REVERSE=False, **tile
            )
        _rg_lru_forward_kernel[grid](
            *gates, decay, state, y, last, starts, effect, cu_seqlens,
            *strides, T, D, size, **tile,
        )  # fmt: skip
    return y, last, starts


def _rg_lru_backward(
    dy: Tensor,
    dlast: Tensor,
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    output_gate: Tensor | None,
    decay: Tensor,
    state: Tensor | None,
    starts: Tensor,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor | None, ...]:
    T, D = x.shape[1:]
    decay, dy, dlast, cu_seqlens = _seq_dense(decay, dy, dlast, cu_seqlens)
    inputs = (x, input_gate, recurrence_gate, output_gate)
    gates, strides = _rg_lru_rows(*inputs)
    tile = _scan_tile(_scan_recall_steps(x))
    grid, size = _scan_grid(x, cu_seqlens, tile["BD"])
    with launch_on(x):
        grads = [
            None if z is None else _seq_empty(x, cu_seqlens, x.shape, z.dtype)
            for z in inputs
        ]
        ddecay = _scan_empty(x, grid[0] // -(-D // tile["BD"]), D)
        dstate = _scan_empty(x, _seq_count(x, cu_seqlens), D)
        effect = _scan_effect(x, size, D)
        if effect is not None:
            _rg_lru_reduce_kernel[grid](
                *gates, decay, dy, effect, *strides, T, D, size, REVERSE=True, **tile
            )
        _rg_lru_backward_kernel[grid](
            *gates, decay, starts, dy, dlast, *grads, ddecay, dstate, effect,
            cu_seqlens, *strides, T, D, size, **tile,
        )  # fmt: skip
    slope = -8 * decay.float().sigmoid()
    return (
        *grads,
        (ddecay.sum(0) * slope).to(decay.dtype),
        None if state is None else dstate.to(state.dtype),
        None,
    )


def _rg_lru_rows(*tensors: Tensor | None) -> tuple[list[Tensor | None], list[int]]:
    """x and the gates as rows, and their strides: 0 for one that is not there."""
    rows = [None if z is None else _seq_rows(z) for z in tensors]
    return rows, [0 if z is None else z.stride(0) for z in rows]


if triton is not None:

    @triton.jit
    def _rg_lru_rate(decay, d, D):
        """-8 softplus(decay) (1, D); 1 + e rounds, and the ratio makes up for it."""
        z = tl.load(decay + d[None, :], mask=d[None, :] < D, other=0.0)
        z = z.to(tl.float32)
        e = tl.exp(-tl.abs(z))
        u = 1 + e
        log = tl.where(u == 1, e, tl.log(u) * e / tl.where(u == 1, 1.0, u - 1))
        return -8 * (tl.maximum(z, 0.0) + log)

    @triton.jit
    def _rg_lru_factors(gate, rate):
        """a, sqrt(1 - a^2) and r; by the series of a - 1 where a is near 1.

        exp on a GPU is off by 1e-7, which grows by 1 / (1 - a) over time.
        """
        r = tl.sigmoid(gate)
        z = r * rate
        s = 1 + z * (1 / 7)
        s = 1 + z * (1 / 6) * s
        s = 1 + z * (1 / 5) * s
        s = 1 + z * (1 / 4) * s
        s = 1 + z * (1 / 3) * s
        s = 1 + z * (1 / 2) * s
        a = tl.exp(z)
        less = tl.where(z > -0.25, z * s, a - 1)
        a = tl.where(z > -0.25, 1 + less, a)
        return a, tl.sqrt(-less * (2 + less)), r

    @triton.jit
    def _rg_lru_gelu(z):
        """gelu(z) and its slope; 0.5 (1 + tanh(u)) = sigmoid(2 u)."""
        s = tl.sigmoid(1.5957691216057308 * (z + 0.044715 * z * z * z))
        slope = 1.5957691216057308 * (1 + 0.134145 * z * z)
        return z * s, s + z * s * (1 - s) * slope

    @triton.jit(do_not_specialize=["T", "size"])
    def _rg_lru_reduce_kernel(
        x, input_gate, recurrence_gate, output_gate, decay, dy, effect,
        x_stride, i_stride, r_stride, o_stride, T, D, size,
        REVERSE: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t times the gradient of h_t.
        """
        d, s, part, parts, bos, begin, end = _scan_span(None, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        rate = _rg_lru_rate(decay, d, D)
        recurrence_gate += bos * r_stride
        if REVERSE:
            dy += bos * D
            if output_gate is not None:
                output_gate += bos * o_stride
        else:
            x += bos * x_stride
            input_gate += bos * i_stride
        factor = tl.full([1, BD], 1.0, tl.float32)
        term = tl.zeros([1, BD], tl.float32)
        tiles = tl.cdiv(end - begin, BT)
        for k in tl.range(0, tiles, num_stages=5):
            t = begin + (tiles - 1 - k if REVERSE else k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            gate = _scan_load(recurrence_gate, t, d, r_stride, mask, float("-inf"))
            a, scale, _ = _rg_lru_factors(gate, rate[None])
            if REVERSE:
                b = _scan_load(dy, t, d, D, mask, 0.0)
                if output_gate is not None:
                    gate = _scan_load(output_gate, t, d, o_stride, mask, 0.0)
                    b *= _rg_lru_gelu(gate)[0]
            else:
                b = scale * _scan_load(x, t, d, x_stride, mask, 0.0)
                b *= tl.sigmoid(_scan_load(input_gate, t, d, i_stride, mask, 0.0))
            factor, term = _scan_reduced(a, b, factor, term, REVERSE)
        _scan_keep(effect, factor, term, s * parts + part, D, at, inside)

    @triton.jit(do_not_specialize=["T", "size"])
    def _rg_lru_forward_kernel(
        x, input_gate, recurrence_gate, output_gate, decay, state,
        y, last, starts, effect, cu_seqlens,
        x_stride, i_stride, r_stride, o_stride, T, D, size,
        BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """One token is a tile of one step; `last` may be `state` then."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        h = _scan_carry(state, effect, s, part, parts, D, at, inside, False)
        rate = _rg_lru_rate(decay, d, D)
        x += bos * x_stride
        input_gate += bos * i_stride
        recurrence_gate += bos * r_stride
        if output_gate is not None:
            output_gate += bos * o_stride
        y += bos * D
        if starts is not None:
            place = _seq_place(cu_seqlens, s, bos, T, BT) + begin // BT
            starts += place.to(tl.int64) * D + at
        for t0 in tl.range(begin, end, BT, num_stages=6):
            t = t0 + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            gate = _scan_load(recurrence_gate, t, d, r_stride, mask, float("-inf"))
            a, b, _ = _rg_lru_factors(gate, rate[None])
            b *= _scan_load(x, t, d, x_stride, mask, 0.0)
            b *= tl.sigmoid(_scan_load(input_gate, t, d, i_stride, mask, 0.0))
            if starts is not None:
                tl.store(starts, h, mask=inside)
                starts += D
            b, h = _scan_forth(a, b, h)
            if output_gate is not None:
                gate = _scan_load(output_gate, t, d, o_stride, mask, 0.0)
                b *= _rg_lru_gelu(gate)[0]
            _scan_store(y, t, d, D, b, mask)
        last += s.to(tl.int64) * D + at
        tl.store(last, h, mask=inside & (part == parts - 1))

    @triton.jit(do_not_specialize=["T", "size"])
    def _rg_lru_backward_kernel(
        x, input_gate, recurrence_gate, output_gate, decay, starts, dy, dlast,
        dx, dinput_gate, drecurrence_gate, doutput_gate, ddecay, dstate,
        effect, cu_seqlens, x_stride, i_stride, r_stride, o_stride, T, D, size,
        BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """Tile by tile from the end: h forth from its start, the gradient g back."""
        d, s, part, parts, bos, begin, end = _scan_span(cu_seqlens, T, D, size, BD)
        at, inside = d[None, :], (d < D)[None, :]
        carry = _scan_carry(dlast, effect, s, part, parts, D, at, inside, True)
        rate = _rg_lru_rate(decay, d, D)
        x += bos * x_stride
        input_gate += bos * i_stride
        recurrence_gate += bos * r_stride
        base = bos * D
        if output_gate is not None:
            output_gate += bos * o_stride
            doutput_gate += base
        tiles = tl.cdiv(end - begin, BT)
        place = _seq_place(cu_seqlens, s, bos, T, BT) + begin // BT
        starts += (place + tiles).to(tl.int64) * D + at
        total = tl.zeros([1, BD], tl.float32)
        for k in tl.range(0, tiles, num_stages=4):
            t = begin + (tiles - 1 - k) * BT + tl.arange(0, BT)
            mask = (t < end)[:, None] & inside
            gate = _scan_load(recurrence_gate, t, d, r_stride, mask, float("-inf"))
            a, scale, r = _rg_lru_factors(gate, rate[None])
            xt = _scan_load(x, t, d, x_stride, mask, 0.0)
            i = tl.sigmoid(_scan_load(input_gate, t, d, i_stride, mask, 0.0))
            g = _scan_load(dy + base, t, d, D, mask, 0.0)
            starts -= D
            h = tl.load(starts, mask=inside, other=0.0)
            b = scale * i * xt
            q = _scan_recall(a, b, h)
            if output_gate is not None:
                gate = _scan_load(output_gate, t, d, o_stride, mask, 0.0)
                gelu, slope = _rg_lru_gelu(gate)
                _scan_store(doutput_gate, t, d, D, g * (q + b) * slope, mask)
                g *= gelu
            g, carry = _scan_back(a, g, carry)
            dscale = g * i * xt
            slope = tl.minimum(0.5 / scale, 1000.0)  # of the square root
            dlog = g * q - 2 * slope * a * a * dscale
            total += tl.sum(dlog * r, 0)
            _scan_store(dx + base, t, d, D, g * scale * i, mask)
            _scan_store(dinput_gate + base, t, d, D, dscale * scale * (1 - i), mask)
            dr = dlog * rate[None] * r * (1 - r)
            _scan_store(drecurrence_gate + base, t, d, D, dr, mask)
        dstate += s.to(tl.int64) * D + at
        tl.store(dstate, carry, mask=inside & (part == 0))
        ddecay += (s * parts + part).to(tl.int64) * D + at
        tl.store(ddecay, total, mask=inside)
