"""Gated short convolution, the LIV of LFM2: a causal filter between two gates.

    u_t = b_t * x_t        z_t = bias + sum_k weight[:, k] * u_{t - (K - 1) + k}
    y_t = c_t * z_t        with sigmoid=True: sigmoid(b), sigmoid(c) instead of b, c

weight[:, -1] meets the current token, as in F.conv1d(groups=D) after left padding.

    b, c, x (B, L, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D)
    returns y (B, L, D) and the next state, y in x's dtype, the state in its own

`state` holds the K - 1 products u before x, oldest first; None means zeros. Products
are rounded to x's dtype, as the state is, so that decoding in pieces equals one
pass; sums are kept in float32 (float64 for float64). Source: LFM2, arXiv 2511.23404.

Packed sequences: cu_seqlens (S + 1) are their borders in the L tokens of a batch of
one; state is then (S, K - 1, D). Tokens after the last border give zeros.

On a GPU, for K <= 16 (Triton): forward moves b, c, x and y once, 4 tensors; backward
b, c, x, dy and three gradients, 7 tensors, and K / 32 of one for the weight's
gradient. One token without gradients is one launch that updates the given state in
place.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.causal_conv import (
    _conv_blocks,
    _conv_filter_gradients,
    _conv_in_place,
    _conv_packed,
    _conv_sizes,
    _conv_strides,
    _conv_taps,
    _conv_tile,
    _conv_why_not,
)
from kernels.dispatch import autograd, kernels_for, launch_on

try:
    import triton
    import triton.language as tl

    from kernels.causal_conv import _conv_load, _conv_span
except ImportError:
    triton = None


def gated_conv(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    sigmoid: bool = False,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return c * conv(b * x) and the last K - 1 products b * x."""
    if _gated_conv_in_triton(b, c, x, weight, bias, state):
        if x.shape[1] == 1 and cu_seqlens is None and _conv_in_place(state):
            return _gated_conv_step(b, c, x, weight, bias, state, sigmoid)
        y, final = autograd(
            _GatedConvTriton, None, b, c, x, weight, bias, state, cu_seqlens, sigmoid
        )
        return y, final
    if cu_seqlens is not None:
        return _conv_packed(
            lambda b, c, x, state: gated_conv(b, c, x, weight, bias, state, sigmoid),
            *((b, c, x), weight, state, cu_seqlens),
        )
    if state is None:
        state = x.new_zeros(x.shape[0], weight.shape[1] - 1, x.shape[2])
    if x.shape[1] == 1:  # one token: a few small operations, no recomputation
        if sigmoid:
            wide = torch.promote_types(x.dtype, torch.float32)
            b, c = b.to(wide).sigmoid(), c.to(wide).sigmoid()
        window = torch.cat([state.to(x.dtype), (b * x).to(x.dtype)], 1)  # (B, K, D)
        z = (window * weight.t()).sum(1, keepdim=True)  # (B, 1, D)
        z = z if bias is None else z + bias
        return (c * z).to(x.dtype), window[:, 1:].to(state.dtype)
    if not torch.is_grad_enabled():
        return _gated_conv_forward(b, c, x, weight, bias, state, sigmoid)
    y, final = autograd(_GatedConv, None, b, c, x, weight, bias, state, sigmoid)
    return y, final


def gated_conv_fused(
    bcx: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    sigmoid: bool = False,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """gated_conv of b, c, x side by side, (B, L, 3 D): one gradient, without a cat."""
    b, c, x = bcx.chunk(3, dim=-1)
    train = torch.is_grad_enabled() and bcx.requires_grad
    if train and _gated_conv_in_triton(b, c, x, weight, bias, state):
        y, final = autograd(
            _GatedConvTriton,
            bcx,
            None,
            None,
            None,
            weight,
            bias,
            state,
            cu_seqlens,
            sigmoid,
        )
        return y, final
    if train and x.shape[1] > 1 and cu_seqlens is None:
        if state is None:
            state = x.new_zeros(x.shape[0], weight.shape[1] - 1, x.shape[2])
        y, final = autograd(
            _GatedConv, bcx, None, None, None, weight, bias, state, sigmoid
        )
        return y, final
    return gated_conv(b, c, x, weight, bias, state, sigmoid, cu_seqlens=cu_seqlens)


def _gated_conv_window(
    b: Tensor, x: Tensor, state: Tensor, sigmoid: bool, start: int, stop: int
) -> Tensor:
    """The products of tokens start to stop and the K - 1 before them, float32."""
    wide = torch.promote_types(x.dtype, torch.float32)
    first = max(0, start - state.shape[1])
    b, x = b[:, first:stop], x[:, first:stop]
    u = ((b.to(wide).sigmoid() if sigmoid else b) * x).to(x.dtype).to(wide)
    old = state[:, start:].to(wide)
    return torch.cat([old, u], 1) if old.shape[1] else u


def _gated_conv_multiply(a: Tensor, b: Tensor, out: Tensor) -> None:
    """a * b straight into a slice, which torch.compile does by itself and only so."""
    if torch.compiler.is_compiling():
        out.copy_(a * b)
    else:
        torch.mul(a, b, out=out)


def _gated_conv_forward(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor,
    sigmoid: bool,
) -> tuple[Tensor, Tensor]:
    wide = torch.promote_types(x.dtype, torch.float32)
    taps = weight.t().to(wide).contiguous().unbind()  # K of (D)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    for start, stop in _conv_blocks(x):
        u = _gated_conv_window(b, x, state, sigmoid, start, stop)
        gate = c[:, start:stop]
        gate = gate.to(wide).sigmoid() if sigmoid else gate
        z = _conv_taps(u, taps, bias)
        _gated_conv_multiply(z, gate, out=y[:, start:stop])
    return y, u[:, stop - start :].to(state.dtype, copy=True)


class _GatedConv(torch.autograd.Function):
    """Saves its inputs only; b, c, x come apart, or side by side in bcx."""

    @staticmethod
    def forward(
        ctx: Any,
        bcx: Tensor | None,
        b: Tensor | None,
        c: Tensor | None,
        x: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        state: Tensor,
        sigmoid: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(bcx, b, c, x, weight, bias, state)
        ctx.sigmoid = sigmoid
        if bcx is not None:
            b, c, x = bcx.chunk(3, dim=-1)
        assert b is not None and c is not None and x is not None
        return _gated_conv_forward(b, c, x, weight, bias, state, sigmoid)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        """Block by block, the last first: du of the K - 1 tokens before it is left."""
        bcx, b, c, x, weight, bias, state = ctx.saved_tensors
        dbcx = None
        if bcx is not None:
            b, c, x = bcx.chunk(3, dim=-1)
            dbcx = torch.empty_like(bcx)
            db, dc, dx = dbcx.chunk(3, dim=-1)
        else:
            db, dc, dx = (torch.empty_like(z) for z in (b, c, x))
        wide = torch.promote_types(x.dtype, torch.float32)
        taps = weight.t().to(wide).contiguous().unbind()
        blocks = _conv_blocks(x)
        # a sum for each token of a block, added up at the end: short and in the cache
        rows = len(taps) + (bias is not None)
        sums = x.new_zeros((rows, x.shape[0], blocks[0][1], x.shape[2]), dtype=wide)
        before = dfinal
        for start, stop in reversed(blocks):
            length = stop - start
            gate_b, gate_c = b[:, start:stop], c[:, start:stop]
            value, slope = x[:, start:stop], dy[:, start:stop].to(wide)
            if ctx.sigmoid:
                gate_b, gate_c = gate_b.to(wide).sigmoid(), gate_c.to(wide).sigmoid()
            dz = gate_c * slope
            if ctx.sigmoid:
                value = value * gate_b * (1 - gate_b)
                slope = dz * (1 - gate_c)
            u = _gated_conv_window(b, x, state, ctx.sigmoid, start, stop)
            z = _conv_taps(u, taps, bias)
            _gated_conv_multiply(z, slope, out=dc[:, start:stop])
            du = torch.empty_like(u)
            du[:, length:] = before
            _gated_conv_multiply(dz, taps[0], out=du[:, :length])
            for k, tap in enumerate(taps):
                sums[k, :, :length].addcmul_(dz, u[:, k : k + length])
                if k > 0:
                    du[:, k : k + length].addcmul_(dz, tap)
            if bias is not None:
                sums[-1, :, :length].add_(dz)
            before = du[:, : du.shape[1] - length]
            du = du[:, before.shape[1] :]
            _gated_conv_multiply(du, value, out=db[:, start:stop])
            _gated_conv_multiply(du, gate_b, out=dx[:, start:stop])
        dweight, dbias = _conv_filter_gradients(sums.sum((1, 2)), weight, bias)
        dstate = before.to(state.dtype)
        if dbcx is not None:
            return dbcx, None, None, None, dweight, dbias, dstate, None
        return None, db, dc, dx, dweight, dbias, dstate, None


# In Triton


def _gated_conv_in_triton(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
) -> bool:
    if not x.numel():
        return False
    why_not = _conv_why_not(weight)
    return kernels_for("gated_conv", b, c, x, weight, bias, state, why_not=why_not)


# Widest filter, then channels of a thread, tokens loaded at once, warps. Not measured:
# chosen so that on sm_90 the backward spills no register (ptxas) and the loads under
# way on a multiprocessor, registers permitting, are the 23 KiB that 4.3 TB/s at
# 700 ns needs: 150, 150, 157 registers for K = 3, 7, 16. K > 8 falls short of it.
_GATED_CONV_CONFIGURATIONS = ((4, 4, 4, 2), (8, 2, 4, 4), (16, 1, 2, 4))


if triton is not None:

    @triton.jit
    def _gated_conv_product(b, x, like, SIGMOID: tl.constexpr):
        """b * x, rounded as the state is: to the dtype of x."""
        if SIGMOID:
            b = tl.sigmoid(b)
        return (b * x).to(like.dtype.element_ty).to(tl.float32)

    @triton.jit
    def _gated_conv_past(
        t, begin, end, b, x, state, b_time, x_time, state_time, inside, WIDTH, SIGMOID
    ):
        """u at token t, which may lie before the sequence: then from the state."""
        own = inside & (t >= begin) & (t < end)
        xt = _conv_load(x + t * x_time, own)
        u = _gated_conv_product(_conv_load(b + t * b_time, own), xt, x, SIGMOID)
        if state is not None:
            row = t - begin + WIDTH - 1
            u += _conv_load(state + row * state_time, inside & (t < begin))
        return u

    @triton.jit(do_not_specialize=["length", "sequences", "chunk"])
    def _gated_conv_forward_kernel(
        y,
        final,
        b,
        c,
        x,
        weight,
        bias,
        state,
        cu_seqlens,
        length,
        sequences,
        chunk,
        channels,
        b_row,
        b_time,
        b_channel,
        c_row,
        c_time,
        c_channel,
        x_row,
        x_time,
        x_channel,
        weight_channel,
        weight_tap,
        state_row,
        state_time,
        state_channel,
        WIDTH: tl.constexpr,
        SIGMOID: tl.constexpr,
        BLOCK: tl.constexpr,
        TOKENS: tl.constexpr,
    ):
        """A program walks one chunk of tokens with the last K - 1 products at hand."""
        channel, inside, _, row, sequence, begin, end, first = _conv_span(
            cu_seqlens, sequences, length, chunk, channels, BLOCK
        )
        real = sequence < sequences  # tokens after the last border are only written
        read = inside & real
        b += row * b_row + channel * b_channel
        c += row * c_row + channel * c_channel
        x += row * x_row + channel * x_channel
        y += row * length * channels + channel
        if state is not None:
            state += sequence * state_row + channel * state_channel
        shift = tl.zeros((BLOCK,), tl.float32)
        if bias is not None:
            shift = _conv_load(bias + channel, read)
        taps: tl.tuple = ()
        for k in tl.static_range(WIDTH):
            tap = weight + channel * weight_channel + k * weight_tap
            taps = taps + (_conv_load(tap, inside),)
        window: tl.tuple = ()
        for k in tl.static_range(WIDTH - 1):
            u = _gated_conv_past(
                first - (WIDTH - 1) + k,
                *(
                    begin,
                    end,
                    b,
                    x,
                    state,
                    b_time,
                    x_time,
                    state_time,
                    read,
                    WIDTH,
                    SIGMOID,
                ),
            )
            window = window + (u,)
        stop = tl.minimum(first + chunk, end)
        for step in range(0, tl.cdiv(stop - first, TOKENS).to(tl.int32)):
            t = first + step * TOKENS
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(TOKENS):
                here = read & (t + i < end)
                gate_b = tl.load(b + (t + i) * b_time, mask=here, other=0.0)
                gate_c = tl.load(c + (t + i) * c_time, mask=here, other=0.0)
                value = tl.load(x + (t + i) * x_time, mask=here, other=0.0)
                loaded = loaded + ((gate_b, gate_c, value),)
            for i in tl.static_range(TOKENS):
                gate_c = loaded[i][1].to(tl.float32)
                if SIGMOID:
                    gate_c = tl.sigmoid(gate_c)
                value = loaded[i][2].to(tl.float32)
                u = _gated_conv_product(loaded[i][0].to(tl.float32), value, x, SIGMOID)
                z = tl.fma(taps[WIDTH - 1], u, shift)
                for k in tl.static_range(WIDTH - 1):
                    z = tl.fma(taps[k], window[k], z)
                window = window[1:] + (u,)
                here = inside & (t + i < end)
                tl.store(y + (t + i) * channels, gate_c * z, mask=here)
        if real & (first <= end) & (first + chunk >= end):
            last = final + sequence * (WIDTH - 1) * channels + channel
            for k in tl.static_range(WIDTH - 1):
                u = _gated_conv_past(
                    end - (WIDTH - 1) + k,
                    *(
                        begin,
                        end,
                        b,
                        x,
                        state,
                        b_time,
                        x_time,
                        state_time,
                        read,
                        WIDTH,
                        SIGMOID,
                    ),
                )
                tl.store(last + k * channels, u, mask=inside)

    @triton.jit(do_not_specialize=["length", "sequences", "chunk"])
    def _gated_conv_backward_kernel(
        grads,
        partial,
        dstate,
        b,
        c,
        x,
        dy,
        weight,
        bias,
        state,
        dfinal,
        cu_seqlens,
        length,
        sequences,
        chunk,
        channels,
        b_row,
        b_time,
        b_channel,
        c_row,
        c_time,
        c_channel,
        x_row,
        x_time,
        x_channel,
        dy_row,
        dy_time,
        dy_channel,
        weight_channel,
        weight_tap,
        state_row,
        state_time,
        state_channel,
        dfinal_row,
        dfinal_time,
        dfinal_channel,
        WIDTH: tl.constexpr,
        SIGMOID: tl.constexpr,
        BLOCK: tl.constexpr,
        TOKENS: tl.constexpr,
    ):
        """A program walks one chunk backwards in time, with two windows of K - 1.

        At token t the window of dz = c * dy holds the tokens after t, which b, x and
        the filter need; that of u completes z, and so dc, of token t + K - 1.
        """
        channel, inside, place, row, sequence, begin, end, first = _conv_span(
            cu_seqlens, sequences, length, chunk, channels, BLOCK
        )
        real = sequence < sequences
        read = inside & real
        b += row * b_row + channel * b_channel
        c += row * c_row + channel * c_channel
        x += row * x_row + channel * x_channel
        dy += row * dy_row + channel * dy_channel
        grad_time = 3 * channels
        db = grads + row * length * grad_time + channel
        dc = db + channels
        dx = dc + channels
        if state is not None:
            state += sequence * state_row + channel * state_channel
            dstate += sequence * (WIDTH - 1) * channels + channel
        if dfinal is not None:
            dfinal += sequence * dfinal_row + channel * dfinal_channel
        shift = tl.zeros((BLOCK,), tl.float32)
        if bias is not None:
            shift = _conv_load(bias + channel, inside)
        taps: tl.tuple = ()
        dtaps: tl.tuple = ()
        for k in tl.static_range(WIDTH):
            tap = weight + channel * weight_channel + k * weight_tap
            taps = taps + (_conv_load(tap, inside),)
            dtaps = dtaps + (tl.zeros((BLOCK,), tl.float32),)
        dshift = tl.zeros((BLOCK,), tl.float32)
        stop = tl.minimum(first + chunk, end)
        steps = tl.maximum(tl.cdiv(stop - first, TOKENS), 0).to(tl.int32)
        top = first + steps * TOKENS
        us: tl.tuple = ()
        dzs: tl.tuple = ()
        for k in tl.static_range(WIDTH - 1):
            here = read & (top + k < end)
            gate_c = _conv_load(c + (top + k) * c_time, here)
            if SIGMOID:
                gate_c = tl.sigmoid(gate_c)
            dzs = dzs + (gate_c * _conv_load(dy + (top + k) * dy_time, here),)
            us = us + (tl.zeros((BLOCK,), tl.float32),)
        for step in range(0, steps):
            t = top - (step + 1) * TOKENS
            loaded: tl.tuple = ()
            for i in tl.static_range(TOKENS):  # the last token first
                s = t + TOKENS - 1 - i
                late = s + WIDTH - 1
                here = read & (s < end)
                there = read & (late < stop)
                gate_b = tl.load(b + s * b_time, mask=here, other=0.0)
                gate_c = tl.load(c + s * c_time, mask=here, other=0.0)
                value = tl.load(x + s * x_time, mask=here, other=0.0)
                grad = tl.load(dy + s * dy_time, mask=here, other=0.0)
                late_grad = tl.load(dy + late * dy_time, mask=there, other=0.0)
                late_c = late_grad
                if SIGMOID:
                    late_c = tl.load(c + late * c_time, mask=there, other=0.0)
                loaded = loaded + ((gate_b, gate_c, value, grad, late_grad, late_c),)
            for i in tl.static_range(TOKENS):
                s = t + TOKENS - 1 - i
                late = s + WIDTH - 1
                gate_b = loaded[i][0].to(tl.float32)
                gate_c = loaded[i][1].to(tl.float32)
                value = loaded[i][2].to(tl.float32)
                u = _gated_conv_product(gate_b, value, x, SIGMOID)
                if SIGMOID:
                    gate_b = tl.sigmoid(gate_b)
                    gate_c = tl.sigmoid(gate_c)
                us = (u,) + us
                dzs = (gate_c * loaded[i][3].to(tl.float32),) + dzs
                z = shift
                du = tl.zeros((BLOCK,), tl.float32)
                if dfinal is not None:
                    kept = s - end + WIDTH - 1  # row of the final state
                    here = read & (kept >= 0) & (s < end)
                    du = _conv_load(dfinal + kept * dfinal_time, here)
                sums: tl.tuple = ()
                for k in tl.static_range(WIDTH):
                    z = tl.fma(taps[k], us[k], z)
                    du = tl.fma(taps[k], dzs[WIDTH - 1 - k], du)
                    sums = sums + (tl.fma(u, dzs[WIDTH - 1 - k], dtaps[k]),)
                dtaps = sums
                dshift += dzs[0]
                us = us[: WIDTH - 1]
                dzs = dzs[: WIDTH - 1]
                dgate_b = du * value
                dgate_c = z * loaded[i][4].to(tl.float32)
                if SIGMOID:
                    dgate_b *= gate_b * (1 - gate_b)
                    late_c = tl.sigmoid(loaded[i][5].to(tl.float32))
                    dgate_c *= late_c * (1 - late_c)
                here = inside & (s < end)
                tl.store(db + s * grad_time, dgate_b, mask=here)
                tl.store(dx + s * grad_time, du * gate_b, mask=here)
                tl.store(dc + late * grad_time, dgate_c, mask=inside & (late < stop))
        # The K - 1 tokens before the chunk: their u completes dc. Before the sequence
        # they are the state, which has gradients too.
        for i in tl.static_range(WIDTH - 1):
            s = first - 1 - i
            late = s + WIDTH - 1
            u = _gated_conv_past(
                s,
                *(
                    begin,
                    end,
                    b,
                    x,
                    state,
                    b_time,
                    x_time,
                    state_time,
                    read,
                    WIDTH,
                    SIGMOID,
                ),
            )
            us = (u,) + us
            dzs = (tl.zeros((BLOCK,), tl.float32),) + dzs
            z = shift
            for k in tl.static_range(WIDTH):
                z = tl.fma(taps[k], us[k], z)
            there = read & (late < stop)
            dgate_c = z * _conv_load(dy + late * dy_time, there)
            if SIGMOID:
                late_c = tl.sigmoid(_conv_load(c + late * c_time, there))
                dgate_c *= late_c * (1 - late_c)
            here = inside & (late >= first) & (late < stop)
            tl.store(dc + late * grad_time, dgate_c, mask=here)
            if state is not None:
                start = (first == begin) & real
                du = tl.zeros((BLOCK,), tl.float32)
                if dfinal is not None:
                    kept = s - end + WIDTH - 1
                    here = inside & start & (kept >= 0)
                    du = _conv_load(dfinal + kept * dfinal_time, here)
                sums = ()
                for k in tl.static_range(WIDTH):
                    du = tl.fma(taps[k], dzs[WIDTH - 1 - k], du)
                    more = tl.where(start, u * dzs[WIDTH - 1 - k], 0.0)
                    sums = sums + (dtaps[k] + more,)
                dtaps = sums
                old = s - begin + WIDTH - 1
                tl.store(dstate + old * channels, du, mask=inside & start)
            us = us[: WIDTH - 1]
            dzs = dzs[: WIDTH - 1]
        rows = WIDTH + (bias is not None)
        partial += place.to(tl.int64) * rows * channels + channel
        for k in tl.static_range(WIDTH):
            tl.store(partial + k * channels, dtaps[k], mask=inside)
        if bias is not None:
            tl.store(partial + WIDTH * channels, dshift, mask=inside)

    @triton.jit
    def _gated_conv_step_kernel(
        y,
        b,
        c,
        x,
        weight,
        bias,
        state,
        channels,
        b_row,
        b_channel,
        c_row,
        c_channel,
        x_row,
        x_channel,
        weight_channel,
        weight_tap,
        state_row,
        state_time,
        state_channel,
        WIDTH: tl.constexpr,
        SIGMOID: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        """One token of every sequence; the state moves by one row in place."""
        tiles = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // tiles).to(tl.int64)
        channel = tl.program_id(0) % tiles * BLOCK + tl.arange(0, BLOCK)
        inside = channel < channels
        channel = channel.to(tl.int64)
        gate_b = _conv_load(b + row * b_row + channel * b_channel, inside)
        gate_c = _conv_load(c + row * c_row + channel * c_channel, inside)
        value = _conv_load(x + row * x_row + channel * x_channel, inside)
        if SIGMOID:
            gate_c = tl.sigmoid(gate_c)
        u = _gated_conv_product(gate_b, value, x, SIGMOID)
        weight += channel * weight_channel
        z = u * _conv_load(weight + (WIDTH - 1) * weight_tap, inside)
        if bias is not None:
            z += _conv_load(bias + channel, inside)
        state += row * state_row + channel * state_channel
        window: tl.tuple = ()
        for k in tl.static_range(WIDTH - 1):
            old = tl.load(state + k * state_time, mask=inside, other=0.0)
            z += old.to(tl.float32) * _conv_load(weight + k * weight_tap, inside)
            window = window + (old,)
        for k in tl.static_range(WIDTH - 2):
            tl.store(state + k * state_time, window[k + 1], mask=inside)
        tl.store(state + (WIDTH - 2) * state_time, u, mask=inside)
        tl.store(y + row * channels + channel, gate_c * z, mask=inside)


def _gated_conv_step(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    sigmoid: bool,
) -> tuple[Tensor, Tensor]:
    """One launch, no allocation but y; returns the tensor that came as the state."""
    batch, _, channels = x.shape
    width = weight.shape[1]
    if state is None:
        state = x.new_zeros(batch, width - 1, channels)
    bias = None if bias is None else bias.contiguous()
    y = torch.empty((batch, 1, channels), dtype=x.dtype, device=x.device)
    block = 128
    with launch_on(x):
        _gated_conv_step_kernel[(batch * triton.cdiv(channels, block),)](
            *(y, b, c, x, weight, bias, state, channels),
            *(b.stride(0), b.stride(2), c.stride(0), c.stride(2)),
            *(x.stride(0), x.stride(2), *weight.stride(), *state.stride()),
            WIDTH=width,
            SIGMOID=sigmoid,
            BLOCK=block,
            num_warps=1,
        )
    return y, state


class _GatedConvTriton(torch.autograd.Function):
    """Saves its inputs only; b, c, x come apart, or side by side in bcx."""

    @staticmethod
    def forward(
        ctx: Any,
        bcx: Tensor | None,
        b: Tensor | None,
        c: Tensor | None,
        x: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
        sigmoid: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(bcx, b, c, x, weight, bias, state, cu_seqlens)
        ctx.sigmoid = sigmoid
        ctx.set_materialize_grads(False)
        if bcx is not None:
            b, c, x = bcx.chunk(3, dim=-1)
        assert b is not None and c is not None and x is not None
        bias = None if bias is None else bias.contiguous()
        width = weight.shape[1]
        tile = _conv_tile(width, _GATED_CONV_CONFIGURATIONS)
        grid, _, sizes = _conv_sizes(x, cu_seqlens, tile["BLOCK"])
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        final = torch.empty(
            (sizes[1], width - 1, x.shape[2]),
            dtype=x.dtype if state is None else state.dtype,
            device=x.device,
        )
        with launch_on(x):
            _gated_conv_forward_kernel[grid](
                *(y, final, b, c, x, weight, bias, state, cu_seqlens, *sizes),
                *(*b.stride(), *c.stride(), *x.stride(), *weight.stride()),
                *_conv_strides(state),
                SIGMOID=sigmoid,
                **tile,
            )
        return y, final

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, dy: Tensor | None, dfinal: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        bcx, b, c, x, weight, bias, state, cu_seqlens = ctx.saved_tensors
        if bcx is not None:
            b, c, x = bcx.chunk(3, dim=-1)
        bias = None if bias is None else bias.contiguous()
        width = weight.shape[1]
        if dy is None:
            dy = torch.zeros_like(x)
        tile = _conv_tile(width, _GATED_CONV_CONFIGURATIONS)
        grid, places, sizes = _conv_sizes(x, cu_seqlens, tile["BLOCK"])
        grads = torch.empty(
            (*x.shape[:2], 3 * x.shape[2]), dtype=x.dtype, device=x.device
        )
        partial = torch.empty(
            (places, width + (bias is not None), x.shape[2]),
            dtype=torch.float32,
            device=x.device,
        )
        dstate = None
        if state is not None:
            dstate = torch.empty(state.shape, dtype=state.dtype, device=x.device)
        with launch_on(x):
            _gated_conv_backward_kernel[grid](
                *(grads, partial, dstate, b, c, x, dy, weight, bias, state, dfinal),
                *(cu_seqlens, *sizes, *b.stride(), *c.stride(), *x.stride()),
                *(*dy.stride(), *weight.stride(), *_conv_strides(state, dfinal)),
                SIGMOID=ctx.sigmoid,
                **tile,
            )
        # of the chunks, in float32 and in a fixed order
        dweight, dbias = _conv_filter_gradients(partial.sum(0), weight, bias)
        if bcx is not None:
            return grads, None, None, None, dweight, dbias, dstate, None, None
        apart = zip(grads.chunk(3, dim=-1), (b, c, x), strict=True)
        db, dc, dx = (grad.to(like.dtype) for grad, like in apart)
        return None, db, dc, dx, dweight, dbias, dstate, None, None
