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

On a GPU: a walk over chunks with the state on the chip, which reads q, k, v once (k,
v once for each query head) and writes y divided. The backward pass walks over the
states from both ends, writes them down, and then takes all chunks at once. No
atomics. bfloat16 multiplies on tensor cores in bfloat16, float16 in TF32, float32 in
three TF32 products. One token without gradients changes `state` in place and returns
that tensor.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.dispatch import kernels_for, launch_on

try:
    import triton
    import triton.language as tl
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
        gradients = torch.is_grad_enabled() and any(
            tensor is not None and tensor.requires_grad for tensor in tensors
        )
        if q.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _la_triton_step(q, k, v, state, normalize)
        out = _LinearAttention.apply(  # type: ignore[no-untyped-call]
            q, k, v, state, normalize, cu_seqlens
        )
        return out[0], out[1]
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        rows = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        size = (rows, *k.shape[2:], v.shape[3] + 1)
        state = q.new_zeros(size, dtype=dtype)
    if cu_seqlens is not None:
        return _linear_attention_packed(q, k, v, state, normalize, cu_seqlens)
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


def _linear_attention_packed(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    state: Tensor,
    normalize: bool,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    bounds = cu_seqlens.tolist()
    ys, states = [], []
    for start, stop, s in zip(bounds[:-1], bounds[1:], state.split(1), strict=True):
        if stop > start:
            qs, ks, vs = (z[:, start:stop] for z in (q, k, v))
            y, s = linear_attention(qs, ks, vs, s, normalize)
            ys.append(y)
        states.append(s)
    size = (1, q.shape[1] - bounds[-1], q.shape[2], v.shape[3])
    return torch.cat([*ys, q.new_zeros(size)], 1), torch.cat(states)


def _linear_attention_chunks(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Letters: K chunks of Q tokens, R query heads for each k and v."""
    length, repeat = q.shape[1], q.shape[3]
    chunk = 64
    pad = -length % chunk
    if pad:  # padded keys are zeros: they add nothing to S and z
        q = F.pad(q, (0, 0, 0, 0, 0, 0, 0, pad))
        k, v = (F.pad(x, (0, 0, 0, 0, 0, pad)) for x in (k, v))
    k = torch.unflatten(k, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, N)
    v = torch.unflatten(v, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, P + 1)
    q = torch.unflatten(q, 1, (-1, chunk)).permute(0, 1, 3, 4, 2, 5).flatten(3, 4)
    future = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.transpose(3, 4)  # (B, K, G, RQ, Q)
    scores = scores.masked_fill(future.repeat(repeat, 1), 0)
    states = torch.cat([state.to(q.dtype).unsqueeze(1), k.transpose(3, 4) @ v], 1)
    states = states.cumsum(1)  # (B, K + 1, G, N, P + 1)
    y = scores @ v + q @ states[:, :-1]  # (B, K, G, RQ, P + 1)
    y = torch.unflatten(y, 3, (repeat, chunk)).permute(0, 1, 4, 2, 3, 5).flatten(1, 2)
    return y[:, :length], states[:, -1].clone()


def _la_why_not(q: Tensor, v: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    if q.shape[3] > 128 or v.shape[3] > 256:
        return f"{q.shape[3]} key channels > 128 or {v.shape[3]} of a value > 256"
    if q.shape[3] > 64 and q.dtype == torch.float32:
        return f"{q.shape[3]} key channels > 64 in float32"
    return "no tokens" if q.numel() == 0 or v.numel() == 0 else ""


def _la_tiles(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE tokens a chunk; SIZE key channels, padded, and WIDTH channels of a value a
    program; KIND and PRECISION of the operands of a product.
    """
    size = max(16, triton.next_power_of_2(q.shape[3]))
    wide, precision, chunk, width = q.dtype != torch.bfloat16, "tf32x3", 32, 16
    if torch.version.hip is not None:
        precision = "ieee"
    elif wide:
        half = q.dtype == torch.float16
        chunk = 32 if size == 16 and half else 16
        if half:
            precision, width = "tf32", 32  # as many bits as float16 has
        elif backward:
            precision = "ieee"  # on the plain arithmetic units: fewer registers
    else:
        chunk, width = 64, 16 if size == 128 else 32
    return {
        "QUEUE": chunk,
        "WIDTH": min(width, max(16, triton.next_power_of_2(v.shape[3]))),
        "SIZE": size,
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8 if size >= 64 else 4,
        "num_stages": 1,
    }


if triton is not None:

    @triton.jit
    def _la_span(cu, s, length, QUEUE: tl.constexpr, PACKED: tl.constexpr):
        """Sequence s: row of the batch, first token, tokens, place of its first chunk.

        Packed, a sequence leaves at most one place unused, and needs no counting.
        """
        row, first = s.to(tl.int64), tl.zeros((), tl.int64)
        slot = row * tl.cdiv(length, QUEUE)
        if PACKED:
            first = tl.load(cu + s).to(tl.int64)
            length = (tl.load(cu + s + 1) - first).to(tl.int32)
            slot = first // QUEUE + row
            row = row * 0
        return row, first, length, slot

    @triton.jit
    def _la_owner(
        cu, slot, sequences, length, QUEUE: tl.constexpr, PACKED: tl.constexpr
    ):
        """The sequence that a chunk belongs to: the last one that starts before it."""
        if PACKED:
            low, high = 0, sequences
            while high - low > 1:
                middle = (low + high) // 2
                if tl.load(cu + middle) // QUEUE + middle <= slot:
                    low = middle
                else:
                    high = middle
        else:
            low = slot // tl.cdiv(length, QUEUE)
        return low

    @triton.jit
    def _la_rows(pointer, step, rows, tokens, columns, width):
        """A tile (tokens, channels) in float32, 0 outside."""
        inside = ((rows >= 0) & (rows < tokens))[:, None] & (columns < width)[None, :]
        tile = pointer + rows[:, None] * step + columns[None, :]
        return tl.load(tile, inside, 0.0).to(tl.float32)

    @triton.jit
    def _la_columns(pointer, step, rows, tokens, columns, width):
        """The same turned: (channels, tokens)."""
        inside = (columns < width)[:, None] & ((rows >= 0) & (rows < tokens))[None, :]
        tile = pointer + rows[None, :] * step + columns[:, None]
        return tl.load(tile, inside, 0.0).to(tl.float32)

    @triton.jit(do_not_specialize=["length"])
    def _la_forward(
        q,
        k,
        v,
        state,
        y,
        weight,
        last,
        cu,
        length,
        heads,
        groups,
        size,
        width,
        scale,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        v_row,
        v_time,
        v_head,
        PACKED: tl.constexpr,
        NORMALIZE: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One query head, WIDTH channels of the values, of one sequence."""
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g = h // (heads // groups)
        row, first, tokens, slot = _la_span(cu, s, length, QUEUE, PACKED)
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        inside = (n < size)[:, None] & (p < width)[None, :]
        at = (s.to(tl.int64) * groups + g) * size * (width + 1)
        at_z = at + n * (width + 1) + width
        tile = at + n[:, None] * (width + 1) + p[None, :]
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        z = tl.zeros((SIZE,), tl.float32)
        if state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            z += tl.load(state + at_z, n < size, 0.0).to(tl.float32)
        q += row * q_row + first * q_time + h * q_head
        k += row * k_row + first * k_time + g * k_head
        v += row * v_row + first * v_time + g * v_head
        y += ((row * length + first) * heads + h) * width
        weight += (row * length + first) * heads + h
        for begin in range(0, tokens, QUEUE):
            rest = tokens - begin
            qs = _la_rows(q, q_time, t, rest, n, size)
            k_t = _la_columns(k, k_time, t, rest, n, size)
            vs = _la_rows(v, v_time, t, rest, p, width).to(KIND)
            mix = tl.dot(qs.to(KIND), k_t.to(KIND), input_precision=PRECISION)
            mix = tl.where(t[:, None] >= t[None, :], mix, 0.0)
            out = tl.dot(qs.to(KIND), now.to(KIND), input_precision=PRECISION)
            out = tl.dot(mix.to(KIND), vs, out, input_precision=PRECISION)
            if NORMALIZE:
                down = tl.sum(mix, 1) + tl.sum(qs * z[None, :], 1)
                over = 1.0 / (down + 1e-6)
                out *= over[:, None]
                kept = (t < rest) & (tl.program_id(1) == 0)
                tl.store(weight + t * heads, over, kept)
                weight += QUEUE * heads
            else:
                out *= scale
            there = (t < rest)[:, None] & (p < width)[None, :]
            tl.store(y + t[:, None] * heads * width + p[None, :], out, there)
            now = tl.dot(k_t.to(KIND), vs, now, input_precision=PRECISION)
            z += tl.sum(k_t, 1)
            q, k = q + QUEUE * q_time, k + QUEUE * k_time
            v, y = v + QUEUE * v_time, y + QUEUE * heads * width
        if h % (heads // groups) == 0:
            tl.store(last + tile, now, inside)
            if tl.program_id(1) == 0:
                tl.store(last + at_z, z, n < size)

    @triton.jit(do_not_specialize=["length"])
    def _la_states(
        q,
        k,
        v,
        state,
        weight,
        ddown,
        dy,
        dlast,
        starts,
        ends,
        z_starts,
        z_ends,
        dstate,
        cu,
        length,
        heads,
        groups,
        size,
        width,
        scale,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        v_row,
        v_time,
        v_head,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        NORMALIZE: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """S and z at the start of each chunk, or their gradients at the end of each."""
        back, split = tl.program_id(2), tl.program_id(1)
        s, g = tl.program_id(0) // groups, (tl.program_id(0) % groups).to(tl.int64)
        row, first, tokens, slot = _la_span(cu, s, length, QUEUE, PACKED)
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = split * WIDTH + tl.arange(0, WIDTH)
        inside = (n < size)[:, None] & (p < width)[None, :]
        at = (s.to(tl.int64) * groups + g) * size * (width + 1)
        at_z = at + n * (width + 1) + width
        tile = at + n[:, None] * (width + 1) + p[None, :]
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        z = tl.zeros((SIZE,), tl.float32)
        if back == 1:
            now += tl.load(dlast + tile, inside, 0.0).to(tl.float32)
            z += tl.load(dlast + at_z, n < size, 0.0).to(tl.float32)
        elif state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32)
            z += tl.load(state + at_z, n < size, 0.0).to(tl.float32)
        many = heads // groups
        q += row * q_row + first * q_time + g * many * q_head
        k += row * k_row + first * k_time + g * k_head
        v += row * v_row + first * v_time + g * v_head
        dy += row * dy_row + first * dy_time + g * many * dy_head
        weight += (row * length + first) * heads + g * many
        if NORMALIZE:
            ddown += (row * length + first) * heads + g * many
        chunks = tl.cdiv(tokens, QUEUE)
        for step in range(0, chunks):
            chunk = tl.where(back == 1, chunks - 1 - step, step)
            begin = first * 0 + chunk * QUEUE
            rest = (tokens - begin).to(tl.int32)
            place = ((slot + chunk) * groups + g) * size
            to = place * width + n[:, None] * width + p[None, :]
            only = (n < size) & (split == 0)
            if back == 1:
                tl.store(ends + to, now, inside)
                tl.store(z_ends + place + n, z, only)
                for r in range(0, many):
                    at_q = q + begin * q_time + r * q_head
                    left = _la_columns(at_q, q_time, t, rest, n, size)
                    at_dy = dy + begin * dy_time + r * dy_head
                    right = _la_rows(at_dy, dy_time, t, rest, p, width)
                    if NORMALIZE:
                        at_t = begin * heads + t * heads + r
                        over = tl.load(weight + at_t, t < rest, 0.0)
                        right *= over[:, None]
                        more = tl.load(ddown + at_t, t < rest, 0.0)
                        z += tl.sum(left * more[None, :], 1)
                    else:
                        right *= scale
                    left, right = left.to(KIND), right.to(KIND)
                    now = tl.dot(left, right, now, input_precision=PRECISION)
            else:
                tl.store(starts + to, now, inside)
                tl.store(z_starts + place + n, z, only)
                left = _la_columns(k + begin * k_time, k_time, t, rest, n, size)
                right = _la_rows(v + begin * v_time, v_time, t, rest, p, width)
                z += tl.sum(left, 1)
                left, right = left.to(KIND), right.to(KIND)
                now = tl.dot(left, right, now, input_precision=PRECISION)
        if back == 1:
            tl.store(dstate + tile, now, inside)
            tl.store(dstate + at_z, z, (n < size) & (split == 0))

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _la_backward(
        q,
        k,
        v,
        weight,
        ddown,
        dy,
        starts,
        ends,
        z_starts,
        z_ends,
        dq,
        dk,
        dv,
        cu,
        sequences,
        length,
        heads,
        groups,
        size,
        width,
        scale,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        v_row,
        v_time,
        v_head,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        NORMALIZE: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One chunk and query head: q's gradient, and its part of those of k and v.

        The first head of a group adds what comes to k and v through the state.
        """
        slot, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        g, leads = h // (heads // groups), h % (heads // groups) == 0
        s = _la_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _la_span(cu, s, length, QUEUE, PACKED)
        begin = (slot - start) * QUEUE
        if begin < tokens:
            rest, first = (tokens - begin).to(tl.int32), first + begin
            t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
            q += row * q_row + first * q_time + h * q_head
            k += row * k_row + first * k_time + g * k_head
            v += row * v_row + first * v_time + g * v_head
            dy += row * dy_row + first * dy_time + h * dy_head
            at = (row * length + first) * heads + h
            place = (slot.to(tl.int64) * groups + g) * size
            dq, dk, dv = dq + at * size, dk + at * size, dv + at * width
            ks = _la_rows(k, k_time, t, rest, n, size).to(KIND)
            q_t = _la_columns(q, q_time, t, rest, n, size).to(KIND)
            mix_t = tl.dot(ks, q_t, input_precision=PRECISION)  # (key, query)
            mix_t = tl.where(t[:, None] <= t[None, :], mix_t, 0.0).to(KIND)
            reads = tl.zeros((QUEUE, SIZE), tl.float32)
            adds = tl.zeros((QUEUE, SIZE), tl.float32)
            pairs = tl.zeros((QUEUE, QUEUE), tl.float32)
            pairs_t = tl.zeros((QUEUE, QUEUE), tl.float32)
            if NORMALIZE:
                over = tl.load(weight + at + t * heads, t < rest, 0.0)
                more = tl.load(ddown + at + t * heads, t < rest, 0.0)
                pairs += more[:, None]
                pairs_t += more[None, :]
                z = tl.load(z_starts + place + n, n < size, 0.0)
                reads += more[:, None] * z[None, :]
            else:
                over = tl.full((QUEUE,), 1.0, tl.float32) * scale
            if leads:
                z = tl.load(z_ends + place + n, n < size, 0.0)
                adds += z[None, :]
            for channels in range(0, width, WIDTH):
                p = channels + tl.arange(0, WIDTH)
                dys = _la_rows(dy, dy_time, t, rest, p, width)
                dys = (dys * over[:, None]).to(KIND)
                dy_t = _la_columns(dy, dy_time, t, rest, p, width)
                dy_t = (dy_t * over[None, :]).to(KIND)
                vs = _la_rows(v, v_time, t, rest, p, width).to(KIND)
                v_t = _la_columns(v, v_time, t, rest, p, width).to(KIND)
                pairs = tl.dot(dys, v_t, pairs, input_precision=PRECISION)
                pairs_t = tl.dot(vs, dy_t, pairs_t, input_precision=PRECISION)
                turned = place * width + n[None, :] * width + p[:, None]
                inside = (p < width)[:, None] & (n < size)[None, :]
                begin_t = tl.load(starts + turned, inside, 0.0).to(KIND)
                reads = tl.dot(dys, begin_t, reads, input_precision=PRECISION)
                dvs = tl.dot(mix_t, dys, input_precision=PRECISION)
                if leads:
                    end_t = tl.load(ends + turned, inside, 0.0).to(KIND)
                    adds = tl.dot(vs, end_t, adds, input_precision=PRECISION)
                    tile = place * width + n[:, None] * width + p[None, :]
                    whole = (n < size)[:, None] & (p < width)[None, :]
                    end = tl.load(ends + tile, whole, 0.0).to(KIND)
                    dvs = tl.dot(ks, end, dvs, input_precision=PRECISION)
                there = (t < rest)[:, None] & (p < width)[None, :]
                tl.store(dv + t[:, None] * heads * width + p[None, :], dvs, there)
            pairs = tl.where(t[:, None] >= t[None, :], pairs, 0.0).to(KIND)
            pairs_t = tl.where(t[:, None] <= t[None, :], pairs_t, 0.0).to(KIND)
            qs = _la_rows(q, q_time, t, rest, n, size).to(KIND)
            reads = tl.dot(pairs, ks, reads, input_precision=PRECISION)
            adds = tl.dot(pairs_t, qs, adds, input_precision=PRECISION)
            there = (t < rest)[:, None] & (n < size)[None, :]
            tile = t[:, None] * heads * size + n[None, :]
            tl.store(dq + tile, reads, there)
            tl.store(dk + tile, adds, there)

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


def _la_dense(x: Tensor) -> Tensor:
    """x itself, or a copy if its last dimension is not dense.

    A copy too where offsets within a chunk of 64 tokens would not fit in 32 bits.
    """
    return x if x.stride(-1) == 1 and x.stride(1) < 2**24 else x.contiguous()


def _la_empty(
    like: Tensor,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    zeros: Tensor | None = None,
) -> Tensor:
    """For a kernel to write; zeros where cu_seqlens may leave tokens out."""
    new = torch.empty if zeros is None else torch.zeros
    return new(tuple(shape), dtype=dtype, device=like.device)


def _la_strides(*tensors: Tensor) -> list[int]:
    return [stride for tensor in tensors for stride in tensor.stride()[:3]]


def _la_triton_step(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor | None, normalize: bool
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (batch, _, heads, size), (groups, width) = q.shape, v.shape[2:]
    q, k, v = (_la_dense(z) for z in (q, k, v))
    if state is None:
        last = _la_empty(q, (batch, groups, size, width + 1))
    else:
        state = last = state.contiguous()
    y = _la_empty(q, (batch, 1, heads, width), q.dtype)
    padded = max(16, triton.next_power_of_2(size))
    with launch_on(q):
        _la_token[(batch * groups,)](
            q, k, v, state, y, last, heads, groups, size, width, size**-0.5,
            q.stride(0), q.stride(2), k.stride(0), k.stride(2),
            v.stride(0), v.stride(2), NORMALIZE=normalize, SIZE=padded,
            WIDTH=2048 // padded, num_warps=4,  # not measured: 16 numbers a thread
        )  # fmt: skip
    return y, last


class _LinearAttention(torch.autograd.Function):
    """Saves its inputs, y and the divisors, and recomputes the states."""

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
        q, k, v = (_la_dense(z) for z in (q, k, v))
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        (batch, length, heads, size), (groups, width) = q.shape, v.shape[2:]
        tiles = _la_tiles(q, v, False)
        sequences = batch if cu is None else cu.shape[0] - 1
        y = _la_empty(q, (batch, length, heads, width), q.dtype, cu)
        weight = _la_empty(q, (batch, length, heads) if normalize else (1,), zeros=cu)
        last = _la_empty(q, (sequences, groups, size, width + 1))
        with launch_on(q):
            _la_forward[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
                q, k, v, state, y, weight, last, cu, length, heads, groups,
                size, width, size**-0.5, *_la_strides(q, k, v),
                PACKED=cu is not None, NORMALIZE=normalize, **tiles,
            )  # fmt: skip
        ctx.save_for_backward(q, k, v, state, y if normalize else None, weight, cu)
        ctx.normalize = normalize
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, state, y, weight, cu = ctx.saved_tensors
        (batch, length, heads, size), (groups, width) = q.shape, v.shape[2:]
        dy, dlast, tiles = _la_dense(dy), dlast.contiguous(), _la_tiles(q, v, True)
        ddown = None
        if ctx.normalize:  # the gradient of the divisor
            ddown = -(dy.float() * y.float()).sum(3) * weight
        sequences = batch if cu is None else cu.shape[0] - 1
        # places for chunks: enough of them without reading cu_seqlens
        slots = batch * triton.cdiv(length, tiles["QUEUE"])
        slots = slots if cu is None else length // tiles["QUEUE"] + sequences
        kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
        starts, ends = (
            _la_empty(q, (slots, groups, size, width), kind) for _ in range(2)
        )
        z_starts, z_ends = (_la_empty(q, (slots, groups, size)) for _ in range(2))
        dstate = _la_empty(q, dlast.shape)
        many = heads // groups
        dq = _la_empty(q, q.shape, q.dtype, cu)
        # with several query heads for a key, a part for each of them, then their sum
        dk = _la_empty(q, q.shape, k.dtype if many == 1 else torch.float32, cu)
        dv = _la_empty(q, dy.shape, v.dtype if many == 1 else torch.float32, cu)
        strides = _la_strides(q, k, v, dy)
        options = {"PACKED": cu is not None, "NORMALIZE": ctx.normalize, **tiles}
        with launch_on(q):
            _la_states[sequences * groups, triton.cdiv(width, tiles["WIDTH"]), 2](
                q, k, v, state, weight, ddown, dy, dlast, starts, ends, z_starts,
                z_ends, dstate, cu, length, heads, groups, size, width, size**-0.5,
                *strides, **options,
            )  # fmt: skip
            _la_backward[slots, heads](
                q, k, v, weight, ddown, dy, starts, ends, z_starts, z_ends,
                dq, dk, dv, cu, sequences, length, heads, groups, size, width,
                size**-0.5, *strides, **options,
            )  # fmt: skip
        if many > 1:
            dk = torch.unflatten(dk, 2, (groups, many)).sum(3).to(k.dtype)
            dv = torch.unflatten(dv, 2, (groups, many)).sum(3).to(v.dtype)
        first = None if state is None else dstate.to(state.dtype)
        return dq, dk, dv, first, None, None
