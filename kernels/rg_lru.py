"""RG-LRU, the real-gated linear recurrent unit of Griffin, for each channel.

    r_t = sigmoid(recurrence_gate_t)    i_t = sigmoid(input_gate_t)
    log a_t = -8 * softplus(decay) * r_t
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)
    y_t = h_t, or h_t * gelu(output_gate_t) with an output gate (gelu by tanh)

    x and the gates (B, L, D)    decay (D)    state (B, D) or None for zeros
    returns y (B, L, D) in the dtype of x, and the last h as state (B, D)

Both gates are logits. Carry and state are float32 (float64 for float64). 1 - a^2
keeps its digits where a rounds to 1, and the slope of the square root is bounded by
1000, as the authors do: arXiv 2402.19427, equations 1 to 4.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 4 tensors (B, L, D) forward and 7 backward, 5 and 9 with an output gate,
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
    inputs = (x, input_gate, recurrence_gate, decay, state, output_gate)
    if kernels_for("rg_lru", *inputs):
        with launch_on(x):
            return _rg_lru_triton(*inputs, cu_seqlens)
    if state is None:
        state = _scan_zeros(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _scan_packed(
            lambda x, i, r, gate, state: rg_lru(x, i, r, decay, state, gate),
            (x, input_gate, recurrence_gate, output_gate),
            state,
            cu_seqlens,
        )
    if not x.shape[1]:
        return x.clone(), state
    dtype = torch.promote_types(x.dtype, torch.float32)
    if torch.is_grad_enabled():
        h, last = autograd(_RGLRU, x, input_gate, recurrence_gate, decay, state)
    else:
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        if x.shape[1] == 1:
            last = a[:, 0] * state + b[:, 0]  # (B, D)
            h = last.to(x.dtype).unsqueeze(1)
        else:
            h = _scan_chunks(a, b, state)
            h, last = h.to(x.dtype), h[:, -1].clone()
    if output_gate is not None:
        h = h * F.gelu(output_gate, approximate="tanh")
    return h, last


def _rg_lru_decay(gate: Tensor, decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, sqrt(1 - a^2), r and the rate d log a / dr."""
    r = gate.sigmoid()
    rate = -8 * F.softplus(decay)  # (D)
    log_a = r * rate
    scale = (2 * log_a).expm1_().neg_().sqrt_()  # exact where a rounds to 1
    return log_a.exp_(), scale, r, rate


class _RGLRU(torch.autograd.Function):
    """Saves x, the two gates and h; everything between them is recomputed."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        decay: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        h = _scan_chunks(a, b, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, input_gate, recurrence_gate, decay, state, h)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, input_gate, recurrence_gate, decay, state, h = ctx.saved_tensors
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, r, rate = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        i = input_gate.to(dtype).sigmoid()
        da, db, dstate = _scan_gradients(a, h, state, dh, dlast)
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
            ddecay.to(decay.dtype),
            dstate.to(state.dtype),
        )


# Triton


def _rg_lru_triton(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None,
    output_gate: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    inputs = (x, input_gate, recurrence_gate, output_gate, decay.contiguous(), state)
    if torch.is_grad_enabled():
        y, last = autograd(_RGLRUTriton, *inputs, cu_seqlens)
        return y, last
    if state is None or not _scan_in_place(x, state, cu_seqlens):
        return _rg_lru_forward(*inputs, cu_seqlens)[:2]
    batch, _, channels = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _rg_lru_step_kernel[(batch * -(-channels // 256),)](
        *(*inputs, y, channels),
        *_scan_strides(x, input_gate, recurrence_gate, output_gate),
        *state.stride(),
        BLOCK=256,
    )
    return y, state


def _rg_lru_forward(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    output_gate: Tensor | None,
    decay: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state and, to keep, the states before each tile."""
    grid, sizes = _scan_sizes(x, cu_seqlens)
    gates = (x, input_gate, recurrence_gate, output_gate)
    strides = _scan_strides(*gates)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    tile = _scan_recall_tile(x, "forward")
    last, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
    starts = _scan_starts(x, sizes, cu_seqlens, tile["STEPS"], keep)
    if effect is not None:
        _rg_lru_reduce_kernel[grid](
            *(*gates, decay, None, effect, *sizes, *strides, 0, 0, 0),
            **_scan_recall_tile(x, "reduce"),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _rg_lru_forward_kernel[grid](
        *(*gates, decay, state, y, last, starts, effect, cu_seqlens),
        *(*sizes, *strides),
        **tile,
    )
    return y, last, starts


class _RGLRUTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        output_gate: Tensor | None,
        decay: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, input_gate, recurrence_gate, output_gate, decay)
        y, last, starts = _rg_lru_forward(*inputs, state, cu_seqlens, keep=True)
        ctx.save_for_backward(*inputs, cu_seqlens, starts)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *gates, decay, cu_seqlens, starts = ctx.saved_tensors
        x = gates[0]
        grid, sizes = _scan_sizes(x, cu_seqlens)
        strides = _scan_strides(*gates, dy)
        grads = [
            None if z is None else torch.empty(z.shape, dtype=z.dtype, device=z.device)
            for z in gates
        ]
        ddecay = _scan_empty(x, sizes, grid[0] // -(-x.shape[2] // 64))
        dstate, effect = _scan_empty(x, sizes, sizes[0]), _scan_effect(x, sizes)
        with launch_on(x):
            if effect is not None:
                _rg_lru_reduce_kernel[grid](
                    *(*gates, decay, dy, effect, *sizes, *strides),
                    **_scan_recall_tile(x, "reduce"),
                    REVERSE=True,
                )
            _rg_lru_backward_kernel[grid](
                *(*gates, decay, starts, dy, dlast.contiguous(), *grads),
                *(ddecay, dstate, effect, cu_seqlens, *sizes, *strides),
                **_scan_recall_tile(x, "backward"),
            )
        slope = -8 * decay.float().sigmoid()
        return (
            *grads,
            (ddecay.sum(0) * slope).to(decay.dtype),
            None if ctx.state_dtype is None else dstate.to(ctx.state_dtype),
            None,
        )


if triton is not None:

    @triton.jit
    def _rg_lru_rate(decay, d, channels):
        """-8 softplus(decay) (1, D); 1 + e rounds, and the ratio makes up for it."""
        z = tl.load(decay + d[None, :], mask=d[None, :] < channels, other=0.0)
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

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_reduce_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        dy,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
        dy_batch,
        dy_time,
        dy_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t times the gradient of h_t.
        """
        d, sequence, _, part, start, end, _ = _scan_span(
            None, sequences, parts, size, length, channels, BLOCK
        )
        rate = _rg_lru_rate(decay, d, channels)
        recurrence_gate += sequence.to(tl.int64) * r_batch
        if REVERSE:
            dy += sequence.to(tl.int64) * dy_batch
            if output_gate is not None:
                output_gate += sequence.to(tl.int64) * o_batch
        else:
            x += sequence.to(tl.int64) * x_batch
            input_gate += sequence.to(tl.int64) * i_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile = tiles - 1 - k if REVERSE else k
            t = start + tile * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & (d < channels)[None, :]
            gate = _scan_load(
                recurrence_gate, t, d, r_time, r_channel, mask, float("-inf")
            )
            a, scale, r = _rg_lru_factors(gate, rate[None])
            if REVERSE:
                b = _scan_load(dy, t, d, dy_time, dy_channel, mask, 0.0)
                if output_gate is not None:
                    gate = _scan_load(output_gate, t, d, o_time, o_channel, mask, 0.0)
                    b *= _rg_lru_gelu(gate)[0]
            else:
                b = scale * _scan_load(x, t, d, x_time, x_channel, mask, 0.0)
                gate = _scan_load(input_gate, t, d, i_time, i_channel, mask, 0.0)
                b *= tl.sigmoid(gate)
            factor, term = _scan_reduced(a, b, factor, term, REVERSE)
        row, rows = sequence * parts + part, sequences * parts
        at = d[None, :]
        _scan_keep(effect, factor, term, row, rows, channels, at, at < channels)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_forward_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
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
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
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
        rate = _rg_lru_rate(decay, d, channels)
        x += batch.to(tl.int64) * x_batch
        input_gate += batch.to(tl.int64) * i_batch
        recurrence_gate += batch.to(tl.int64) * r_batch
        if output_gate is not None:
            output_gate += batch.to(tl.int64) * o_batch
        y += batch.to(tl.int64) * length * channels
        slot = _scan_slot(cu_seqlens, sequence, start, length, STEPS)
        if starts is not None:
            starts += slot.to(tl.int64) * channels + d[None, :]
        for k in tl.range(0, tl.cdiv(end - start, STEPS), num_stages=STAGES):
            t = start + k * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            read = mask & live
            gate = _scan_load(
                recurrence_gate, t, d, r_time, r_channel, read, float("-inf")
            )
            a, b, r = _rg_lru_factors(gate, rate[None])
            b *= _scan_load(x, t, d, x_time, x_channel, read, 0.0)
            gate = _scan_load(input_gate, t, d, i_time, i_channel, read, 0.0)
            b *= tl.sigmoid(gate)
            if starts is not None:
                tl.store(starts, h, mask=real)
                starts += channels
            b, h = _scan_forth(a, b, h)
            if output_gate is not None:
                gate = _scan_load(output_gate, t, d, o_time, o_channel, read, 0.0)
                b *= _rg_lru_gelu(gate)[0]
            _scan_store(y, t, d, channels, b, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, h, mask=real & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_backward_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        starts,
        dy,
        dlast,
        dx,
        dinput_gate,
        drecurrence_gate,
        doutput_gate,
        ddecay,
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
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
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
        rate = _rg_lru_rate(decay, d, channels)
        x += batch.to(tl.int64) * x_batch
        input_gate += batch.to(tl.int64) * i_batch
        recurrence_gate += batch.to(tl.int64) * r_batch
        dy += batch.to(tl.int64) * dy_batch
        base = batch.to(tl.int64) * length * channels
        if output_gate is not None:
            output_gate += batch.to(tl.int64) * o_batch
            doutput_gate += base
        slot = _scan_slot(cu_seqlens, sequence, start, length, STEPS)
        tiles = tl.cdiv(end - start, STEPS)
        starts += (slot + tiles).to(tl.int64) * channels + d[None, :]
        total = tl.zeros([1, BLOCK], tl.float32)
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + tl.arange(0, STEPS)
            mask = (t < end)[:, None] & inside
            read = mask & live
            gate = _scan_load(
                recurrence_gate, t, d, r_time, r_channel, read, float("-inf")
            )
            a, scale, r = _rg_lru_factors(gate, rate[None])
            xt = _scan_load(x, t, d, x_time, x_channel, read, 0.0)
            gate = _scan_load(input_gate, t, d, i_time, i_channel, read, 0.0)
            it = tl.sigmoid(gate)
            g = _scan_load(dy, t, d, dy_time, dy_channel, read, 0.0)
            starts -= channels
            h = tl.load(starts, mask=real, other=0.0)
            b = scale * it * xt
            q = _scan_recall(a, b, h)
            if output_gate is not None:
                gate = _scan_load(output_gate, t, d, o_time, o_channel, read, 0.0)
                gelu, slope = _rg_lru_gelu(gate)
                do = g * (q + b) * slope
                _scan_store(doutput_gate, t, d, channels, do, mask)
                g *= gelu
            g, carry = _scan_back(a, g, carry)
            dscale = g * it * xt
            slope = tl.minimum(0.5 / scale, 1000.0)  # of the square root
            dlog = g * q - 2 * slope * a * a * dscale
            total += tl.sum(dlog * r, 0)
            dr = dlog * rate[None] * r * (1 - r)
            _scan_store(dx + base, t, d, channels, g * scale * it, mask)
            _scan_store(
                dinput_gate + base, t, d, channels, dscale * scale * (1 - it), mask
            )
            _scan_store(drecurrence_gate + base, t, d, channels, dr, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(dstate + at, carry, mask=real & (part == 0))
        at = (sequence * parts + part).to(tl.int64) * channels + d[None, :]
        tl.store(ddecay + at, total, mask=inside)

    @triton.jit
    def _rg_lru_step_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        state,
        y,
        channels,
        x_batch,
        x_time,
        x_channel,
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = (d < channels)[None, :]
        d1 = d[None, :]
        gate = tl.load(recurrence_gate + row * r_batch + d1 * r_channel, mask=mask)
        rate = _rg_lru_rate(decay, d, channels)
        a, b, _ = _rg_lru_factors(gate.to(tl.float32), rate)
        gate = tl.load(input_gate + row * i_batch + d1 * i_channel, mask=mask)
        b *= tl.sigmoid(gate.to(tl.float32))
        b *= tl.load(x + row * x_batch + d1 * x_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d1 * state_channel
        h = a * tl.load(state, mask=mask) + b
        tl.store(state, h, mask=mask)
        if output_gate is not None:
            gate = tl.load(output_gate + row * o_batch + d1 * o_channel, mask=mask)
            h *= _rg_lru_gelu(gate.to(tl.float32))[0]
        tl.store(y + row * channels + d1, h, mask=mask)
