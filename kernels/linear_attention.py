"""Causal linear attention: softmax attention with a feature map in place of exp.

    S_t = sum_{j <= t} k_j v_j^T        z_t = sum_{j <= t} k_j
    y_t = q_t S_t / (q_t . z_t + 1e-6)        with normalize=False: q_t S_t / sqrt(K)

    q (B, T, H, K)    k (B, T, G, K)    v (B, T, G, V), each k, v for H / G heads
    returns y (B, T, H, V) in q's dtype and the next state (B, G, K, V + 1): S and z

With cu_seqlens, sequences packed as kernels/sequences.py says, states are
(sequences, G, K, V + 1).

The feature map, which must not be negative if y is normalized, has been applied to q
and k. Everything is computed in float32 (float64 for float64), the state too; None
means zeros. A column of ones beside v makes z a part of S. Chunks of 64 tokens: a
masked 64 x 64 matrix inside, states between. Source: Katharopoulos et al. 2020,
arXiv 2006.16236, equations 9 to 12 and 18 to 20.

On a GPU: a walk over tiles with the state on the chip, which reads q, k, v once (k,
v once for each query head) and writes y divided. For the gradients it writes the
state down every 256 tokens (64 in other dtypes; in bfloat16 for bfloat16 q). A walk
back in time holds the state's gradient, writes that of v, and the state's as often;
then all tiles of 64 tokens are independent, walk from there to their own borders,
and sum k's gradient over the heads of a group. With M the bytes of q, as many of k
and v, at K = V = 128 in bfloat16: 4.6 M forward, 13.7 M backward, as the interpreter
counts them. No atomics: two runs are equal to the bit. bfloat16 multiplies on tensor
cores in bfloat16, float16 in TF32, float32 in three TF32 products, its gradients on
the plain units. One token without gradients changes `state` in place and returns
that tensor.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.chunks import (
    _chunk_gradients,
    _chunk_join,
    _chunk_rows,
    _chunk_split,
)
from kernels.dispatch import autograd, kernels_for, launch_on
from kernels.sequences import (
    _seq_apart,
    _seq_count,
    _seq_dense,
    _seq_empty,
    _seq_places,
)

try:
    import triton
    import triton.language as tl

    from kernels.chunks import _chunk_cast, _chunk_dot, _chunk_load, _chunk_turned
    from kernels.sequences import _seq_place, _seq_span, _seq_tile
except ImportError:
    triton = None


def linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    state: Tensor | None = None,
    normalize: bool = True,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the next state."""
    tensors = (q, k, v, state)
    if kernels_for("linear_attention", *tensors, why_not=_la_why_not(q, v)):
        if _chunk_gradients(*tensors):
            y, last = autograd(_LinearAttention, *tensors, normalize, cu_seqlens)
            return y, last
        if q.shape[1] == 1 and cu_seqlens is None:
            return _la_token(*tensors, normalize)
        return _la_forward(*tensors, normalize, cu_seqlens, keep=False)[:2]
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        size = (_seq_count(q, cu_seqlens), *k.shape[2:], v.shape[3] + 1)
        state = q.new_zeros(size, dtype=dtype)
    if cu_seqlens is not None:
        one = partial(linear_attention, normalize=normalize)
        return _seq_apart(one, (q, k, v), state, cu_seqlens)
    wide = torch.unflatten(q.to(dtype), 2, (k.shape[2], -1))  # (B, T, G, H/G, K)
    k, v = k.to(dtype), F.pad(v.to(dtype), (0, 1), value=1.0)
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        if q.shape[1] == 1:
            last = state + k[:, 0].unsqueeze(3) * v[:, 0].unsqueeze(2)  # (B, G, K, V+1)
            y = (wide[:, 0] @ last).unsqueeze(1)  # (B, 1, G, H/G, V+1)
        else:
            y, last = _linear_attention_chunks(wide, k, v, state)
    y = y.flatten(2, 3)  # (B, T, H, V + 1)
    if normalize:
        y = y[..., :-1] / (y[..., -1:] + 1e-6)
    else:
        y = y[..., :-1] * q.shape[3] ** -0.5
    return y.to(q.dtype), last


def _linear_attention_chunks(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Letters: N chunks of Q tokens, R query heads for each k and v."""
    length, repeat = q.shape[1], q.shape[3]
    chunk = 64
    # padded keys are zeros: they add nothing to S and z
    k = _chunk_split(k, chunk).transpose(2, 3)  # (B, N, G, Q, K)
    v = _chunk_split(v, chunk).transpose(2, 3)  # (B, N, G, Q, V + 1)
    q = _chunk_split(q, chunk).permute(0, 1, 3, 4, 2, 5).flatten(3, 4)
    future = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.transpose(3, 4)  # (B, N, G, RQ, Q)
    scores = scores.masked_fill(future.repeat(repeat, 1), 0)
    states = torch.cat([state.to(q.dtype).unsqueeze(1), k.transpose(3, 4) @ v], 1)
    states = states.cumsum(1)  # (B, N + 1, G, K, V + 1)
    y = scores @ v + q @ states[:, :-1]  # (B, N, G, RQ, V + 1)
    y = torch.unflatten(y, 3, (repeat, chunk)).permute(0, 1, 4, 2, 3, 5)
    return _chunk_join(y, length), states[:, -1].clone()


# Triton


class _LinearAttention(torch.autograd.Function):
    """Saves its inputs, y, 1 / the divisors, and a state every KEEP tokens.

    Plain PyTorch needs none.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        state: Tensor | None,
        normalize: bool,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, *kept = _la_forward(q, k, v, state, normalize, cu_seqlens, keep=True)
        ctx.save_for_backward(q, k, v, y if normalize else None, *kept, cu_seqlens)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *grads, dstate = _la_backward(dy, dlast, *ctx.saved_tensors)
        if ctx.state_dtype is None:
            return *grads, None, None, None
        return *grads, dstate.to(ctx.state_dtype), None, None


def _la_why_not(q: Tensor, v: Tensor) -> str:
    """What the kernels do not serve; empty if they do."""
    K, V = q.shape[3], v.shape[3]
    if K > 128 or V > 256:
        return f"{K} key channels > 128 or {V} of a value > 256"
    if K > 64 and q.dtype == torch.float32:
        return f"{K} key channels > 64 in float32"
    return ""


def _la_tile(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """BT tokens, BK key channels (all, padded; in the backward a part), BV of a value;
    KEEP tokens from one state that is written down to the next; DOT, as products are
    made: the largest that compile without spills on sm_90.
    """
    BK = max(16, triton.next_power_of_2(q.shape[3]))
    wide, half = q.dtype != torch.bfloat16, q.dtype == torch.float16
    DOT, BT, KEEP, BV = "tf32x3" if wide else "bf16", 64, 256, 64
    if torch.version.hip is not None:
        DOT, BT, KEEP, BV = "ieee" if wide else "bf16", 32, 128, 16
    elif wide:
        BT, KEEP = 32 if BK == 16 and half else 16, 64
        BV = 32 if half and not backward else 16
        if half:
            DOT = "tf32"  # as many bits as float16 has
        elif backward and BK >= 32:
            DOT = "ieee"  # on the plain arithmetic units: fewer registers
    elif not backward:
        BV = 32
    return {
        "BT": BT,
        "KEEP": KEEP,
        "BK": min(BK, 32) if backward else BK,
        "BV": min(BV, max(16, triton.next_power_of_2(v.shape[3]))),
        "DOT": DOT,
        "num_warps": 8 if BK >= (32 if backward else 64) or not wide else 4,
        "num_stages": 1,
    }


def _la_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    state: Tensor | None,
    normalize: bool,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """y, the last state, 1 / the divisors, and, to keep, S and z every KEEP tokens."""
    (B, T, H, K), (G, V) = q.shape, v.shape[2:]
    state, cu_seqlens = _seq_dense(state, cu_seqlens)
    qr, kr, vr = _chunk_rows(q), _chunk_rows(k), _chunk_rows(v)
    tile, S = _la_tile(q, v, False), _seq_count(q, cu_seqlens)
    last = q.new_empty((S, G, K, V + 1), dtype=torch.float32)
    over = starts = z_starts = None
    if keep:
        kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
        kept = _seq_places(q, cu_seqlens, tile["KEEP"])
        starts = q.new_empty((kept, G, K, V), dtype=kind)
        z_starts = q.new_empty((kept, G, K), dtype=torch.float32)
    with launch_on(q):
        y = _seq_empty(q, cu_seqlens, (B, T, H, V), q.dtype)
        if normalize:
            over = _seq_empty(q, cu_seqlens, (B, T, H), torch.float32)
        _la_forward_kernel[S * H, triton.cdiv(V, tile["BV"])](
            qr, kr, vr, state, y, over, last, starts, z_starts, cu_seqlens,
            qr.stride(0), kr.stride(0), vr.stride(0), T, H, G, K, V, **tile,
        )  # fmt: skip
    return y, last, over, starts, z_starts


def _la_backward(
    dy: Tensor,
    dlast: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    y: Tensor | None,
    over: Tensor | None,
    starts: Tensor,
    z_starts: Tensor,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, ...]:
    """The gradients of q, k, v and state."""
    (_, T, H, K), (G, V) = q.shape, v.shape[2:]
    dy, dlast, cu_seqlens = _seq_dense(dy, dlast, cu_seqlens)
    qr, kr, vr = _chunk_rows(q), _chunk_rows(k), _chunk_rows(v)
    strides = qr.stride(0), kr.stride(0), vr.stride(0)
    ends, z_ends = torch.empty_like(starts), torch.empty_like(z_starts)
    ddown, dstate = None, torch.empty_like(dlast)
    tile, S = _la_tile(q, v, False), _seq_count(q, cu_seqlens)
    with launch_on(q):
        dq, dk, dv = (_seq_empty(z, cu_seqlens, z.shape, z.dtype) for z in (q, k, v))
        if over is not None:
            ddown, rows = torch.empty_like(over), over.numel()
            BV = triton.next_power_of_2(V)
            BR = max(1, 4096 // BV)  # 32 numbers a thread
            _la_divisor_kernel[(triton.cdiv(rows, BR),)](
                y, over, dy, ddown, rows, V, BR=BR, BV=BV, num_warps=4
            )
        _la_ends_kernel[S * G, triton.cdiv(V, tile["BV"])](
            qr, kr, over, ddown, dy, dlast, dv, ends, z_ends, dstate, cu_seqlens,
            *strides[:2], T, H, G, K, V, **tile,
        )  # fmt: skip
        tile = _la_tile(q, v, True)
        programs = starts.shape[0] * (tile["KEEP"] // tile["BT"])
        _la_backward_kernel[programs, G, triton.cdiv(K, tile["BK"])](
            qr, kr, vr, over, ddown, dy, starts, ends, z_starts, z_ends, dq, dk,
            cu_seqlens, *strides, T, H, G, K, V, **tile,
        )  # fmt: skip
    return dq, dk, dv, dstate


def _la_token(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor | None, normalize: bool
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (B, _, H, K), (G, V) = q.shape, v.shape[2:]
    last = (
        q.new_empty((B, G, K, V + 1), dtype=torch.float32)
        if state is None
        else state.contiguous()
    )
    state = None if state is None else last
    y = q.new_empty((B, 1, H, V))
    q, k, v = _chunk_rows(q), _chunk_rows(k), _chunk_rows(v)
    BK = max(16, triton.next_power_of_2(K))
    with launch_on(q):
        _la_token_kernel[(B * G,)](
            q, k, v, state, y, last, q.stride(0), k.stride(0), v.stride(0), H, G, K, V,
            NORMALIZE=normalize, BK=BK, BV=2048 // BK,  # 16 numbers a thread
            num_warps=4,
        )  # fmt: skip
    return y, last


if triton is not None:

    @triton.jit(do_not_specialize=["T"])
    def _la_forward_kernel(
        q, k, v, state, y, over, last, starts, z_starts, cu_seqlens,
        q_stride, k_stride, v_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One query head, BV channels of the values, of one sequence.

        The first head of a group writes its states.
        """
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        g, leads = h // (H // G), h % (H // G) == 0
        bos, T = _seq_span(cu_seqlens, s, T)
        keeps = _seq_place(cu_seqlens, s, bos, T, KEEP)
        t, n = tl.arange(0, BT), tl.arange(0, BK)
        p = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (n < K)[:, None] & (p < V)[None, :]
        at = (s.to(tl.int64) * G + g) * K * (V + 1) + n * (V + 1)
        tile, at_z = at[:, None] + p[None, :], at + V
        now = tl.zeros((BK, BV), tl.float32)
        z = tl.zeros((BK,), tl.float32)
        if state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            z += tl.load(state + at_z, n < K, 0.0).to(tl.float32)
        q += bos * q_stride + h * K
        k += bos * k_stride + g * K
        v += bos * v_stride + g * V
        y += (bos * H + h) * V
        if over is not None:
            over += bos * H + h
        for begin in range(0, T, BT):
            if starts is not None and leads and begin % KEEP == 0:
                place = ((keeps + begin // KEEP) * G + g) * K
                to = starts + place * V + n[:, None] * V + p[None, :]
                tl.store(to, now, inside)
                tl.store(z_starts + place + n, z, (n < K) & (tl.program_id(1) == 0))
            rest = T - begin
            qs = _chunk_load(q, t, rest, q_stride, n, K).to(tl.float32)
            k_t = _chunk_turned(k, t, rest, k_stride, n, K).to(tl.float32)
            mix = _chunk_dot(qs, k_t, DOT)
            mix = tl.where(t[:, None] >= t[None, :], mix, 0.0)
            vs = _chunk_load(v, t, rest, v_stride, p, V)
            out = _chunk_dot(mix, vs, DOT, _chunk_dot(qs, now, DOT))
            if over is not None:
                down = tl.sum(mix, 1) + tl.sum(qs * z[None, :], 1)
                part = 1.0 / (down + 1e-6)
                out *= part[:, None]
                tl.store(over + t * H, part, (t < rest) & (tl.program_id(1) == 0))
                over += BT * H
            else:
                out *= tl.rsqrt(tl.full((), K, tl.float32))
            to = y + t[:, None] * H * V + p[None, :]
            tl.store(to, out, (t < rest)[:, None] & (p < V)[None, :])
            now = _chunk_dot(k_t, vs, DOT, now)
            z += tl.sum(k_t, 1)
            q, k = q + BT * q_stride, k + BT * k_stride
            v, y = v + BT * v_stride, y + BT * H * V
        if leads:
            tl.store(last + tile, now, inside)
            if tl.program_id(1) == 0:
                tl.store(last + at_z, z, n < K)

    @triton.jit(do_not_specialize=["rows"])
    def _la_divisor_kernel(
        y, over, dy, ddown, rows, V, BR: tl.constexpr, BV: tl.constexpr
    ):
        """The gradient of the divisor of each token and head: -(dy . y) / divisor."""
        r = tl.program_id(0).to(tl.int64) * BR + tl.arange(0, BR)
        p = tl.arange(0, BV)
        inside, at = (r < rows)[:, None] & (p < V)[None, :], r[:, None] * V + p[None, :]
        dys = tl.load(dy + at, inside, 0.0).to(tl.float32)
        ys = tl.load(y + at, inside, 0.0).to(tl.float32)
        part = tl.load(over + r, r < rows, 0.0)
        tl.store(ddown + r, -tl.sum(dys * ys, 1) * part, r < rows)

    @triton.jit
    def _la_gradient(dy, over, t, T, H, p, V, K, TURNED: tl.constexpr):
        """What comes to q S: dy over the divisor, (BT, BV), or turned."""
        if TURNED:
            dys = _chunk_turned(dy, t, T, H * V, p, V).to(tl.float32)
        else:
            dys = _chunk_load(dy, t, T, H * V, p, V).to(tl.float32)
        if over is not None:
            part = tl.load(over + t * H, t < T, 0.0)
            dys *= part[None, :] if TURNED else part[:, None]
        else:
            dys *= tl.rsqrt(tl.full((), K, tl.float32))
        return dys

    @triton.jit(do_not_specialize=["T"])
    def _la_ends_kernel(
        q, k, over, ddown, dy, dlast, dv, ends, z_ends, dstate, cu_seqlens,
        q_stride, k_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One group, BV channels of its values, back in time: the gradients of v and
        of the state at the end of each KEEP tokens.
        """
        s, g = tl.program_id(0) // G, (tl.program_id(0) % G).to(tl.int64)
        bos, T = _seq_span(cu_seqlens, s, T)
        keeps = _seq_place(cu_seqlens, s, bos, T, KEEP)
        t, n = tl.arange(0, BT), tl.arange(0, BK)
        p = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (n < K)[:, None] & (p < V)[None, :]
        at = (s.to(tl.int64) * G + g) * K * (V + 1) + n * (V + 1)
        tile, at_z = at[:, None] + p[None, :], at + V
        now = tl.load(dlast + tile, inside, 0.0).to(tl.float32)
        z = tl.load(dlast + at_z, n < K, 0.0).to(tl.float32)
        many = H // G
        q += bos * q_stride + g * many * K
        k += bos * k_stride + g * K
        dy += (bos * H + g * many) * V
        dv += (bos * G + g) * V
        if over is not None:
            over += bos * H + g * many
            ddown += bos * H + g * many
        tiles = tl.cdiv(T, BT)
        for step in range(0, tiles):
            begin = bos * 0 + (tiles - 1 - step) * BT
            if step == 0 or (begin + BT) % KEEP == 0:
                place = ((keeps + begin // KEEP) * G + g) * K
                to = ends + place * V + n[:, None] * V + p[None, :]
                tl.store(to, now, inside)
                tl.store(z_ends + place + n, z, (n < K) & (tl.program_id(1) == 0))
            rest = T - begin
            ks = _chunk_load(k + begin * k_stride, t, rest, k_stride, n, K)
            dvs = _chunk_dot(ks, now, DOT)
            for r in range(0, many):
                at_q = q + begin * q_stride + r * K
                q_t = _chunk_turned(at_q, t, rest, q_stride, n, K)
                part = over
                if over is not None:
                    part += begin * H + r
                    more = tl.load(ddown + begin * H + r + t * H, t < rest, 0.0)
                    z += tl.sum(q_t.to(tl.float32) * more[None, :], 1)
                mix_t = _chunk_dot(ks, q_t, DOT)  # (key, query)
                mix_t = tl.where(t[:, None] <= t[None, :], mix_t, 0.0)
                at_dy = dy + begin * H * V + r * V
                dys = _la_gradient(at_dy, part, t, rest, H, p, V, K, False)
                dys = _chunk_cast(dys, DOT)
                dvs = _chunk_dot(mix_t, dys, DOT, dvs)
                now = _chunk_dot(q_t, dys, DOT, now)
            to = dv + begin * G * V + t[:, None] * G * V + p[None, :]
            tl.store(to, dvs, (t < rest)[:, None] & (p < V)[None, :])
        tl.store(dstate + tile, now, inside)
        tl.store(dstate + at_z, z, (n < K) & (tl.program_id(1) == 0))

    @triton.jit(do_not_specialize=["T"])
    def _la_backward_kernel(
        q, k, v, over, ddown, dy, starts, ends, z_starts, z_ends, dq, dk, cu_seqlens,
        q_stride, k_stride, v_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One tile, group and BK key channels: q's gradients, and k's over all heads.

        States walk to the tile from the nearest that were written down.
        """
        TILES: tl.constexpr = KEEP // BT
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        g, many = tl.program_id(1).to(tl.int64), H // G
        places = tl.num_programs(0) // TILES
        s, bos, T, begin = _seq_tile(cu_seqlens, place, places, T, KEEP)
        bos, T = bos + begin, tl.minimum(T - begin, KEEP).to(tl.int32)
        if i * BT < T:
            t, n = tl.arange(0, BT), tl.program_id(2) * BK + tl.arange(0, BK)
            q += bos * q_stride + g * many * K
            k += bos * k_stride + g * K
            v += bos * v_stride + g * V
            dy += (bos * H + g * many) * V
            dq += (bos * H + g * many) * K
            dk += (bos * G + g) * K
            at_z = (place.to(tl.int64) * G + g) * K
            z_start = tl.load(z_starts + at_z + n, n < K, 0.0)
            z_end = tl.load(z_ends + at_z + n, n < K, 0.0)
            tiles = tl.cdiv(T, BT)
            if over is not None:
                over += bos * H + g * many
                ddown += bos * H + g * many
                for j in range(0, i):
                    ks = _chunk_load(k + j * BT * k_stride, t, BT, k_stride, n, K)
                    z_start += tl.sum(ks.to(tl.float32), 0)
                for j in range((i + 1) * many, tiles * many):
                    skip, r = j // many * BT, j % many
                    at_q = q + skip * q_stride + r * K
                    qs = _chunk_load(at_q, t, T - skip, q_stride, n, K).to(tl.float32)
                    more = tl.load(ddown + skip * H + r + t * H, t < T - skip, 0.0)
                    z_end += tl.sum(qs * more[:, None], 0)

            dks = tl.zeros((BT, BK), tl.float32) + z_end[None, :]
            here, rest = i * BT, T - i * BT
            for channels in range(0, V, BV):
                p = channels + tl.arange(0, BV)
                at = at_z * V + n[None, :] * V + p[:, None]
                inside = (p < V)[:, None] & (n < K)[None, :]
                end = tl.load(ends + at, inside, 0.0).to(tl.float32)
                for j in range((i + 1) * many, tiles * many):
                    skip, r = j // many * BT, j % many
                    part = over
                    if over is not None:
                        part += skip * H + r
                    left = dy + skip * H * V + r * V
                    left = _la_gradient(left, part, t, T - skip, H, p, V, K, True)
                    right = q + skip * q_stride + r * K
                    right = _chunk_load(right, t, T - skip, q_stride, n, K)
                    end = _chunk_dot(left, right, DOT, end)
                vs = _chunk_load(v + here * v_stride, t, rest, v_stride, p, V)
                dks = _chunk_dot(vs, end, DOT, dks)

            ks = _chunk_load(k + here * k_stride, t, rest, k_stride, n, K)
            ks = _chunk_cast(ks, DOT)
            there = (t < rest)[:, None] & (n < K)[None, :]
            for r in range(0, many):
                pairs = tl.zeros((BT, BT), tl.float32)
                turned = tl.zeros((BT, BT), tl.float32)
                dqs = tl.zeros((BT, BK), tl.float32)
                part = over
                if over is not None:
                    part += here * H + r
                    more = tl.load(ddown + here * H + r + t * H, t < rest, 0.0)
                    pairs += more[:, None]
                    turned += more[None, :]
                    dqs += more[:, None] * z_start[None, :]
                for channels in range(0, V, BV):
                    p = channels + tl.arange(0, BV)
                    at = at_z * V + n[None, :] * V + p[:, None]
                    inside = (p < V)[:, None] & (n < K)[None, :]
                    start = tl.load(starts + at, inside, 0.0).to(tl.float32)
                    for j in range(0, i):
                        left = v + j * BT * v_stride
                        left = _chunk_turned(left, t, BT, v_stride, p, V)
                        right = k + j * BT * k_stride
                        right = _chunk_load(right, t, BT, k_stride, n, K)
                        start = _chunk_dot(left, right, DOT, start)
                    dys = dy + here * H * V + r * V
                    dys = _la_gradient(dys, part, t, rest, H, p, V, K, False)
                    dys = _chunk_cast(dys, DOT)
                    vs = _chunk_load(v + here * v_stride, t, rest, v_stride, p, V)
                    vs = _chunk_cast(vs, DOT)
                    dqs = _chunk_dot(dys, start, DOT, dqs)
                    pairs = _chunk_dot(dys, tl.trans(vs), DOT, pairs)
                    turned = _chunk_dot(vs, tl.trans(dys), DOT, turned)
                pairs = tl.where(t[:, None] >= t[None, :], pairs, 0.0)
                turned = tl.where(t[:, None] <= t[None, :], turned, 0.0)
                qs = q + here * q_stride + r * K
                qs = _chunk_load(qs, t, rest, q_stride, n, K)
                dqs = _chunk_dot(pairs, ks, DOT, dqs)
                dks = _chunk_dot(turned, qs, DOT, dks)
                to = dq + here * H * K + r * K + t[:, None] * H * K + n[None, :]
                tl.store(to, dqs, there)
            to = dk + here * G * K + t[:, None] * G * K + n[None, :]
            tl.store(to, dks, there)

    @triton.jit
    def _la_token_kernel(
        q, k, v, state, y, last, q_stride, k_stride, v_stride, H, G, K, V,
        NORMALIZE: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    ):  # fmt: skip
        """One token of the heads of a group; `last` may be `state`."""
        row, g = (tl.program_id(0) // G).to(tl.int64), tl.program_id(0) % G
        n, many = tl.arange(0, BK), H // G
        at = tl.program_id(0).to(tl.int64) * K * (V + 1) + n * (V + 1)
        ks = tl.load(k + row * k_stride + g * K + n, n < K, 0.0).to(tl.float32)
        z = ks
        if state is not None:
            z += tl.load(state + at + V, n < K, 0.0).to(tl.float32)
        tl.store(last + at + V, z, n < K)
        for channels in range(0, V, BV):
            p = channels + tl.arange(0, BV)
            vs = tl.load(v + row * v_stride + g * V + p, p < V, 0.0)
            tile = at[:, None] + p[None, :]
            inside = (n < K)[:, None] & (p < V)[None, :]
            now = ks[:, None] * vs.to(tl.float32)[None, :]
            if state is not None:
                now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            tl.store(last + tile, now, inside)
            for r in range(0, many):
                h = g * many + r
                qs = tl.load(q + row * q_stride + h * K + n, n < K, 0.0)
                qs = qs.to(tl.float32)
                out = tl.sum(qs[:, None] * now, 0)
                if NORMALIZE:
                    out /= tl.sum(qs * z, 0) + 1e-6
                else:
                    out *= tl.rsqrt(tl.full((), K, tl.float32))
                tl.store(y + (row * H + h) * V + p, out, p < V)
