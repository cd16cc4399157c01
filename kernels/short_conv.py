"""Causal depthwise convolution over time, with an optional SiLU.

    z_t = bias + sum_k weight[:, k] * x_{t - (K - 1) + k}        y = z or silu(z)

weight[:, -1] meets the current token, as in F.conv1d(groups=D) after left padding.

    x (B, T, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D) or None
    returns y (B, T, D) and the next state, y in x's dtype, the state in its own

`state` holds the K - 1 inputs before x, oldest first; None means zeros. Sums are
kept in float32 (float64 for float64). Source: the input convolution of Mamba, arXiv
2312.00752, section 3.4.

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are
(S, K - 1, D).

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
    _conv_final,
    _conv_grid,
    _conv_taps,
    _conv_tile,
    _conv_why_not,
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
    silu, tensors = activation is not None, (x, weight, bias, state)
    if _short_conv_in_triton(*tensors):
        if not torch.is_grad_enabled():
            return _short_conv_forward(*tensors, cu_seqlens, silu, keep=False)
        y, final = autograd(_ShortConv, *tensors, silu, cu_seqlens)
        return y, final
    if state is None:
        rows = _seq_count(x, cu_seqlens)
        state = x.new_zeros(rows, weight.shape[1] - 1, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, state: short_conv(x, weight, bias, state, activation),
            (x,),
            state,
            cu_seqlens,
        )
    if x.shape[1] == 1:  # one token: a few small operations, no recomputation
        window = torch.cat([state.to(x.dtype), x], 1)  # (B, K, D)
        z = (window * weight.t()).sum(1, keepdim=True)  # (B, 1, D)
        z = z if bias is None else z + bias
        y = (F.silu(z) if silu else z).to(x.dtype)
        return y, window[:, 1:].to(state.dtype)
    y, final = autograd(_ShortConv, x, weight, bias, state, silu)
    return y, final


def _short_conv_window(x: Tensor, state: Tensor, start: int, stop: int) -> Tensor:
    """Tokens start to stop and the K - 1 before them, in float32."""
    first = max(0, start - state.shape[1])
    u = x[:, first:stop].to(torch.promote_types(x.dtype, torch.float32))
    old = state[:, start:].to(u.dtype)
    return torch.cat([old, u], 1) if old.shape[1] else u


def _short_conv_blocks(
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
        state: Tensor | None,
        silu: bool,
        cu_seqlens: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        tensors, ctx.silu = (x, weight, bias, state), silu
        ctx.save_for_backward(*tensors, cu_seqlens)
        if _short_conv_in_triton(*tensors):
            ctx.set_materialize_grads(False)
            return _short_conv_forward(*tensors, cu_seqlens, silu, keep=True)
        assert state is not None
        return _short_conv_blocks(x, weight, bias, state, silu)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, state, cu_seqlens = ctx.saved_tensors
        if _short_conv_in_triton(x, weight, bias, state):
            return _short_conv_backward(
                x, weight, bias, state, cu_seqlens, ctx.silu, dy, dfinal
            )
        # Block by block, the last first: du of the K - 1 tokens before it is left.
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
        return dx, dweight, dbias, before.to(state.dtype), None, None


# Triton


def _short_conv_in_triton(x: Tensor, weight: Tensor, *more: Tensor | None) -> bool:
    return kernels_for("short_conv", x, weight, *more, why_not=_conv_why_not(weight))


# Widest filter, then channels of a thread, tokens loaded at once, warps: so that on
# sm_90 the backward spills no register (ptxas) and the loads under way on a
# multiprocessor, registers permitting, are the 23 KiB that 4.3 TB/s at 700 ns needs:
# 128 registers for K = 4, 8, 16. K > 4 falls short of it.
_SHORT_CONV_TILES = ((4, 4, 4, 2), (8, 2, 4, 4), (16, 1, 2, 4))


def _short_conv_forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    silu: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    T, D = x.shape[1:]
    final = _conv_final(x, weight.shape[1], state, cu_seqlens, keep)
    weight, bias, state, cu_seqlens = _seq_dense(weight, bias, state, cu_seqlens)
    tile, xr = _conv_tile(weight.shape[1], _SHORT_CONV_TILES), _seq_rows(x)
    if T == 1:
        tile["BT"] = 1
    grid, _, chunk = _conv_grid(x, cu_seqlens, tile["BD"])
    with launch_on(x):
        y = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        _short_conv_forward_kernel[grid](
            xr, weight, bias, state, y, final, cu_seqlens,
            xr.stride(0), T, D, chunk, SILU=silu, **tile,
        )  # fmt: skip
    return y, final


def _short_conv_backward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    silu: bool,
    dy: Tensor | None,
    dfinal: Tensor | None,
) -> tuple[Tensor | None, ...]:
    (T, D), K = x.shape[1:], weight.shape[1]
    taps, bias, state, cu_seqlens = _seq_dense(weight, bias, state, cu_seqlens)
    dy, dfinal = _seq_dense(torch.zeros_like(x) if dy is None else dy, dfinal)
    tile, xr = _conv_tile(K, _SHORT_CONV_TILES), _seq_rows(x)
    grid, places, chunk = _conv_grid(x, cu_seqlens, tile["BD"])
    rows = K + (bias is not None)  # of a chunk: for each tap, then for the bias
    partial = torch.empty((places, rows, D), dtype=torch.float32, device=x.device)
    dstate = None if state is None else torch.empty_like(state)
    with launch_on(x):
        dx = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        _short_conv_backward_kernel[grid](
            xr, dy, taps, bias, state, dfinal, dx, partial, dstate, cu_seqlens,
            xr.stride(0), T, D, chunk, SILU=silu, **tile,
        )  # fmt: skip
    # of the chunks, in float32 and in a fixed order
    dweight, dbias = _conv_filter_gradients(partial.sum(0), weight, bias)
    return dx, dweight, dbias, dstate, None, None


if triton is not None:

    @triton.jit
    def _short_conv_input(x, state, t, T, stride, D, inside, K: tl.constexpr):
        """x at token t, which may lie before the sequence: then from the state."""
        u = _conv_load(x + t * stride, inside & (t >= 0) & (t < T))
        if state is not None:
            u += _conv_load(state + (t + K - 1) * D, inside & (t < 0))
        return u

    @triton.jit
    def _short_conv_dz(z, dy, SILU: tl.constexpr):
        """dy through the activation: silu'(z) = gate * (1 + z * (1 - gate))."""
        if SILU:
            gate = tl.sigmoid(z)
            dy *= gate * (1 + z * (1 - gate))
        return dy

    @triton.jit(do_not_specialize=["T", "chunk"])
    def _short_conv_forward_kernel(
        x, weight, bias, state, y, final, cu_seqlens, x_stride, T, D, chunk,
        SILU: tl.constexpr, K: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """A program walks one chunk of tokens with the last K - 1 inputs at hand.

        After one token `final` may be `state`: rows move on by one, the first first.
        """
        d, inside, _, s, bos, T, first = _conv_span(cu_seqlens, T, D, chunk, BD)
        x += bos * x_stride + d
        y += bos * D + d
        if state is not None:
            state += s * (K - 1) * D + d
        shift = tl.zeros((BD,), tl.float32)
        if bias is not None:
            shift = _conv_load(bias + d, inside)
        taps: tl.tuple = ()
        for k in tl.static_range(K):
            taps = taps + (_conv_load(weight + d * K + k, inside),)
        window: tl.tuple = ()
        for k in tl.static_range(K - 1):
            t = first - (K - 1) + k
            u = _short_conv_input(x, state, t, T, x_stride, D, inside, K)
            window = window + (u,)
        stop = tl.minimum(first + chunk, T)
        for step in range(0, tl.cdiv(stop - first, BT).to(tl.int32)):
            t = first + step * BT
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(BT):
                here = inside & (t + i < T)
                u = tl.load(x + (t + i) * x_stride, mask=here, other=0.0)
                loaded = loaded + (u,)
            for i in tl.static_range(BT):
                u = loaded[i].to(tl.float32)
                z = tl.fma(taps[K - 1], u, shift)
                for k in tl.static_range(K - 1):
                    z = tl.fma(taps[k], window[k], z)
                window = window[1:] + (u,)
                if SILU:
                    z *= tl.sigmoid(z)
                tl.store(y + (t + i) * D, z, mask=inside & (t + i < T))
        if (first <= T) & (first + chunk >= T):
            last = final + s * (K - 1) * D + d
            for k in tl.static_range(K - 1):
                late = T - (K - 1) + k
                u = _short_conv_input(x, state, late, T, x_stride, D, inside, K)
                tl.store(last + k * D, u, mask=inside)

    @triton.jit(do_not_specialize=["T", "chunk"])
    def _short_conv_backward_kernel(
        x, dy, weight, bias, state, dfinal, dx, partial, dstate, cu_seqlens,
        x_stride, T, D, chunk,
        SILU: tl.constexpr, K: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """A program walks one chunk backwards in time, with two windows of K - 1.

        At token t the window of inputs holds those before t, which complete z and with
        it dz; that of dz holds the tokens after t, which complete dx.
        """
        d, inside, place, s, bos, T, first = _conv_span(cu_seqlens, T, D, chunk, BD)
        x += bos * x_stride + d
        dy += bos * D + d
        dx += bos * D + d
        if state is not None:
            state += s * (K - 1) * D + d
            dstate += s * (K - 1) * D + d
        if dfinal is not None:
            dfinal += s * (K - 1) * D + d
        shift = tl.zeros((BD,), tl.float32)
        if bias is not None:
            shift = _conv_load(bias + d, inside)
        taps: tl.tuple = ()
        dtaps: tl.tuple = ()
        for k in tl.static_range(K):
            taps = taps + (_conv_load(weight + d * K + k, inside),)
            dtaps = dtaps + (tl.zeros((BD,), tl.float32),)
        dshift = tl.zeros((BD,), tl.float32)
        stop = tl.minimum(first + chunk, T)
        steps = tl.maximum(tl.cdiv(stop - first, BT), 0).to(tl.int32)
        top = first + steps * BT
        us: tl.tuple = ()  # the tokens from t - (K - 1) on
        for k in tl.static_range(K - 1):
            u = _short_conv_input(x, state, top + k, T, x_stride, D, inside, K)
            us = us + (u,)
        dzs: tl.tuple = ()  # the tokens after the chunk, whose dz this chunk needs
        for i in tl.static_range(K - 1):
            t = top + K - 2 - i
            u = _short_conv_input(x, state, t - (K - 1), T, x_stride, D, inside, K)
            us = (u,) + us
            z = shift
            for k in tl.static_range(K):
                z = tl.fma(taps[k], us[k], z)
            after = _conv_load(dy + t * D, inside & (t < T))
            dzs = (_short_conv_dz(z, after, SILU),) + dzs
            us = us[: K - 1]
        for step in range(0, steps):
            low = top - (step + 1) * BT
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(BT):  # the last token first
                t = low + BT - 1 - i
                u = _short_conv_input(x, state, t - (K - 1), T, x_stride, D, inside, K)
                grad = tl.load(dy + t * D, mask=inside & (t < T), other=0.0)
                loaded = loaded + ((u, grad),)
            for i in tl.static_range(BT):
                t = low + BT - 1 - i
                us = (loaded[i][0],) + us
                z = shift
                for k in tl.static_range(K):
                    z = tl.fma(taps[k], us[k], z)
                dz = _short_conv_dz(z, loaded[i][1].to(tl.float32), SILU)
                dzs = (dz,) + dzs
                du = tl.zeros((BD,), tl.float32)
                if dfinal is not None:
                    late = t - T + K - 1  # row of the final state
                    here = inside & (late >= 0) & (t < T)
                    du = _conv_load(dfinal + late * D, here)
                sums: tl.tuple = ()
                for k in tl.static_range(K):
                    du = tl.fma(taps[k], dzs[K - 1 - k], du)
                    sums = sums + (tl.fma(dz, us[k], dtaps[k]),)
                dtaps = sums
                dshift += dz
                us = us[: K - 1]
                dzs = dzs[: K - 1]
                tl.store(dx + t * D, du, mask=inside & (t < T))
        if state is not None:
            if first == 0:
                for j in tl.static_range(K - 1):
                    du = tl.zeros((BD,), tl.float32)
                    if dfinal is not None:  # an old input that is still in the state
                        late = j - T
                        du = _conv_load(dfinal + late * D, inside & (late >= 0))
                    for k in tl.static_range(j + 1):
                        du = tl.fma(taps[k], dzs[j - k], du)
                    tl.store(dstate + j * D, du, mask=inside)
        rows = K + (bias is not None)
        partial += place.to(tl.int64) * rows * D + d
        for k in tl.static_range(K):
            tl.store(partial + k * D, dtaps[k], mask=inside)
        if bias is not None:
            tl.store(partial + K * D, dshift, mask=inside)
