"""Gated linear attention: linear attention whose state decays, channel by channel.

    S_t = diag(exp(log_decay_t)) S_{t-1} + k_t v_t^T        S (B, H, N, P)
    y_t = q_t S_t

    q, k (B, L, H, N)    v (B, L, H, P)    log_decay (B, L, H, N), not positive
    returns y (B, L, H, P) in q's dtype and the last S as state

With cu_seqlens (S + 1), the bounds of S sequences packed one after the other, B is 1
and state has S rows; tokens after the last bound give 0.

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. No exponent is ever positive: within 16 tokens the decay between each pair is
the exponential of a sum over the tokens between them, and beyond that it is split at
a token between the two. Source: Yang et al. 2023, arXiv 2312.06635, section 4.

On a GPU: the decayed q k^T of each chunk first, all chunks at once; then a walk over
chunks with the state on the chip, which reads q, k, v, log_decay once and writes y
once. The backward pass walks over the states from both ends, writes them down, and
then takes all chunks at once. No atomics. bfloat16 multiplies on tensor cores in
bfloat16, float16 in TF32, float32 in three TF32 products. One token without gradients
changes `state` in place and returns that tensor.
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


def gated_linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    tensors = (q, k, v, log_decay, state)
    if kernels_for("gated_linear_attention", *tensors, why_not=_gla_why_not(q, v)):
        gradients = torch.is_grad_enabled() and any(
            tensor is not None and tensor.requires_grad for tensor in tensors
        )
        if q.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _gla_triton_step(q, k, v, log_decay, state)
        y, last = _GatedLinearAttention.apply(  # type: ignore[no-untyped-call]
            q, k, v, log_decay, state, cu_seqlens
        )
        return y, last
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        rows = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        state = q.new_zeros((rows, *k.shape[2:], v.shape[3]), dtype=dtype)
    if cu_seqlens is not None:
        return _gla_packed(q, k, v, log_decay, state, cu_seqlens)
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        y, last = (_gla_step if q.shape[1] == 1 else _gla_chunks)(
            q.to(dtype), k.to(dtype), v.to(dtype), log_decay.to(dtype), state.to(dtype)
        )
    return y.to(q.dtype), last


def _gla_packed(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor, cu_seqlens: Tensor
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    bounds = cu_seqlens.tolist()
    ys, states = [], []
    for start, stop, s in zip(bounds[:-1], bounds[1:], state.split(1), strict=True):
        if stop > start:
            qs, ks, vs, logs = (z[:, start:stop] for z in (q, k, v, log))
            y, s = gated_linear_attention(qs, ks, vs, logs, s)
            ys.append(y)
        states.append(s)
    ys.append(torch.zeros_like(v[:, bounds[-1] :], dtype=q.dtype))
    return torch.cat(ys, 1), torch.cat(states)


def _gla_step(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One token: an outer product in, q times the state out."""
    last = torch.addcmul(
        k[:, 0].unsqueeze(3) * v[:, 0].unsqueeze(2), log[:, 0].exp().unsqueeze(3), state
    )
    return (q[:, 0].unsqueeze(2) @ last).transpose(1, 2), last


def _gla_chunks(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """All tokens, in K chunks of Q = 16: no decay within one has to be split."""
    length, chunk = q.shape[1], 16
    pad = -length % chunk
    if pad:  # padded tokens keep the state and add nothing
        q, k, v, log = (F.pad(z, (0, 0, 0, 0, 0, pad)) for z in (q, k, v, log))
    q, k, v, log = (
        torch.unflatten(z, 1, (-1, chunk)).transpose(2, 3) for z in (q, k, v, log)
    )  # (B, K, H, Q, N or P)
    ones = torch.ones(chunk, chunk, 1, dtype=torch.bool, device=q.device)
    future, later = ones[..., 0].triu(1)[..., None], ones[..., 0].tril(-1)[..., None]
    span = log.unsqueeze(4).expand(*log.shape[:4], chunk, log.shape[4])
    span = span.masked_fill(~later, 0).cumsum(3)  # (B, K, H, Q, Q, N)
    decay = span.masked_fill(future, -torch.inf).exp()
    scores = (decay * q.unsqueeze(4) * k.unsqueeze(3)).sum(5)  # (B, K, H, Q, Q)
    y = scores @ v
    total = log.cumsum(3)
    add = (k * decay[:, :, :, -1]).transpose(3, 4) @ v  # (B, K, H, N, P)
    keep = total[:, :, :, -1].exp().unsqueeze(4)  # (B, K, H, N, 1)
    starts = []
    for more, factor in zip(add.unbind(1), keep.unbind(1), strict=True):
        starts.append(state)
        state = torch.addcmul(more, factor, state)
    y = y + (q * total.exp()) @ torch.stack(starts, 1)
    return y.transpose(2, 3).flatten(1, 2)[:, :length], state


def _gla_why_not(q: Tensor, v: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    if q.shape[3] > 128 or v.shape[3] > 256:
        return f"{q.shape[3]} key channels > 128 or {v.shape[3]} of a value > 256"
    return "no tokens" if q.numel() == 0 or v.numel() == 0 else ""


def _gla_tiles(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE tokens a chunk; SIZE key channels, padded, and WIDTH channels of a value a
    program, or PART key channels; KIND and PRECISION of the operands of a product.
    """
    size = max(16, triton.next_power_of_2(q.shape[3]))
    wide, precision, chunk, width = q.dtype != torch.bfloat16, "tf32x3", 32, 16
    if torch.version.hip is not None:
        precision = "ieee"
    elif wide:
        half = q.dtype == torch.float16
        chunk = 32 if size < (32 if half else 128) else 16
        if half:
            precision, width = "tf32", 32  # as many bits as float16 has
        elif size >= 32 and backward:
            precision = "ieee"  # on the plain arithmetic units: fewer registers
    else:
        chunk, width = 64, 16 if size == 128 and backward else 32
    return {
        "QUEUE": chunk,
        "WIDTH": min(width, max(16, triton.next_power_of_2(v.shape[3]))),
        "SIZE": size,
        "PART": min(size, 32),
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8 if size >= 64 else 4,
        "num_stages": 1,
    }


if triton is not None:

    @triton.jit
    def _gla_span(cu, s, length, QUEUE: tl.constexpr, PACKED: tl.constexpr):
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
    def _gla_owner(
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
    def _gla_rows(pointer, step, rows, tokens, columns, width):
        """A tile (tokens, channels) in float32, 0 outside."""
        inside = ((rows >= 0) & (rows < tokens))[:, None] & (columns < width)[None, :]
        tile = pointer + rows[:, None] * step + columns[None, :]
        return tl.load(tile, inside, 0.0).to(tl.float32)

    @triton.jit
    def _gla_columns(pointer, step, rows, tokens, columns, width):
        """The same turned: (channels, tokens)."""
        inside = (columns < width)[:, None] & ((rows >= 0) & (rows < tokens))[None, :]
        tile = pointer + rows[None, :] * step + columns[:, None]
        return tl.load(tile, inside, 0.0).to(tl.float32)

    @triton.jit
    def _gla_sums(log):
        """Running sums over the tokens of a chunk, in two parts.

        Differences of one float32 sum lose the small decays that follow a large one.
        So the sum is split: multiples of 1/2048, whose sums to 64 * 104 are exact, and
        the rest, whose sums stay below 1/32. exp(-104) is 0 already.
        """
        log = tl.maximum(log, -104.0)
        high = tl.floor(log * 2048.0) / 2048.0
        return tl.cumsum(high, 0), tl.cumsum(log - high, 0)

    @triton.jit
    def _gla_halves(high, low, t, block):
        """Decays to the queries of a block of 16 from its start, and to there from all
        earlier keys: two factors (Q, N), 0 for other tokens.
        """
        before = (t == block * 16 - 1)[:, None]
        high -= tl.sum(tl.where(before, high, 0.0), 0)[None, :]
        low -= tl.sum(tl.where(before, low, 0.0), 0)[None, :]
        asks = tl.where((t // 16 == block)[:, None], high + low, -float("inf"))
        earlier = tl.where((t < block * 16)[:, None], -(high + low), -float("inf"))
        return tl.exp(asks), tl.exp(earlier)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _gla_scores(
        q,
        k,
        log_decay,
        scores,
        cu,
        sequences,
        length,
        heads,
        size,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        g_row,
        g_time,
        g_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        PART: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """The decayed q k^T of a chunk and head: (Q, Q), 0 above the diagonal.

        Blocks of 16 tokens: a product where query and key are in different ones, the
        decay split at the first token of the query's; sums in float32 within one.
        """
        slot, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s = _gla_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _gla_span(cu, s, length, QUEUE, PACKED)
        begin = (slot - start) * QUEUE
        tokens = tokens - begin
        t = tl.arange(0, QUEUE)
        q += row * q_row + (first + begin) * q_time + h * q_head
        k += row * k_row + (first + begin) * k_time + h * k_head
        log_decay += row * g_row + (first + begin) * g_time + h * g_head
        out = tl.zeros((QUEUE, QUEUE), tl.float32)
        for channels in range(0, size, PART):
            n = channels + tl.arange(0, PART)
            qs = _gla_rows(q, q_time, t, tokens, n, size)
            ks = _gla_rows(k, k_time, t, tokens, n, size)
            log = _gla_rows(log_decay, g_time, t, tokens, n, size)
            high, low = _gla_sums(log)
            for block in range(1, QUEUE // 16):
                asks, earlier = _gla_halves(high, low, t, block)
                left, right = (qs * asks).to(KIND), tl.trans((ks * earlier).to(KIND))
                out = tl.dot(left, right, out, input_precision=PRECISION)
            span = tl.zeros((QUEUE, PART), tl.float32)
            for back in range(0, 16):  # key `back` tokens before the query
                ks = _gla_rows(k, k_time, t - back, tokens, n, size)
                score = tl.sum(qs * ks * tl.exp(span), 1)
                near = (t % 16 >= back)[:, None] & (t[:, None] - back == t[None, :])
                out += tl.where(near, score[:, None], 0.0)
                span += _gla_rows(log_decay, g_time, t - back, tokens, n, size)
        scores += (slot.to(tl.int64) * heads + h) * QUEUE * QUEUE
        tl.store(scores + t[:, None] * QUEUE + t[None, :], out)

    @triton.jit(do_not_specialize=["length"])
    def _gla_forward(
        q,
        k,
        v,
        log_decay,
        scores,
        state,
        y,
        last,
        cu,
        length,
        heads,
        size,
        width,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        g_row,
        g_time,
        g_head,
        v_row,
        v_time,
        v_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        PART: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One head, WIDTH channels of its values, of one sequence: chunk by chunk."""
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        row, first, tokens, slot = _gla_span(cu, s, length, QUEUE, PACKED)
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        inside = (n < size)[:, None] & (p < width)[None, :]
        tile = n[:, None] * width + p[None, :]
        at = (s.to(tl.int64) * heads + h) * size * width
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        q += row * q_row + first * q_time + h * q_head
        k += row * k_row + first * k_time + h * k_head
        v += row * v_row + first * v_time + h * v_head
        log_decay += row * g_row + first * g_time + h * g_head
        y += ((row * length + first) * heads + h) * width
        scores += (slot * heads + h) * QUEUE * QUEUE
        for begin in range(0, tokens, QUEUE):
            rest = tokens - begin
            log = _gla_rows(log_decay, g_time, t, rest, n, size)
            so_far = tl.exp(tl.cumsum(log, 0))
            qs = _gla_rows(q, q_time, t, rest, n, size) * so_far
            vs = _gla_rows(v, v_time, t, rest, p, width).to(KIND)
            mix = tl.load(scores + t[:, None] * QUEUE + t[None, :]).to(KIND)
            out = tl.dot(qs.to(KIND), now.to(KIND), input_precision=PRECISION)
            out = tl.dot(mix, vs, out, input_precision=PRECISION)
            there = (t < rest)[:, None] & (p < width)[None, :]
            tl.store(y + t[:, None] * heads * width + p[None, :], out, there)
            log_t = _gla_columns(log_decay, g_time, t, rest, n, size)
            now *= tl.exp(tl.sum(log_t, 1))[:, None]
            after = tl.minimum(rest, QUEUE) - 1  # logs of the tokens after each
            log_t = _gla_columns(log_decay + g_time, g_time, t, after, n, size)
            to_end = tl.exp(tl.cumsum(log_t, 1, reverse=True))
            k_t = _gla_columns(k, k_time, t, rest, n, size) * to_end
            now = tl.dot(k_t.to(KIND), vs, now, input_precision=PRECISION)
            q, k = q + QUEUE * q_time, k + QUEUE * k_time
            v, log_decay = v + QUEUE * v_time, log_decay + QUEUE * g_time
            y, scores = y + QUEUE * heads * width, scores + heads * QUEUE * QUEUE
        tl.store(last + at + tile, now, inside)

    @triton.jit(do_not_specialize=["length"])
    def _gla_states(
        q,
        k,
        v,
        log_decay,
        state,
        dy,
        dlast,
        starts,
        ends,
        dstate,
        cu,
        length,
        heads,
        size,
        width,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        g_row,
        g_time,
        g_head,
        v_row,
        v_time,
        v_head,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        PART: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """The state at the start of each chunk, or its gradient at the end of each.

        The same walk both ways: decay the state, add the product of two tiles.
        """
        back = tl.program_id(2)
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        row, first, tokens, slot = _gla_span(cu, s, length, QUEUE, PACKED)
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        inside = (n < size)[:, None] & (p < width)[None, :]
        tile = n[:, None] * width + p[None, :]
        at = (s.to(tl.int64) * heads + h) * size * width
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        if back == 1:
            now += tl.load(dlast + at + tile, inside, 0.0).to(tl.float32)
        elif state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        q += row * q_row + first * q_time + h * q_head
        k += row * k_row + first * k_time + h * k_head
        v += row * v_row + first * v_time + h * v_head
        dy += row * dy_row + first * dy_time + h * dy_head
        log_decay += row * g_row + first * g_time + h * g_head
        chunks = tl.cdiv(tokens, QUEUE)
        for step in range(0, chunks):
            chunk = tl.where(back == 1, chunks - 1 - step, step)
            begin = first * 0 + chunk * QUEUE
            rest = (tokens - begin).to(tl.int32)
            place = ((slot + chunk) * heads + h) * size * width
            g = log_decay + begin * g_time
            log_t = _gla_columns(g, g_time, t, rest, n, size)
            whole = tl.exp(tl.sum(log_t, 1))[:, None]
            if back == 1:
                tl.store(ends + place + tile, now, inside)
                left = _gla_columns(q + begin * q_time, q_time, t, rest, n, size)
                left *= tl.exp(tl.cumsum(log_t, 1))
                right = _gla_rows(dy + begin * dy_time, dy_time, t, rest, p, width)
            else:
                tl.store(starts + place + tile, now, inside)
                after = tl.minimum(rest, QUEUE) - 1
                log_t = _gla_columns(g + g_time, g_time, t, after, n, size)
                left = _gla_columns(k + begin * k_time, k_time, t, rest, n, size)
                left *= tl.exp(tl.cumsum(log_t, 1, reverse=True))
                right = _gla_rows(v + begin * v_time, v_time, t, rest, p, width)
            left, right = left.to(KIND), right.to(KIND)
            now = tl.dot(left, right, now * whole, input_precision=PRECISION)
        if back == 1:
            tl.store(dstate + at + tile, now, inside)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _gla_backward_values(
        q,
        k,
        v,
        log_decay,
        scores,
        dy,
        starts,
        ends,
        dscores,
        dq,
        dk,
        dv,
        both,
        cu,
        sequences,
        length,
        heads,
        size,
        width,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        g_row,
        g_time,
        g_head,
        v_row,
        v_time,
        v_head,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        PART: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One chunk and head: gradients of v and the scores, and what passes through
        the states to q and k. All but v's are sums over the channels of the values.
        """
        slot, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s = _gla_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _gla_span(cu, s, length, QUEUE, PACKED)
        begin = (slot - start) * QUEUE
        if begin < tokens:
            rest, first = (tokens - begin).to(tl.int32), first + begin
            t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
            k += row * k_row + first * k_time + h * k_head
            v += row * v_row + first * v_time + h * v_head
            dy += row * dy_row + first * dy_time + h * dy_head
            g = log_decay + row * g_row + first * g_time + h * g_head
            dv += ((row * length + first) * heads + h) * width
            after = tl.minimum(rest, QUEUE) - 1
            to_end = _gla_rows(g + g_time, g_time, t, after, n, size)
            to_end = tl.exp(tl.cumsum(to_end, 0, reverse=True))
            keys = (_gla_rows(k, k_time, t, rest, n, size) * to_end).to(KIND)
            square = (slot.to(tl.int64) * heads + h) * QUEUE * QUEUE
            mix_t = tl.load(scores + square + t[None, :] * QUEUE + t[:, None])
            mix_t = mix_t.to(KIND)
            place = (slot.to(tl.int64) * heads + h) * size * width
            reads = tl.zeros((QUEUE, SIZE), tl.float32)
            adds = tl.zeros((QUEUE, SIZE), tl.float32)
            pairs = tl.zeros((QUEUE, QUEUE), tl.float32)
            through = tl.zeros((SIZE,), tl.float32)
            for channels in range(0, width, WIDTH):
                p = channels + tl.arange(0, WIDTH)
                dys = _gla_rows(dy, dy_time, t, rest, p, width).to(KIND)
                vs = _gla_rows(v, v_time, t, rest, p, width).to(KIND)
                v_t = _gla_columns(v, v_time, t, rest, p, width).to(KIND)
                tile = place + n[None, :] * width + p[:, None]
                inside = (p < width)[:, None] & (n < size)[None, :]
                begin_t = tl.load(starts + tile, inside, 0.0).to(KIND)
                end_t = tl.load(ends + tile, inside, 0.0).to(KIND)
                tile = place + n[:, None] * width + p[None, :]
                inside = (n < size)[:, None] & (p < width)[None, :]
                end = tl.load(ends + tile, inside, 0.0).to(KIND)
                pairs = tl.dot(dys, v_t, pairs, input_precision=PRECISION)
                reads = tl.dot(dys, begin_t, reads, input_precision=PRECISION)
                adds = tl.dot(vs, end_t, adds, input_precision=PRECISION)
                through += tl.sum(begin_t.to(tl.float32) * end_t.to(tl.float32), 0)
                dvs = tl.dot(mix_t, dys, input_precision=PRECISION)
                dvs = tl.dot(keys, end, dvs, input_precision=PRECISION)
                there = (t < rest)[:, None] & (p < width)[None, :]
                tl.store(dv + t[:, None] * heads * width + p[None, :], dvs, there)
            pairs = tl.where(t[:, None] >= t[None, :], pairs, 0.0)
            tl.store(dscores + square + t[:, None] * QUEUE + t[None, :], pairs)
            log = _gla_rows(g, g_time, t, rest, n, size)
            at = ((row * length + first) * heads + h) * size
            tile = at + t[:, None] * heads * size + n[None, :]
            there = (t < rest)[:, None] & (n < size)[None, :]
            tl.store(dq + tile, reads * tl.exp(tl.cumsum(log, 0)), there)
            tl.store(dk + tile, adds * to_end, there)
            through *= tl.exp(tl.sum(log, 0))
            at = (slot.to(tl.int64) * heads + h) * size
            tl.store(both + at + n, through, n < size)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _gla_backward_scores(
        q,
        k,
        log_decay,
        dscores,
        both,
        dq_state,
        dk_state,
        dq,
        dk,
        dlog,
        cu,
        sequences,
        length,
        heads,
        size,
        q_row,
        q_time,
        q_head,
        k_row,
        k_time,
        k_head,
        g_row,
        g_time,
        g_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        PART: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One chunk, head and PART key channels: the rest of q, k and log_decay.

        A log decay's gradient is a sum over the pairs of tokens that it stands between.
        A token paired with itself is left out of it from the start: it would cancel,
        and leave rounding where decay is strong.
        """
        slot, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s = _gla_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _gla_span(cu, s, length, QUEUE, PACKED)
        begin = (slot - start) * QUEUE
        if begin < tokens:
            rest, first = (tokens - begin).to(tl.int32), first + begin
            rest = tl.minimum(rest, QUEUE)
            t, n = tl.arange(0, QUEUE), tl.program_id(2) * PART + tl.arange(0, PART)
            q += row * q_row + first * q_time + h * q_head
            k += row * k_row + first * k_time + h * k_head
            g = log_decay + row * g_row + first * g_time + h * g_head
            qs = _gla_rows(q, q_time, t, rest, n, size)
            ks = _gla_rows(k, k_time, t, rest, n, size)
            log = _gla_rows(g, g_time, t, rest, n, size)
            dscores += (slot.to(tl.int64) * heads + h) * QUEUE * QUEUE
            dqs = tl.zeros((QUEUE, PART), tl.float32)
            dks = tl.zeros((QUEUE, PART), tl.float32)
            high, low = _gla_sums(log)
            pairs = tl.load(dscores + t[:, None] * QUEUE + t[None, :]).to(KIND)
            pairs_t = tl.load(dscores + t[None, :] * QUEUE + t[:, None]).to(KIND)
            for block in range(1, QUEUE // 16):
                asks, earlier = _gla_halves(high, low, t, block)
                right = (ks * earlier).to(KIND)
                dqs += tl.dot(pairs, right, input_precision=PRECISION) * asks
                right = (qs * asks).to(KIND)
                dks += tl.dot(pairs_t, right, input_precision=PRECISION) * earlier
            to_query, from_key = log, tl.zeros((QUEUE, PART), tl.float32)
            for off in range(1, 16):
                pair = dscores + t * QUEUE + t - off  # t asks, the key is before it
                pair = tl.load(pair, t % 16 >= off, 0.0).to(tl.float32)
                others = _gla_rows(k, k_time, t - off, rest, n, size)
                dqs += pair[:, None] * others * tl.exp(to_query)
                to_query += _gla_rows(g, g_time, t - off, rest, n, size)
                pair = dscores + (t + off) * QUEUE + t  # t is the key
                pair = tl.load(pair, t % 16 + off < 16, 0.0).to(tl.float32)
                others = _gla_rows(q, q_time, t + off, rest, n, size)
                from_key += _gla_rows(g, g_time, t + off, rest, n, size)
                dks += pair[:, None] * others * tl.exp(from_key)
            at = ((row * length + first) * heads + h) * size
            dq_state, dk_state = dq_state + at, dk_state + at
            dqs += _gla_rows(dq_state, heads * size, t, rest, n, size)
            dgs = tl.cumsum(qs * dqs - ks * dks, 0, reverse=True)
            adds = _gla_rows(dk_state, heads * size, t - 1, rest, n, size)
            adds *= _gla_rows(k, k_time, t - 1, rest, n, size)
            dgs += tl.cumsum(adds, 0)
            through = both + (slot.to(tl.int64) * heads + h) * size + n
            dgs += tl.load(through, n < size, 0.0)[None, :]
            self = tl.load(dscores + t * QUEUE + t).to(tl.float32)
            dqs += self[:, None] * ks
            dks += self[:, None] * qs
            dks += _gla_rows(dk_state, heads * size, t, rest, n, size)
            there = (t < rest)[:, None] & (n < size)[None, :]
            tile = at + t[:, None] * heads * size + n[None, :]
            tl.store(dq + tile, dqs, there)
            tl.store(dk + tile, dks, there)
            tl.store(dlog + tile, dgs, there)

    @triton.jit
    def _gla_token(
        q,
        k,
        v,
        log_decay,
        state,
        y,
        last,
        heads,
        size,
        width,
        q_row,
        q_head,
        k_row,
        k_head,
        v_row,
        v_head,
        g_row,
        g_head,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
    ):
        """One token of one head; `last` may be `state`."""
        s, h = tl.program_id(0) // heads, tl.program_id(0) % heads
        s, h = s.to(tl.int64), h.to(tl.int64)
        n, p = tl.arange(0, SIZE), tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        qs = tl.load(q + s * q_row + h * q_head + n, n < size, 0.0).to(tl.float32)
        ks = tl.load(k + s * k_row + h * k_head + n, n < size, 0.0).to(tl.float32)
        g = tl.load(log_decay + s * g_row + h * g_head + n, n < size, 0.0)
        vs = tl.load(v + s * v_row + h * v_head + p, p < width, 0.0).to(tl.float32)
        tile = n[:, None] * width + p[None, :] + (s * heads + h) * size * width
        inside = (n < size)[:, None] & (p < width)[None, :]
        now = ks[:, None] * vs[None, :]
        if state is not None:
            old = tl.load(state + tile, inside, 0.0).to(tl.float32)
            now += old * tl.exp(g.to(tl.float32))[:, None]
        tl.store(last + tile, now, inside)
        out = tl.sum(qs[:, None] * now, 0)
        tl.store(y + (s * heads + h) * width + p, out, p < width)


def _gla_dense(x: Tensor) -> Tensor:
    """x itself, or a copy if its last dimension is not dense.

    A copy too where offsets within a chunk of 64 tokens would not fit in 32 bits.
    """
    return x if x.stride(-1) == 1 and x.stride(1) < 2**24 else x.contiguous()


def _gla_empty(
    like: Tensor,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    zeros: Tensor | None = None,
) -> Tensor:
    """For a kernel to write; zeros where cu_seqlens may leave tokens out."""
    new = torch.empty if zeros is None else torch.zeros
    return new(tuple(shape), dtype=dtype, device=like.device)


def _gla_strides(*tensors: Tensor) -> list[int]:
    return [stride for tensor in tensors for stride in tensor.stride()[:3]]


def _gla_triton_step(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (batch, _, heads, size), width = q.shape, v.shape[3]
    q, k, v, log = (_gla_dense(z) for z in (q, k, v, log))
    if state is None:
        last = _gla_empty(q, (batch, heads, size, width))
    else:
        state = last = state.contiguous()
    y = _gla_empty(q, v.shape, q.dtype)
    padded = max(16, triton.next_power_of_2(size))
    tile = max(1, 2048 // padded)  # not measured: 16 numbers a thread
    with launch_on(q):
        _gla_token[batch * heads, triton.cdiv(width, tile)](
            q, k, v, log, state, y, last, heads, size, width,
            q.stride(0), q.stride(2), k.stride(0), k.stride(2),
            v.stride(0), v.stride(2), log.stride(0), log.stride(2),
            WIDTH=tile, SIZE=padded, num_warps=4,
        )  # fmt: skip
    return y, last


class _GatedLinearAttention(torch.autograd.Function):
    """Saves its inputs and recomputes scores and states."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        log: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        q, k, v, log = (_gla_dense(z) for z in (q, k, v, log))
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        ctx.save_for_backward(q, k, v, log, state, cu)
        (batch, length, heads, size), width = q.shape, v.shape[3]
        tiles = _gla_tiles(q, v, False)
        sequences = batch if cu is None else cu.shape[0] - 1
        y = _gla_empty(q, v.shape, q.dtype, cu)
        last = _gla_empty(q, (sequences, heads, size, width))
        scores, options = _gla_all_scores(q, k, log, cu, tiles)
        with launch_on(q):
            _gla_forward[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
                q, k, v, log, scores, state, y, last, cu,
                length, heads, size, width, *_gla_strides(q, k, log, v), **options,
            )  # fmt: skip
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, log, state, cu = ctx.saved_tensors
        (batch, length, heads, size), width = q.shape, v.shape[3]
        dy, dlast, tiles = _gla_dense(dy), dlast.contiguous(), _gla_tiles(q, v, True)
        sequences = batch if cu is None else cu.shape[0] - 1
        scores, options = _gla_all_scores(q, k, log, cu, tiles)
        slots, kind = scores.shape[0], scores.dtype
        starts = _gla_empty(q, (slots, heads, size, width), kind)
        ends = _gla_empty(q, starts.shape, kind)
        dstate = _gla_empty(q, dlast.shape)
        dscores = _gla_empty(q, scores.shape, kind)
        both = _gla_empty(q, (slots, heads, size))
        dq_state, dk_state = (_gla_empty(q, q.shape, kind) for _ in "qk")
        dq, dk = _gla_empty(q, q.shape, q.dtype, cu), _gla_empty(
            q, q.shape, k.dtype, cu
        )
        dlog = _gla_empty(q, q.shape, log.dtype, cu)
        dv = _gla_empty(q, v.shape, v.dtype, cu)
        strides = _gla_strides(q, k, log, v, dy)
        with launch_on(q):
            _gla_states[sequences * heads, triton.cdiv(width, tiles["WIDTH"]), 2](
                q, k, v, log, state, dy, dlast, starts, ends, dstate, cu,
                length, heads, size, width, *strides, **options,
            )  # fmt: skip
            _gla_backward_values[slots, heads](
                q, k, v, log, scores, dy, starts, ends, dscores, dq_state, dk_state,
                dv, both, cu, sequences, length, heads, size, width,
                *strides, **options,
            )  # fmt: skip
            _gla_backward_scores[slots, heads, triton.cdiv(size, tiles["PART"])](
                q, k, log, dscores, both, dq_state, dk_state, dq, dk, dlog, cu,
                sequences, length, heads, size, *strides[:9], **options,
            )  # fmt: skip
        first = None if state is None else dstate.to(state.dtype)
        return dq, dk, dv, dlog, first, None


def _gla_all_scores(
    q: Tensor, k: Tensor, log: Tensor, cu: Tensor | None, tiles: dict[str, Any]
) -> tuple[Tensor, dict[str, Any]]:
    """Scores of all chunks, in the dtype of their products; options of all launches."""
    (batch, length, heads, size), chunk = q.shape, tiles["QUEUE"]
    sequences = batch if cu is None else cu.shape[0] - 1
    # places for chunks: enough of them without reading cu_seqlens
    slots = batch * triton.cdiv(length, chunk)
    slots = slots if cu is None else length // chunk + sequences
    kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
    scores = _gla_empty(q, (slots, heads, chunk, chunk), kind)
    options = {"PACKED": cu is not None, **tiles}
    with launch_on(q):
        _gla_scores[slots, heads](
            q, k, log, scores, cu, sequences, length, heads, size,
            *_gla_strides(q, k, log), **options,
        )  # fmt: skip
    return scores, options
