"""Causal depthwise convolution over time, with an optional SiLU.

    z_t = bias + sum_k weight[:, k] * x_{t - (K - 1) + k}        y = z or silu(z)

weight[:, -1] meets the current token, as in F.conv1d(groups=D) after left padding.

    x (B, L, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D) or None
    returns y (B, L, D) and the next state, y in x's dtype, the state in its own

`state` holds the K - 1 inputs before x, oldest first; None means zeros. Sums are
kept in float32 (float64 for float64). Source: the input convolution of Mamba, arXiv
2312.00752, section 3.4.

Packed sequences: cu_seqlens (S + 1) are their borders in the L tokens of a batch of
one; state is then (S, K - 1, D). Tokens after the last border give zeros.

On a GPU, for K <= 16 (Triton): forward moves x and y once, 2 tensors; backward x, dy
and dx, 3 tensors, and K / 32 of one for the weight's gradient. One token without
gradients is one launch that updates the given state in place.
"""

from typing import Any

import torch
import torch.nn.functional as F
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


def short_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    activation: str | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Convolve x with K taps a channel; return y and the last K - 1 inputs."""
    tensors, why_not = (x, weight, bias, state), _conv_why_not(weight)
    if x.numel() and kernels_for("short_conv", *tensors, why_not=why_not):
        silu = activation is not None
        if x.shape[1] == 1 and cu_seqlens is None and _conv_in_place(state):
            return _short_conv_step(x, weight, bias, state, silu)
        y, final = autograd(_ShortConvTriton, x, weight, bias, state, cu_seqlens, silu)
        return y, final
    if cu_seqlens is not None:
        return _conv_packed(
            lambda x, state: short_conv(x, weight, bias, state, activation),
            *((x,), weight, state, cu_seqlens),
        )
    if state is None:
        state = x.new_zeros(x.shape[0], weight.shape[1] - 1, x.shape[2])
    if x.shape[1] == 1:  # one token: a few small operations, no recomputation
        window = torch.cat([state.to(x.dtype), x], 1)  # (B, K, D)
        z = (window * weight.t()).sum(1, keepdim=True)  # (B, 1, D)
        z = z if bias is None else z + bias
        y = (F.silu(z) if activation else z).to(x.dtype)
        return y, window[:, 1:].to(state.dtype)
    if not torch.is_grad_enabled():
        return _short_conv_forward(x, weight, bias, state, activation is not None)
    y, final = autograd(_ShortConv, x, weight, bias, state, activation is not None)
    return y, final


def _short_conv_window(x: Tensor, state: Tensor, start: int, stop: int) -> Tensor:
    """Tokens start to stop and the K - 1 before them, in float32."""
    first = max(0, start - state.shape[1])
    u = x[:, first:stop].to(torch.promote_types(x.dtype, torch.float32))
    old = state[:, start:].to(u.dtype)
    return torch.cat([old, u], 1) if old.shape[1] else u


def _short_conv_forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, state: Tensor, silu: bool
) -> tuple[Tensor, Tensor]:
    wide = torch.promote_types(x.dtype, torch.float32)
    taps = weight.t().to(wide).contiguous().unbind()  # K of (D)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    for start, stop in _conv_blocks(x):
        u = _short_conv_window(x, state, start, stop)
        z = _conv_taps(u, taps, bias)
        y[:, start:stop] = F.silu(z, inplace=True) if silu else z
    return y, u[:, stop - start :].to(state.dtype, copy=True)


class _ShortConv(torch.autograd.Function):
    """Saves its inputs only: recomputation costs less than memory."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        state: Tensor,
        silu: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, weight, bias, state)
        ctx.silu = silu
        return _short_conv_forward(x, weight, bias, state, silu)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        """Block by block, the last first: du of the K - 1 tokens before it is left."""
        x, weight, bias, state = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, torch.float32)
        taps = weight.t().to(wide).contiguous().unbind()
        blocks = _conv_blocks(x)
        dx = torch.empty_like(x)
        # a sum for each token of a block, added up at the end: short and in the cache
        rows = len(taps) + (bias is not None)
        sums = x.new_zeros((rows, x.shape[0], blocks[0][1], x.shape[2]), dtype=wide)
        before = dfinal.to(wide)
        for start, stop in reversed(blocks):
            length = stop - start
            u = _short_conv_window(x, state, start, stop)
            dz = dy[:, start:stop].to(wide)
            if ctx.silu:
                z = _conv_taps(u, taps, bias)
                dz = torch.ops.aten.silu_backward(dz, z)
            du = torch.cat([dz * taps[0], before], 1)
            for k, tap in enumerate(taps):
                sums[k, :, :length].addcmul_(dz, u[:, k : k + length])
                if k > 0:
                    du[:, k : k + length].addcmul_(dz, tap)
            if bias is not None:
                sums[-1, :, :length].add_(dz)
            before = du[:, : du.shape[1] - length]
            dx[:, start:stop] = du[:, before.shape[1] :]
        dweight, dbias = _conv_filter_gradients(sums.sum((1, 2)), weight, bias)
        return dx, dweight, dbias, before.to(state.dtype), None


# In Triton

# Widest filter, then channels of a thread, tokens loaded at once, warps. Not measured:
# chosen so that on sm_90 the backward spills no register (ptxas) and the loads under
# way on a multiprocessor, registers permitting, are the 23 KiB that 4.3 TB/s at
# 700 ns needs: 128 registers for K = 4, 8, 16. K > 4 falls short of it.
_SHORT_CONV_CONFIGURATIONS = ((4, 4, 4, 2), (8, 2, 4, 4), (16, 1, 4, 4))


if triton is not None:

    @triton.jit
    def _short_conv_input(
        t, begin, end, x, state, x_time, state_time, inside, WIDTH: tl.constexpr
    ):
        """x at token t, which may lie before the sequence: then from the state."""
        own = inside & (t >= begin) & (t < end)
        u = tl.load(x + t * x_time, mask=own, other=0.0).to(tl.float32)
        if state is not None:
            row = t - begin + WIDTH - 1
            u += _conv_load(state + row * state_time, inside & (t < begin))
        return u

    @triton.jit
    def _short_conv_dz(z, dy, SILU: tl.constexpr):
        """dy through the activation: silu'(z) = gate * (1 + z * (1 - gate))."""
        if SILU:
            gate = tl.sigmoid(z)
            dy *= gate * (1 + z * (1 - gate))
        return dy

    @triton.jit(do_not_specialize=["length", "sequences", "chunk"])
    def _short_conv_forward_kernel(
        y,
        final,
        x,
        weight,
        bias,
        state,
        cu_seqlens,
        length,
        sequences,
        chunk,
        channels,
        x_row,
        x_time,
        x_channel,
        weight_channel,
        weight_tap,
        state_row,
        state_time,
        state_channel,
        WIDTH: tl.constexpr,
        SILU: tl.constexpr,
        BLOCK: tl.constexpr,
        TOKENS: tl.constexpr,
    ):
        """A program walks one chunk of tokens with the last K - 1 inputs at hand."""
        channel, inside, _, row, sequence, begin, end, first = _conv_span(
            cu_seqlens, sequences, length, chunk, channels, BLOCK
        )
        real = sequence < sequences  # tokens after the last border are only written
        read = inside & real
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
            u = _short_conv_input(
                first - (WIDTH - 1) + k,
                *(begin, end, x, state, x_time, state_time, read, WIDTH),
            )
            window = window + (u,)
        stop = tl.minimum(first + chunk, end)
        for step in range(0, tl.cdiv(stop - first, TOKENS).to(tl.int32)):
            t = first + step * TOKENS
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(TOKENS):
                here = read & (t + i < end)
                loaded = loaded + (tl.load(x + (t + i) * x_time, mask=here, other=0.0),)
            for i in tl.static_range(TOKENS):
                u = loaded[i].to(tl.float32)
                z = tl.fma(taps[WIDTH - 1], u, shift)
                for k in tl.static_range(WIDTH - 1):
                    z = tl.fma(taps[k], window[k], z)
                window = window[1:] + (u,)
                if SILU:
                    z *= tl.sigmoid(z)
                tl.store(y + (t + i) * channels, z, mask=inside & (t + i < end))
        if real & (first <= end) & (first + chunk >= end):
            last = final + sequence * (WIDTH - 1) * channels + channel
            for k in tl.static_range(WIDTH - 1):
                u = _short_conv_input(
                    end - (WIDTH - 1) + k,
                    *(begin, end, x, state, x_time, state_time, read, WIDTH),
                )
                tl.store(last + k * channels, u, mask=inside)

    @triton.jit(do_not_specialize=["length", "sequences", "chunk"])
    def _short_conv_backward_kernel(
        dx,
        partial,
        dstate,
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
        SILU: tl.constexpr,
        BLOCK: tl.constexpr,
        TOKENS: tl.constexpr,
    ):
        """A program walks one chunk backwards in time, with two windows of K - 1.

        At token t the window of inputs holds those before t, which complete z and with
        it dz; that of dz holds the tokens after t, which complete dx.
        """
        channel, inside, place, row, sequence, begin, end, first = _conv_span(
            cu_seqlens, sequences, length, chunk, channels, BLOCK
        )
        real = sequence < sequences
        read = inside & real
        x += row * x_row + channel * x_channel
        dy += row * dy_row + channel * dy_channel
        dx += row * length * channels + channel
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
        us: tl.tuple = ()  # the tokens from t - (K - 1) on
        for k in tl.static_range(WIDTH - 1):
            u = _short_conv_input(
                top + k,
                *(begin, end, x, state, x_time, state_time, read, WIDTH),
            )
            us = us + (u,)
        dzs: tl.tuple = ()  # the tokens after the chunk, whose dz this chunk needs
        for i in tl.static_range(WIDTH - 1):
            t = top + WIDTH - 2 - i
            u = _short_conv_input(
                t - (WIDTH - 1),
                *(begin, end, x, state, x_time, state_time, read, WIDTH),
            )
            us = (u,) + us
            z = shift
            for k in tl.static_range(WIDTH):
                z = tl.fma(taps[k], us[k], z)
            after = _conv_load(dy + t * dy_time, read & (t < end))
            dzs = (_short_conv_dz(z, after, SILU),) + dzs
            us = us[: WIDTH - 1]
        for step in range(0, steps):
            low = top - (step + 1) * TOKENS
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(TOKENS):  # the last token first
                t = low + TOKENS - 1 - i
                u = _short_conv_input(
                    t - (WIDTH - 1),
                    *(begin, end, x, state, x_time, state_time, read, WIDTH),
                )
                grad = tl.load(dy + t * dy_time, mask=read & (t < end), other=0.0)
                loaded = loaded + ((u, grad),)
            for i in tl.static_range(TOKENS):
                t = low + TOKENS - 1 - i
                us = (loaded[i][0],) + us
                z = shift
                for k in tl.static_range(WIDTH):
                    z = tl.fma(taps[k], us[k], z)
                dz = _short_conv_dz(z, loaded[i][1].to(tl.float32), SILU)
                dzs = (dz,) + dzs
                du = tl.zeros((BLOCK,), tl.float32)
                if dfinal is not None:
                    late = t - end + WIDTH - 1  # row of the final state
                    here = read & (late >= 0) & (t < end)
                    du = _conv_load(dfinal + late * dfinal_time, here)
                sums: tl.tuple = ()
                for k in tl.static_range(WIDTH):
                    du = tl.fma(taps[k], dzs[WIDTH - 1 - k], du)
                    sums = sums + (tl.fma(dz, us[k], dtaps[k]),)
                dtaps = sums
                dshift += dz
                us = us[: WIDTH - 1]
                dzs = dzs[: WIDTH - 1]
                tl.store(dx + t * channels, du, mask=inside & (t < end))
        if state is not None:
            if (first == begin) & real:
                for j in tl.static_range(WIDTH - 1):
                    du = tl.zeros((BLOCK,), tl.float32)
                    if dfinal is not None:  # an old input that is still in the state
                        late = begin - end + j
                        here = inside & (late >= 0)
                        du = _conv_load(dfinal + late * dfinal_time, here)
                    for k in tl.static_range(j + 1):
                        du = tl.fma(taps[k], dzs[j - k], du)
                    tl.store(dstate + j * channels, du, mask=inside)
        rows = WIDTH + (bias is not None)
        partial += place.to(tl.int64) * rows * channels + channel
        for k in tl.static_range(WIDTH):
            tl.store(partial + k * channels, dtaps[k], mask=inside)
        if bias is not None:
            tl.store(partial + WIDTH * channels, dshift, mask=inside)

    @triton.jit
    def _short_conv_step_kernel(
        y,
        x,
        weight,
        bias,
        state,
        channels,
        x_row,
        x_channel,
        weight_channel,
        weight_tap,
        state_row,
        state_time,
        state_channel,
        WIDTH: tl.constexpr,
        SILU: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        """One token of every sequence; the state moves by one row in place."""
        tiles = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // tiles).to(tl.int64)
        channel = tl.program_id(0) % tiles * BLOCK + tl.arange(0, BLOCK)
        inside = channel < channels
        channel = channel.to(tl.int64)
        u = _conv_load(x + row * x_row + channel * x_channel, inside)
        weight += channel * weight_channel
        z = u * _conv_load(weight + (WIDTH - 1) * weight_tap, inside)
        if bias is not None:
            z += _conv_load(bias + channel, inside)
        state += row * state_row + channel * state_channel
        window: tl.tuple = ()
        for k in tl.static_range(WIDTH - 1):
            old = tl.load(state + k * state_time, mask=inside, other=0.0)
            tap = _conv_load(weight + k * weight_tap, inside)
            z = tl.fma(old.to(tl.float32), tap, z)
            window = window + (old,)
        for k in tl.static_range(WIDTH - 2):
            tl.store(state + k * state_time, window[k + 1], mask=inside)
        tl.store(state + (WIDTH - 2) * state_time, u, mask=inside)
        if SILU:
            z *= tl.sigmoid(z)
        tl.store(y + row * channels + channel, z, mask=inside)


def _short_conv_step(
    x: Tensor, weight: Tensor, bias: Tensor | None, state: Tensor | None, silu: bool
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
        _short_conv_step_kernel[(batch * triton.cdiv(channels, block),)](
            *(y, x, weight, bias, state, channels, x.stride(0), x.stride(2)),
            *(*weight.stride(), *state.stride()),
            WIDTH=width,
            SILU=silu,
            BLOCK=block,
            num_warps=1,
        )
    return y, state


class _ShortConvTriton(torch.autograd.Function):
    """Saves its inputs only."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
        silu: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, weight, bias, state, cu_seqlens)
        ctx.silu = silu
        ctx.set_materialize_grads(False)
        bias = None if bias is None else bias.contiguous()
        width = weight.shape[1]
        tile = _conv_tile(width, _SHORT_CONV_CONFIGURATIONS)
        grid, _, sizes = _conv_sizes(x, cu_seqlens, tile["BLOCK"])
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        final = torch.empty(
            (sizes[1], width - 1, x.shape[2]),
            dtype=x.dtype if state is None else state.dtype,
            device=x.device,
        )
        with launch_on(x):
            _short_conv_forward_kernel[grid](
                *(y, final, x, weight, bias, state, cu_seqlens, *sizes),
                *(*x.stride(), *weight.stride(), *_conv_strides(state)),
                SILU=silu,
                **tile,
            )
        return y, final

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, dy: Tensor | None, dfinal: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, weight, bias, state, cu_seqlens = ctx.saved_tensors
        bias = None if bias is None else bias.contiguous()
        width = weight.shape[1]
        if dy is None:
            dy = torch.zeros_like(x)
        tile = _conv_tile(width, _SHORT_CONV_CONFIGURATIONS)
        grid, places, sizes = _conv_sizes(x, cu_seqlens, tile["BLOCK"])
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        partial = torch.empty(
            (places, width + (bias is not None), x.shape[2]),
            dtype=torch.float32,
            device=x.device,
        )
        dstate = None
        if state is not None:
            dstate = torch.empty(state.shape, dtype=state.dtype, device=x.device)
        with launch_on(x):
            _short_conv_backward_kernel[grid](
                *(dx, partial, dstate, x, dy, weight, bias, state, dfinal, cu_seqlens),
                *(*sizes, *x.stride(), *dy.stride(), *weight.stride()),
                *_conv_strides(state, dfinal),
                SILU=ctx.silu,
                **tile,
            )
        # of the chunks, in float32 and in a fixed order
        dweight, dbias = _conv_filter_gradients(partial.sum(0), weight, bias)
        return dx, dweight, dbias, dstate, None, None
