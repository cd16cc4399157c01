"""Gated short convolution, the LIV of LFM2: a causal filter between two gates.

    u_t = b_t * x_t        z_t = bias + sum_k weight[:, k] * u_{t - (K - 1) + k}
    y_t = c_t * z_t        with sigmoid=True: sigmoid(b), sigmoid(c) instead of b, c

weight[:, -1] meets the current token, as in F.conv1d(groups=D) after left padding.

    b, c, x (B, T, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D)
    returns y (B, T, D) and the next state, y in x's dtype, the state in its own

`state` holds the K - 1 products u before x, oldest first; None means zeros. Products
are rounded to x's dtype, as the state is, so that decoding in pieces equals one
pass; sums are kept in float32 (float64 for float64). Source: LFM2, arXiv 2511.23404.

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are
(S, K - 1, D).

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
    filter_ = (weight, bias, state)
    if _gated_conv_in_triton(b, c, x, *filter_):
        if not torch.is_grad_enabled():
            return _gated_conv_forward(b, c, x, *filter_, cu_seqlens, sigmoid, False)
        y, final = autograd(_GatedConv, *filter_, sigmoid, cu_seqlens, b, c, x)
        return y, final
    if state is None:
        rows = _seq_count(x, cu_seqlens)
        state = x.new_zeros(rows, weight.shape[1] - 1, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda b, c, x, state: gated_conv(b, c, x, weight, bias, state, sigmoid),
            (b, c, x),
            state,
            cu_seqlens,
        )
    if x.shape[1] == 1:  # one token: a few small operations, no recomputation
        if sigmoid:
            wide = torch.promote_types(x.dtype, torch.float32)
            b, c = b.to(wide).sigmoid(), c.to(wide).sigmoid()
        window = torch.cat([state.to(x.dtype), (b * x).to(x.dtype)], 1)  # (B, K, D)
        z = (window * weight.t()).sum(1, keepdim=True)  # (B, 1, D)
        z = z if bias is None else z + bias
        return (c * z).to(x.dtype), window[:, 1:].to(state.dtype)
    y, final = autograd(_GatedConv, weight, bias, state, sigmoid, None, b, c, x)
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
    """gated_conv of b, c, x side by side, (B, T, 3 D): one gradient, without a cat."""
    b, c, x = bcx.chunk(3, dim=-1)
    train = torch.is_grad_enabled() and bcx.requires_grad
    if train and _gated_conv_in_triton(b, c, x, weight, bias, state):
        y, final = autograd(_GatedConv, weight, bias, state, sigmoid, cu_seqlens, bcx)
        return y, final
    if train and x.shape[1] > 1 and cu_seqlens is None:
        if state is None:
            state = x.new_zeros(x.shape[0], weight.shape[1] - 1, x.shape[2])
        y, final = autograd(_GatedConv, weight, bias, state, sigmoid, None, bcx)
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


def _gated_conv_blocks(
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
    """Saves its inputs only; b, c, x come apart, or side by side in one tensor."""

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        bias: Tensor | None,
        state: Tensor | None,
        sigmoid: bool,
        cu_seqlens: Tensor | None,
        *bcx: Tensor,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(weight, bias, state, cu_seqlens, *bcx)
        ctx.sigmoid = sigmoid
        b, c, x = bcx if len(bcx) == 3 else bcx[0].chunk(3, dim=-1)
        if _gated_conv_in_triton(b, c, x, weight, bias, state):
            ctx.set_materialize_grads(False)
            return _gated_conv_forward(
                b, c, x, weight, bias, state, cu_seqlens, sigmoid, keep=True
            )
        assert state is not None
        return _gated_conv_blocks(b, c, x, weight, bias, state, sigmoid)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        weight, bias, state, cu_seqlens, *bcx = ctx.saved_tensors
        b, c, x = bcx if len(bcx) == 3 else bcx[0].chunk(3, dim=-1)
        if _gated_conv_in_triton(b, c, x, weight, bias, state):
            dbcx, *grads = _gated_conv_backward(
                b, c, x, weight, bias, state, cu_seqlens, ctx.sigmoid, dy, dfinal
            )
            if len(bcx) == 1:
                return *grads, None, None, dbcx
            apart = zip(dbcx.chunk(3, dim=-1), bcx, strict=True)
            return *grads, None, None, *(grad.to(like.dtype) for grad, like in apart)
        # Block by block, the last first: du of the K - 1 tokens before it is left.
        dbcx = [torch.empty_like(z) for z in bcx]
        db, dc, dx = dbcx if len(bcx) == 3 else dbcx[0].chunk(3, dim=-1)
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
        return dweight, dbias, dstate, None, None, *dbcx


# Triton


def _gated_conv_in_triton(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
) -> bool:
    why_not = _conv_why_not(weight)
    return kernels_for("gated_conv", b, c, x, weight, bias, state, why_not=why_not)


# Widest filter, then channels of a thread, tokens loaded at once, warps: so that on
# sm_90 the backward spills no register (ptxas) and the loads under way on a
# multiprocessor, registers permitting, are the 23 KiB that 4.3 TB/s at 700 ns needs:
# 150, 150, 157 registers for K = 3, 7, 16. K > 8 falls short of it.
_GATED_CONV_TILES = ((4, 4, 4, 2), (8, 2, 4, 4), (16, 1, 2, 4))


def _gated_conv_forward(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    sigmoid: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    T, D = x.shape[1:]
    final = _conv_final(x, weight.shape[1], state, cu_seqlens, keep)
    weight, bias, state, cu_seqlens = _seq_dense(weight, bias, state, cu_seqlens)
    br, cr, xr = _seq_rows(b), _seq_rows(c), _seq_rows(x)
    tile = _conv_tile(weight.shape[1], _GATED_CONV_TILES)
    if T == 1:
        tile["BT"] = 1
    grid, _, chunk = _conv_grid(x, cu_seqlens, tile["BD"])
    with launch_on(x):
        y = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        _gated_conv_forward_kernel[grid](
            br, cr, xr, weight, bias, state, y, final, cu_seqlens,
            br.stride(0), cr.stride(0), xr.stride(0), T, D, chunk,
            SIGMOID=sigmoid, **tile,
        )  # fmt: skip
    return y, final


def _gated_conv_backward(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    sigmoid: bool,
    dy: Tensor | None,
    dfinal: Tensor | None,
) -> tuple[Any, ...]:
    """The gradients of b, c and x side by side, of weight, bias and state."""
    (B, T, D), K = x.shape, weight.shape[1]
    taps, bias, state, cu_seqlens = _seq_dense(weight, bias, state, cu_seqlens)
    dy, dfinal = _seq_dense(torch.zeros_like(x) if dy is None else dy, dfinal)
    br, cr, xr = _seq_rows(b), _seq_rows(c), _seq_rows(x)
    tile = _conv_tile(K, _GATED_CONV_TILES)
    grid, places, chunk = _conv_grid(x, cu_seqlens, tile["BD"])
    rows = K + (bias is not None)  # of a chunk: for each tap, then for the bias
    partial = torch.empty((places, rows, D), dtype=torch.float32, device=x.device)
    dstate = None if state is None else torch.empty_like(state)
    with launch_on(x):
        dbcx = _seq_empty(x, cu_seqlens, (B, T, 3 * D), x.dtype)
        _gated_conv_backward_kernel[grid](
            br, cr, xr, dy, taps, bias, state, dfinal, dbcx, partial, dstate,
            cu_seqlens, br.stride(0), cr.stride(0), xr.stride(0), T, D, chunk,
            SIGMOID=sigmoid, **tile,
        )  # fmt: skip
    # of the chunks, in float32 and in a fixed order
    dweight, dbias = _conv_filter_gradients(partial.sum(0), weight, bias)
    return dbcx, dweight, dbias, dstate


if triton is not None:

    @triton.jit
    def _gated_conv_product(b, x, like, SIGMOID: tl.constexpr):
        """b * x, rounded as the state is: to the dtype of x."""
        if SIGMOID:
            b = tl.sigmoid(b)
        return (b * x).to(like.dtype.element_ty).to(tl.float32)

    @triton.jit
    def _gated_conv_past(
        b, x, state, t, T, b_stride, x_stride, D, inside,
        SIGMOID: tl.constexpr, K: tl.constexpr,
    ):  # fmt: skip
        """u at token t, which may lie before the sequence: then from the state."""
        own = inside & (t >= 0) & (t < T)
        xt = _conv_load(x + t * x_stride, own)
        u = _gated_conv_product(_conv_load(b + t * b_stride, own), xt, x, SIGMOID)
        if state is not None:
            u += _conv_load(state + (t + K - 1) * D, inside & (t < 0))
        return u

    @triton.jit(do_not_specialize=["T", "chunk"])
    def _gated_conv_forward_kernel(
        b, c, x, weight, bias, state, y, final, cu_seqlens,
        b_stride, c_stride, x_stride, T, D, chunk,
        SIGMOID: tl.constexpr, K: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """A program walks one chunk of tokens with the last K - 1 products at hand.

        After one token `final` may be `state`: rows move on by one, the first first.
        """
        d, inside, _, s, bos, T, first = _conv_span(cu_seqlens, T, D, chunk, BD)
        b += bos * b_stride + d
        c += bos * c_stride + d
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
            u = _gated_conv_past(
                b, x, state, t, T, b_stride, x_stride, D, inside, SIGMOID, K
            )
            window = window + (u,)
        stop = tl.minimum(first + chunk, T)
        for step in range(0, tl.cdiv(stop - first, BT).to(tl.int32)):
            t = first + step * BT
            # All loads stand before the stores, which they may not pass.
            loaded: tl.tuple = ()
            for i in tl.static_range(BT):
                here = inside & (t + i < T)
                gate_b = tl.load(b + (t + i) * b_stride, mask=here, other=0.0)
                gate_c = tl.load(c + (t + i) * c_stride, mask=here, other=0.0)
                value = tl.load(x + (t + i) * x_stride, mask=here, other=0.0)
                loaded = loaded + ((gate_b, gate_c, value),)
            for i in tl.static_range(BT):
                gate_c = loaded[i][1].to(tl.float32)
                if SIGMOID:
                    gate_c = tl.sigmoid(gate_c)
                value = loaded[i][2].to(tl.float32)
                u = _gated_conv_product(loaded[i][0].to(tl.float32), value, x, SIGMOID)
                z = tl.fma(taps[K - 1], u, shift)
                for k in tl.static_range(K - 1):
                    z = tl.fma(taps[k], window[k], z)
                window = window[1:] + (u,)
                tl.store(y + (t + i) * D, gate_c * z, mask=inside & (t + i < T))
        if (first <= T) & (first + chunk >= T):
            last = final + s * (K - 1) * D + d
            for k in tl.static_range(K - 1):
                late = T - (K - 1) + k
                u = _gated_conv_past(
                    b, x, state, late, T, b_stride, x_stride, D, inside, SIGMOID, K
                )
                tl.store(last + k * D, u, mask=inside)

    @triton.jit(do_not_specialize=["T", "chunk"])
    def _gated_conv_backward_kernel(
        b, c, x, dy, weight, bias, state, dfinal, dbcx, partial, dstate, cu_seqlens,
        b_stride, c_stride, x_stride, T, D, chunk,
        SIGMOID: tl.constexpr, K: tl.constexpr, BT: tl.constexpr, BD: tl.constexpr,
    ):  # fmt: skip
        """A program walks one chunk backwards in time, with two windows of K - 1.

        At token t the window of dz = c * dy holds the tokens after t, which b, x and
        the filter need; that of u completes z, and so dc, of token t + K - 1.
        """
        d, inside, place, s, bos, T, first = _conv_span(cu_seqlens, T, D, chunk, BD)
        b += bos * b_stride + d
        c += bos * c_stride + d
        x += bos * x_stride + d
        dy += bos * D + d
        db = dbcx + bos * 3 * D + d
        dc = db + D
        dx = dc + D
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
        us: tl.tuple = ()
        dzs: tl.tuple = ()
        for k in tl.static_range(K - 1):
            here = inside & (top + k < T)
            gate_c = _conv_load(c + (top + k) * c_stride, here)
            if SIGMOID:
                gate_c = tl.sigmoid(gate_c)
            dzs = dzs + (gate_c * _conv_load(dy + (top + k) * D, here),)
            us = us + (tl.zeros((BD,), tl.float32),)
        for step in range(0, steps):
            low = top - (step + 1) * BT
            loaded: tl.tuple = ()
            for i in tl.static_range(BT):  # the last token first
                t = low + BT - 1 - i
                late = t + K - 1
                here = inside & (t < T)
                there = inside & (late < stop)
                gate_b = tl.load(b + t * b_stride, mask=here, other=0.0)
                gate_c = tl.load(c + t * c_stride, mask=here, other=0.0)
                value = tl.load(x + t * x_stride, mask=here, other=0.0)
                grad = tl.load(dy + t * D, mask=here, other=0.0)
                late_grad = tl.load(dy + late * D, mask=there, other=0.0)
                late_c = late_grad
                if SIGMOID:
                    late_c = tl.load(c + late * c_stride, mask=there, other=0.0)
                loaded = loaded + ((gate_b, gate_c, value, grad, late_grad, late_c),)
            for i in tl.static_range(BT):
                t = low + BT - 1 - i
                late = t + K - 1
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
                du = tl.zeros((BD,), tl.float32)
                if dfinal is not None:
                    kept = t - T + K - 1  # row of the final state
                    here = inside & (kept >= 0) & (t < T)
                    du = _conv_load(dfinal + kept * D, here)
                sums: tl.tuple = ()
                for k in tl.static_range(K):
                    z = tl.fma(taps[k], us[k], z)
                    du = tl.fma(taps[k], dzs[K - 1 - k], du)
                    sums = sums + (tl.fma(u, dzs[K - 1 - k], dtaps[k]),)
                dtaps = sums
                dshift += dzs[0]
                us = us[: K - 1]
                dzs = dzs[: K - 1]
                dgate_b = du * value
                dgate_c = z * loaded[i][4].to(tl.float32)
                if SIGMOID:
                    dgate_b *= gate_b * (1 - gate_b)
                    late_c = tl.sigmoid(loaded[i][5].to(tl.float32))
                    dgate_c *= late_c * (1 - late_c)
                here = inside & (t < T)
                tl.store(db + t * 3 * D, dgate_b, mask=here)
                tl.store(dx + t * 3 * D, du * gate_b, mask=here)
                tl.store(dc + late * 3 * D, dgate_c, mask=inside & (late < stop))
        # The K - 1 tokens before the chunk: their u completes dc. Before the sequence
        # they are the state, which has gradients too.
        for i in tl.static_range(K - 1):
            t = first - 1 - i
            late = t + K - 1
            u = _gated_conv_past(
                b, x, state, t, T, b_stride, x_stride, D, inside, SIGMOID, K
            )
            us = (u,) + us
            dzs = (tl.zeros((BD,), tl.float32),) + dzs
            z = shift
            for k in tl.static_range(K):
                z = tl.fma(taps[k], us[k], z)
            there = inside & (late < stop)
            dgate_c = z * _conv_load(dy + late * D, there)
            if SIGMOID:
                late_c = tl.sigmoid(_conv_load(c + late * c_stride, there))
                dgate_c *= late_c * (1 - late_c)
            tl.store(dc + late * 3 * D, dgate_c, mask=there & (late >= first))
            if state is not None:
                start = first == 0
                du = tl.zeros((BD,), tl.float32)
                if dfinal is not None:
                    kept = t - T + K - 1
                    du = _conv_load(dfinal + kept * D, inside & start & (kept >= 0))
                sums = ()
                for k in tl.static_range(K):
                    du = tl.fma(taps[k], dzs[K - 1 - k], du)
                    more = tl.where(start, u * dzs[K - 1 - k], 0.0)
                    sums = sums + (dtaps[k] + more,)
                dtaps = sums
                tl.store(dstate + (t + K - 1) * D, du, mask=inside & start)
            us = us[: K - 1]
            dzs = dzs[: K - 1]
        rows = K + (bias is not None)
        partial += place.to(tl.int64) * rows * D + d
        for k in tl.static_range(K):
            tl.store(partial + k * D, dtaps[k], mask=inside)
        if bias is not None:
            tl.store(partial + K * D, dshift, mask=inside)
