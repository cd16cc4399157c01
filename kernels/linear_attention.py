"""Causal linear attention: softmax attention with a feature map in place of exp.

    S_t = sum_{j <= t} k_j v_j^T        z_t = sum_{j <= t} k_j
    y_t = q_t S_t / (q_t . z_t + 1e-6)        with normalize=False: q_t S_t / sqrt(N)

    q (B, L, H, N)    k (B, L, G, N)    v (B, L, G, P), each k, v for H / G heads
    returns y (B, L, H, P) in q's dtype and the next state (B, G, N, P + 1): S and z

With cu_seqlens (S + 1), the bounds of S sequences packed one after the other, B is 1
and state has S rows; tokens after the last bound give 0.

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
and sum k's gradient over the heads of a group. With S the bytes of q, as many of k
and v, at N = P = 128 in bfloat16: 4.6 S forward, 13.7 S backward, as the interpreter
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
    _chunk_dense,
    _chunk_empty,
    _chunk_gradients,
    _chunk_join,
    _chunk_packed,
    _chunk_places,
    _chunk_split,
    _chunk_strides,
)
from kernels.dispatch import autograd, kernels_for, launch_on

try:
    import triton
    import triton.language as tl

    from kernels.chunks import _chunk_owner, _chunk_span, _chunk_tile
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
        gradients = _chunk_gradients(*tensors)
        if q.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _la_triton_step(q, k, v, state, normalize)
        q, k, v = (_chunk_dense(z) for z in (q, k, v))
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        inputs = (q, k, v, state, normalize, cu)
        if not gradients:
            return _la_launch(*inputs, keep=False)[:2]
        y, last = autograd(_LinearAttention, *inputs)
        return y, last
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        rows = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        size = (rows, *k.shape[2:], v.shape[3] + 1)
        state = q.new_zeros(size, dtype=dtype)
    if cu_seqlens is not None:
        one = partial(linear_attention, normalize=normalize)
        return _chunk_packed(one, (q, k, v), v.shape[3], state, cu_seqlens)
    wide = torch.unflatten(q.to(dtype), 2, (k.shape[2], -1))  # (B, L, G, H/G, N)
    k, v = k.to(dtype), F.pad(v.to(dtype), (0, 1), value=1.0)
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        if q.shape[1] == 1:
            last = state + k[:, 0].unsqueeze(3) * v[:, 0].unsqueeze(2)  # (B, G, N, P+1)
            y = (wide[:, 0] @ last).unsqueeze(1)  # (B, 1, G, H/G, P+1)
        else:
            y, last = _linear_attention_chunks(wide, k, v, state)
    y = y.flatten(2, 3)  # (B, L, H, P + 1)
    if normalize:
        y = y[..., :-1] / (y[..., -1:] + 1e-6)
    else:
        y = y[..., :-1] * q.shape[3] ** -0.5
    return y.to(q.dtype), last


def _linear_attention_chunks(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Letters: K chunks of Q tokens, R query heads for each k and v."""
    length, repeat = q.shape[1], q.shape[3]
    chunk = 64
    # padded keys are zeros: they add nothing to S and z
    k = _chunk_split(k, chunk).transpose(2, 3)  # (B, K, G, Q, N)
    v = _chunk_split(v, chunk).transpose(2, 3)  # (B, K, G, Q, P + 1)
    q = _chunk_split(q, chunk).permute(0, 1, 3, 4, 2, 5).flatten(3, 4)
    future = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.transpose(3, 4)  # (B, K, G, RQ, Q)
    scores = scores.masked_fill(future.repeat(repeat, 1), 0)
    states = torch.cat([state.to(q.dtype).unsqueeze(1), k.transpose(3, 4) @ v], 1)
    states = states.cumsum(1)  # (B, K + 1, G, N, P + 1)
    y = scores @ v + q @ states[:, :-1]  # (B, K, G, RQ, P + 1)
    y = torch.unflatten(y, 3, (repeat, chunk)).permute(0, 1, 4, 2, 3, 5)
    return _chunk_join(y, length), states[:, -1].clone()


def _la_why_not(q: Tensor, v: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    if q.shape[3] > 128 or v.shape[3] > 256:
        return f"{q.shape[3]} key channels > 128 or {v.shape[3]} of a value > 256"
    if q.shape[3] > 64 and q.dtype == torch.float32:
        return f"{q.shape[3]} key channels > 64 in float32"
    return ""


def _la_tiles(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE tokens a tile, KEEP from one state that is written down to the next; WIDTH
    channels of a value; SIZE key channels, padded, or PART of them; KIND and PRECISION
    of the operands of a product.
    """
    size = max(16, triton.next_power_of_2(q.shape[3]))
    wide, half = q.dtype != torch.bfloat16, q.dtype == torch.float16
    precision, chunk, keep, width = "tf32x3", 64, 256, 64
    if torch.version.hip is not None:
        precision, chunk, keep, width = "ieee", 32, 128, 16
    elif wide:
        chunk, keep = 32 if size == 16 and half else 16, 64
        width = 32 if half and not backward else 16
        if half:
            precision = "tf32"  # as many bits as float16 has
        elif backward:
            precision = "ieee"  # on the plain arithmetic units: fewer registers
    elif not backward:
        width = 32
    return {
        "QUEUE": chunk,
        "KEEP": keep,
        "WIDTH": min(width, max(16, triton.next_power_of_2(v.shape[3]))),
        "SIZE": size,
        "PART": min(size, 32),
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8 if size >= (32 if backward else 64) or not wide else 4,
        "num_stages": 1,
    }


if triton is not None:

    @triton.jit(do_not_specialize=["length"])
    def _la_forward(
        q, k, v, state, y, weight, last, starts, z_starts, cu,
        length, heads, groups, size, width, scale,
        q_row, q_time, q_head, k_row, k_time, k_head, v_row, v_time, v_head,
        PACKED: tl.constexpr, NORMALIZE: tl.constexpr, QUEUE: tl.constexpr,
        KEEP: tl.constexpr, WIDTH: tl.constexpr, SIZE: tl.constexpr,
        PART: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One query head, WIDTH channels of the values, of one sequence.

        The first head of a group writes its states.
        """
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g, leads = h // (heads // groups), h % (heads // groups) == 0
        row, first, tokens, _ = _chunk_span(cu, s, length, QUEUE, PACKED)
        keeps = _chunk_span(cu, s, length, KEEP, PACKED)[3]
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        n_in, p_in = n < size, p < width
        inside = n_in[:, None] & p_in[None, :]
        at = (s.to(tl.int64) * groups + g) * size * (width + 1)
        at_z = at + n * (width + 1) + width
        tile = at + n[:, None] * (width + 1) + p[None, :]
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        z = tl.zeros((SIZE,), tl.float32)
        if state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            z += tl.load(state + at_z, n_in, 0.0).to(tl.float32)
        q += row * q_row + first * q_time + h * q_head
        k += row * k_row + first * k_time + g * k_head
        v += row * v_row + first * v_time + g * v_head
        y += ((row * length + first) * heads + h) * width
        weight += (row * length + first) * heads + h
        for begin in range(0, tokens, QUEUE):
            if starts is not None and leads and begin % KEEP == 0:
                place = ((keeps + begin // KEEP) * groups + g) * size
                to = starts + place * width + n[:, None] * width + p[None, :]
                tl.store(to, now, inside)
                tl.store(z_starts + place + n, z, n_in & (tl.program_id(1) == 0))
            real = t < tokens - begin
            qs = _chunk_tile(q, t, real, q_time, n, n_in, 1).to(tl.float32)
            k_t = _chunk_tile(k, n, n_in, 1, t, real, k_time).to(tl.float32)
            mix = tl.dot(qs.to(KIND), k_t.to(KIND), input_precision=PRECISION)
            mix = tl.where(t[:, None] >= t[None, :], mix, 0.0)
            out = tl.dot(qs.to(KIND), now.to(KIND), input_precision=PRECISION)
            vs = _chunk_tile(v, t, real, v_time, p, p_in, 1).to(KIND)
            out = tl.dot(mix.to(KIND), vs, out, input_precision=PRECISION)
            if NORMALIZE:
                down = tl.sum(mix, 1) + tl.sum(qs * z[None, :], 1)
                over = 1.0 / (down + 1e-6)
                out *= over[:, None]
                tl.store(weight + t * heads, over, real & (tl.program_id(1) == 0))
                weight += QUEUE * heads
            else:
                out *= scale
            to = y + t[:, None] * heads * width + p[None, :]
            tl.store(to, out, real[:, None] & p_in[None, :])
            now = tl.dot(k_t.to(KIND), vs, now, input_precision=PRECISION)
            z += tl.sum(k_t, 1)
            q, k = q + QUEUE * q_time, k + QUEUE * k_time
            v, y = v + QUEUE * v_time, y + QUEUE * heads * width
        if leads:
            tl.store(last + tile, now, inside)
            if tl.program_id(1) == 0:
                tl.store(last + at_z, z, n_in)

    @triton.jit(do_not_specialize=["length", "rows"])
    def _la_divisor(
        y, weight, dy, ddown, rows, length, heads, width, dy_row, dy_time, dy_head,
        WIDTH: tl.constexpr, ROWS: tl.constexpr,
    ):  # fmt: skip
        """The gradient of the divisor of each token and head: -(dy . y) / divisor."""
        r = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
        p = tl.arange(0, WIDTH)
        inside = (r < rows)[:, None] & (p < width)[None, :]
        at = r // heads // length * dy_row + r // heads % length * dy_time
        at += r % heads * dy_head
        dys = tl.load(dy + at[:, None] + p[None, :], inside, 0.0).to(tl.float32)
        ys = tl.load(y + r[:, None] * width + p[None, :], inside, 0.0).to(tl.float32)
        over = tl.load(weight + r, r < rows, 0.0)
        tl.store(ddown + r, -tl.sum(dys * ys, 1) * over, r < rows)

    @triton.jit
    def _la_gradient(
        dy, weight, t, real, heads, p, p_in, dy_time, scale, NORMALIZE: tl.constexpr
    ):
        """What comes to q S: dy over the divisor, (Q, P)."""
        dys = _chunk_tile(dy, t, real, dy_time, p, p_in, 1).to(tl.float32)
        if NORMALIZE:
            return dys * tl.load(weight + t * heads, real, 0.0)[:, None]
        else:
            return dys * scale

    @triton.jit(do_not_specialize=["length"])
    def _la_ends(
        q, k, weight, ddown, dy, dlast, dv, ends, z_ends, dstate, cu,
        length, heads, groups, size, width, scale,
        q_row, q_time, q_head, k_row, k_time, k_head, dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, NORMALIZE: tl.constexpr, QUEUE: tl.constexpr,
        KEEP: tl.constexpr, WIDTH: tl.constexpr, SIZE: tl.constexpr,
        PART: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One group, WIDTH channels of its values, back in time: the gradients of v and
        of the state at the end of each KEEP tokens.
        """
        s, g = tl.program_id(0) // groups, (tl.program_id(0) % groups).to(tl.int64)
        row, first, tokens, keeps = _chunk_span(cu, s, length, KEEP, PACKED)
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        n_in, p_in = n < size, p < width
        inside = n_in[:, None] & p_in[None, :]
        at = (s.to(tl.int64) * groups + g) * size * (width + 1)
        at_z = at + n * (width + 1) + width
        tile = at + n[:, None] * (width + 1) + p[None, :]
        now = tl.load(dlast + tile, inside, 0.0).to(tl.float32)
        z = tl.load(dlast + at_z, n_in, 0.0).to(tl.float32)
        many = heads // groups
        q += row * q_row + first * q_time + g * many * q_head
        k += row * k_row + first * k_time + g * k_head
        dy += row * dy_row + first * dy_time + g * many * dy_head
        dv += ((row * length + first) * groups + g) * width
        weight += (row * length + first) * heads + g * many
        if NORMALIZE:
            ddown += (row * length + first) * heads + g * many
        tiles = tl.cdiv(tokens, QUEUE)
        for step in range(0, tiles):
            begin = first * 0 + (tiles - 1 - step) * QUEUE
            if step == 0 or (begin + QUEUE) % KEEP == 0:
                place = ((keeps + begin // KEEP) * groups + g) * size
                to = ends + place * width + n[:, None] * width + p[None, :]
                tl.store(to, now, inside)
                tl.store(z_ends + place + n, z, n_in & (tl.program_id(1) == 0))
            real = t < tokens - begin
            ks = _chunk_tile(k + begin * k_time, t, real, k_time, n, n_in, 1).to(KIND)
            dvs = tl.dot(ks, now.to(KIND), input_precision=PRECISION)
            for r in range(0, many):
                at_q = q + begin * q_time + r * q_head
                q_t = _chunk_tile(at_q, n, n_in, 1, t, real, q_time)
                if NORMALIZE:
                    more = tl.load(ddown + begin * heads + t * heads + r, real, 0.0)
                    z += tl.sum(q_t.to(tl.float32) * more[None, :], 1)
                q_t = q_t.to(KIND)
                mix_t = tl.dot(ks, q_t, input_precision=PRECISION)  # (key, query)
                mix_t = tl.where(t[:, None] <= t[None, :], mix_t, 0.0).to(KIND)
                dys = _la_gradient(
                    dy + begin * dy_time + r * dy_head, weight + begin * heads + r,
                    t, real, heads, p, p_in, dy_time, scale, NORMALIZE,
                ).to(KIND)  # fmt: skip
                dvs = tl.dot(mix_t, dys, dvs, input_precision=PRECISION)
                now = tl.dot(q_t, dys, now, input_precision=PRECISION)
            to = dv + begin * groups * width + t[:, None] * groups * width + p[None, :]
            tl.store(to, dvs, real[:, None] & p_in[None, :])
        tl.store(dstate + tile, now, inside)
        tl.store(dstate + at_z, z, n_in & (tl.program_id(1) == 0))

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _la_backward(
        q, k, v, weight, ddown, dy, starts, ends, z_starts, z_ends, dq, dk, cu,
        sequences, length, heads, groups, size, width, scale,
        q_row, q_time, q_head, k_row, k_time, k_head, v_row, v_time, v_head,
        dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, NORMALIZE: tl.constexpr, QUEUE: tl.constexpr,
        KEEP: tl.constexpr, WIDTH: tl.constexpr, SIZE: tl.constexpr,
        PART: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One tile, group and PART key channels: q's gradients, and k's over all heads.

        States walk to the tile from the nearest that were written down.
        """
        TILES: tl.constexpr = KEEP // QUEUE
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        g, many = tl.program_id(1).to(tl.int64), heads // groups
        s = _chunk_owner(cu, place, sequences, length, KEEP, PACKED)
        row, first, tokens, keeps = _chunk_span(cu, s, length, KEEP, PACKED)
        begin = (place - keeps) * KEEP
        first, tokens = first + begin, tl.minimum(tokens - begin, KEEP).to(tl.int32)
        if i * QUEUE < tokens:
            t, n = tl.arange(0, QUEUE), tl.program_id(2) * PART + tl.arange(0, PART)
            n_in = n < size
            q += row * q_row + first * q_time + g * many * q_head
            k += row * k_row + first * k_time + g * k_head
            v += row * v_row + first * v_time + g * v_head
            dy += row * dy_row + first * dy_time + g * many * dy_head
            dq += ((row * length + first) * heads + g * many) * size
            dk += ((row * length + first) * groups + g) * size
            weight += (row * length + first) * heads + g * many
            at_z = (place.to(tl.int64) * groups + g) * size
            z_start = tl.load(z_starts + at_z + n, n_in, 0.0)
            z_end = tl.load(z_ends + at_z + n, n_in, 0.0)
            tiles = tl.cdiv(tokens, QUEUE)
            if NORMALIZE:
                ddown += (row * length + first) * heads + g * many
                for j in range(0, i):
                    ks = k + j * QUEUE * k_time
                    ks = _chunk_tile(ks, t, t >= 0, k_time, n, n_in, 1)
                    z_start += tl.sum(ks.to(tl.float32), 0)
                for j in range((i + 1) * many, tiles * many):
                    skip, r = j // many * QUEUE, j % many
                    real = t < tokens - skip
                    qs = q + skip * q_time + r * q_head
                    qs = _chunk_tile(qs, t, real, q_time, n, n_in, 1).to(tl.float32)
                    more = tl.load(ddown + skip * heads + t * heads + r, real, 0.0)
                    z_end += tl.sum(qs * more[:, None], 0)

            dks = tl.zeros((QUEUE, PART), tl.float32) + z_end[None, :]
            here, now = i * QUEUE, t < tokens - i * QUEUE
            for channels in range(0, width, WIDTH):
                p = channels + tl.arange(0, WIDTH)
                p_in = p < width
                at = at_z * width + n[None, :] * width + p[:, None]
                end = tl.load(ends + at, p_in[:, None] & n_in[None, :], 0.0)
                end = end.to(tl.float32)
                for j in range((i + 1) * many, tiles * many):
                    skip, r = j // many * QUEUE, j % many
                    real = t < tokens - skip
                    left = dy + skip * dy_time + r * dy_head
                    left = _chunk_tile(left, p, p_in, 1, t, real, dy_time)
                    left = left.to(tl.float32)
                    if NORMALIZE:
                        at_t = skip * heads + t * heads + r
                        left *= tl.load(weight + at_t, real, 0.0)[None, :]
                    else:
                        left *= scale
                    right = q + skip * q_time + r * q_head
                    right = _chunk_tile(right, t, real, q_time, n, n_in, 1).to(KIND)
                    end = tl.dot(left.to(KIND), right, end, input_precision=PRECISION)
                vs = _chunk_tile(v + here * v_time, t, now, v_time, p, p_in, 1)
                dks = tl.dot(vs.to(KIND), end.to(KIND), dks, input_precision=PRECISION)

            ks = _chunk_tile(k + here * k_time, t, now, k_time, n, n_in, 1).to(KIND)
            there = now[:, None] & n_in[None, :]
            for r in range(0, many):
                pairs = tl.zeros((QUEUE, QUEUE), tl.float32)
                turned = tl.zeros((QUEUE, QUEUE), tl.float32)
                dqs = tl.zeros((QUEUE, PART), tl.float32)
                if NORMALIZE:
                    more = tl.load(ddown + here * heads + t * heads + r, now, 0.0)
                    pairs += more[:, None]
                    turned += more[None, :]
                    dqs += more[:, None] * z_start[None, :]
                for channels in range(0, width, WIDTH):
                    p = channels + tl.arange(0, WIDTH)
                    p_in = p < width
                    at = at_z * width + n[None, :] * width + p[:, None]
                    start = tl.load(starts + at, p_in[:, None] & n_in[None, :], 0.0)
                    start = start.to(tl.float32)
                    for j in range(0, i):
                        left = v + j * QUEUE * v_time
                        left = _chunk_tile(left, p, p_in, 1, t, t >= 0, v_time).to(KIND)
                        right = k + j * QUEUE * k_time
                        right = _chunk_tile(right, t, t >= 0, k_time, n, n_in, 1)
                        right = right.to(KIND)
                        start = tl.dot(left, right, start, input_precision=PRECISION)
                    dys = _la_gradient(
                        dy + here * dy_time + r * dy_head, weight + here * heads + r,
                        t, now, heads, p, p_in, dy_time, scale, NORMALIZE,
                    ).to(KIND)  # fmt: skip
                    vs = _chunk_tile(v + here * v_time, t, now, v_time, p, p_in, 1)
                    vs, start = vs.to(KIND), start.to(KIND)
                    dqs = tl.dot(dys, start, dqs, input_precision=PRECISION)
                    pairs = tl.dot(dys, tl.trans(vs), pairs, input_precision=PRECISION)
                    turned = tl.dot(
                        vs, tl.trans(dys), turned, input_precision=PRECISION
                    )
                pairs = tl.where(t[:, None] >= t[None, :], pairs, 0.0).to(KIND)
                turned = tl.where(t[:, None] <= t[None, :], turned, 0.0).to(KIND)
                qs = q + here * q_time + r * q_head
                qs = _chunk_tile(qs, t, now, q_time, n, n_in, 1).to(KIND)
                dqs = tl.dot(pairs, ks, dqs, input_precision=PRECISION)
                dks = tl.dot(turned, qs, dks, input_precision=PRECISION)
                to = dq + (first * 0 + here) * heads * size + r * size
                tl.store(to + t[:, None] * heads * size + n[None, :], dqs, there)
            to = dk + (first * 0 + here) * groups * size
            tl.store(to + t[:, None] * groups * size + n[None, :], dks, there)

    @triton.jit
    def _la_token(
        q,
        k,
        v,
        state,
        y,
        last,
        heads,
        groups,
        size,
        width,
        scale,
        q_row,
        q_head,
        k_row,
        k_head,
        v_row,
        v_head,
        NORMALIZE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
    ):
        """One token of the heads of a group; `last` may be `state`."""
        s, g = tl.program_id(0) // groups, tl.program_id(0) % groups
        s, g = s.to(tl.int64), g.to(tl.int64)
        n, many = tl.arange(0, SIZE), heads // groups
        at = (s * groups + g) * size * (width + 1) + n * (width + 1)
        ks = tl.load(k + s * k_row + g * k_head + n, n < size, 0.0).to(tl.float32)
        z = ks
        if state is not None:
            z += tl.load(state + at + width, n < size, 0.0).to(tl.float32)
        tl.store(last + at + width, z, n < size)
        for channels in range(0, width, WIDTH):
            p = channels + tl.arange(0, WIDTH)
            vs = tl.load(v + s * v_row + g * v_head + p, p < width, 0.0)
            tile = at[:, None] + p[None, :]
            inside = (n < size)[:, None] & (p < width)[None, :]
            now = ks[:, None] * vs.to(tl.float32)[None, :]
            if state is not None:
                now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            tl.store(last + tile, now, inside)
            for r in range(0, many):
                h = g * many + r
                qs = tl.load(q + s * q_row + h * q_head + n, n < size, 0.0)
                qs = qs.to(tl.float32)
                out = tl.sum(qs[:, None] * now, 0)
                out = out / (tl.sum(qs * z, 0) + 1e-6) if NORMALIZE else out * scale
                tl.store(y + (s * heads + h) * width + p, out, p < width)


def _la_triton_step(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor | None, normalize: bool
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (batch, _, heads, size), (groups, width) = q.shape, v.shape[2:]
    q, k, v = (_chunk_dense(z) for z in (q, k, v))
    if state is None:
        last = _chunk_empty(q, (batch, groups, size, width + 1))
    else:
        state = last = state.contiguous()
    y = _chunk_empty(q, (batch, 1, heads, width), q.dtype)
    padded = max(16, triton.next_power_of_2(size))
    with launch_on(q):
        _la_token[(batch * groups,)](
            q, k, v, state, y, last, heads, groups, size, width, size**-0.5,
            q.stride(0), q.stride(2), k.stride(0), k.stride(2),
            v.stride(0), v.stride(2), NORMALIZE=normalize, SIZE=padded,
            WIDTH=2048 // padded, num_warps=4,  # not measured: 16 numbers a thread
        )  # fmt: skip
    return y, last


def _la_launch(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    state: Tensor | None,
    normalize: bool,
    cu: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    """y, the last state, 1 / the divisors, and, to keep, S and z every KEEP tokens."""
    (batch, length, heads, size), (groups, width) = q.shape, v.shape[2:]
    tiles = _la_tiles(q, v, False)
    sequences = batch if cu is None else cu.shape[0] - 1
    y = _chunk_empty(q, (batch, length, heads, width), q.dtype, cu)
    weight = _chunk_empty(q, (batch, length, heads) if normalize else (1,), zeros=cu)
    last = _chunk_empty(q, (sequences, groups, size, width + 1))
    starts = z_starts = None
    if keep:
        kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
        shape = (_chunk_places(q, cu, tiles["KEEP"]), groups, size)
        starts = _chunk_empty(q, (*shape, width), kind)
        z_starts = _chunk_empty(q, shape)
    with launch_on(q):
        _la_forward[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
            q, k, v, state, y, weight, last, starts, z_starts, cu,
            length, heads, groups, size, width, size**-0.5, *_chunk_strides(q, k, v),
            PACKED=cu is not None, NORMALIZE=normalize, **tiles,
        )  # fmt: skip
    return y, last, weight, starts, z_starts


class _LinearAttention(torch.autograd.Function):
    """Saves its inputs, y, 1 / the divisors, and a state every KEEP tokens."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        state: Tensor | None,
        normalize: bool,
        cu: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, *kept = _la_launch(q, k, v, state, normalize, cu, keep=True)
        ctx.save_for_backward(q, k, v, y if normalize else None, cu, *kept)
        ctx.normalize = normalize
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, y, cu, weight, starts, z_starts = ctx.saved_tensors
        (batch, length, heads, size), (groups, width) = q.shape, v.shape[2:]
        dy, dlast, ddown = _chunk_dense(dy), dlast.contiguous(), None
        sequences = batch if cu is None else cu.shape[0] - 1
        ends, z_ends = torch.empty_like(starts), torch.empty_like(z_starts)
        dstate = torch.empty_like(dlast)
        dq, dk, dv = (_chunk_empty(z, z.shape, z.dtype, cu) for z in (q, k, v))
        sizes = (length, heads, groups, size, width, size**-0.5)
        options = {"PACKED": cu is not None, "NORMALIZE": ctx.normalize}
        with launch_on(q):
            if ctx.normalize:
                ddown, rows = torch.empty_like(weight), weight.numel()
                wide = triton.next_power_of_2(width)
                many = max(1, 4096 // wide)  # not measured: 32 numbers a thread
                _la_divisor[(triton.cdiv(rows, many),)](
                    y, weight, dy, ddown, rows, length, heads, width,
                    *_chunk_strides(dy), WIDTH=wide, ROWS=many, num_warps=4,
                )  # fmt: skip
            tiles = _la_tiles(q, v, False)
            _la_ends[sequences * groups, triton.cdiv(width, tiles["WIDTH"])](
                q, k, weight, ddown, dy, dlast, dv, ends, z_ends, dstate, cu,
                *sizes, *_chunk_strides(q, k, dy), **options, **tiles,
            )  # fmt: skip
            tiles = _la_tiles(q, v, True)
            programs = starts.shape[0] * (tiles["KEEP"] // tiles["QUEUE"])
            _la_backward[programs, groups, triton.cdiv(size, tiles["PART"])](
                q, k, v, weight, ddown, dy, starts, ends, z_starts, z_ends, dq, dk,
                cu, sequences, *sizes, *_chunk_strides(q, k, v, dy),
                **options, **tiles,
            )  # fmt: skip
        first = None if ctx.state_dtype is None else dstate.to(ctx.state_dtype)
        return dq, dk, dv, first, None, None
