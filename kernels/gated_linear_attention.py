"""Gated linear attention: linear attention whose state decays, channel by channel.

    S_t = diag(exp(log_decay_t)) S_{t-1} + k_t v_t^T        S (B, H, N, P)
    y_t = q_t S_t

    q, k (B, L, H, N)    v (B, L, H, P)    log_decay (B, L, H, N), not positive
    returns y (B, L, H, P) in q's dtype and the last S as state

With cu_seqlens (S + 1), the bounds of S sequences packed one after the other, B is 1
and state has S rows; tokens after the last bound give 0.

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. No exponent is ever positive: the decay between two tokens is the exponential
of a sum over the tokens between them, or it is split at a token between the two.
Source: Yang et al. 2023, arXiv 2312.06635, section 4.

On a GPU: the decayed q k^T of each tile first, all tiles at once. For every pair of
tokens of a tile there is one power of two by which they lie in two blocks side by
side; where these meet the decay is split, and one product serves all pairs of a
power. Then a walk over the tiles with the state on the chip, which reads q, k, v,
log_decay once and writes y once. The same walk back in time holds the gradient of
the state and writes that of v. For the other gradients both write the state down
every 256 tokens (64 in other dtypes; in bfloat16 for bfloat16 q); then all tiles of
64 tokens are independent and walk from there to their own borders. With S the bytes
of q, at H 16, N = P = 128 in bfloat16: 9.1 S forward, 14.9 S backward, as the
interpreter counts them. No atomics: two runs are equal to the bit. bfloat16
multiplies on tensor cores in bfloat16, float16 in TF32, float32 in three TF32
products or on the plain units. One token without gradients changes `state` in place
and returns that tensor.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.chunks import (
    _chunk_dense,
    _chunk_empty,
    _chunk_gradients,
    _chunk_join,
    _chunk_packed,
    _chunk_places,
    _chunk_split,
    _chunk_states,
    _chunk_strides,
)
from kernels.dispatch import autograd, kernels_for, launch_on, warp_group_products

try:
    import triton
    import triton.language as tl

    from kernels.chunks import _chunk_owner, _chunk_span, _chunk_tile
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
        gradients = _chunk_gradients(*tensors)
        if q.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _gla_triton_step(q, k, v, log_decay, state)
        q, k, v, log_decay = (_chunk_dense(z) for z in (q, k, v, log_decay))
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        inputs = (q, k, v, log_decay, state, cu)
        if not gradients:
            return _gla_launch(*inputs, keep=False)[:2]
        y, last = autograd(_GatedLinearAttention, *inputs)
        return y, last
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        rows = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        state = q.new_zeros((rows, *k.shape[2:], v.shape[3]), dtype=dtype)
    if cu_seqlens is not None:
        timed = (q, k, v, log_decay)
        return _chunk_packed(
            gated_linear_attention, timed, v.shape[3], state, cu_seqlens
        )
    if not q.shape[1]:
        return v.clone(), state
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        y, last = (_gla_step if q.shape[1] == 1 else _gla_chunks)(
            q.to(dtype), k.to(dtype), v.to(dtype), log_decay.to(dtype), state.to(dtype)
        )
    return y.to(q.dtype), last


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
    # padded tokens keep the state and add nothing; (B, K, H, Q, N or P)
    q, k, v, log = (_chunk_split(z, chunk).transpose(2, 3) for z in (q, k, v, log))
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
    starts, state = _chunk_states(keep, add, state)
    y = y + (q * total.exp()) @ starts
    return _chunk_join(y.transpose(2, 3), length), state


def _gla_why_not(q: Tensor, v: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    if q.shape[3] > 128 or v.shape[3] > 256:
        return f"{q.shape[3]} key channels > 128 or {v.shape[3]} of a value > 256"
    return ""


def _gla_tiles(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE = 2^LEVELS tokens a tile, KEEP from one state that is written down to the
    next; WIDTH channels of a value; SIZE key channels, padded, or PART of them; KIND
    and PRECISION of the operands of a product.
    """
    size = max(16, triton.next_power_of_2(q.shape[3]))
    wide, half = q.dtype != torch.bfloat16, q.dtype == torch.float16
    small = torch.version.hip is not None or not warp_group_products(q)
    precision, chunk, keep, width, stages = "tf32x3", 64, 256, 64, 1
    if torch.version.hip is not None:
        precision, chunk, keep, width = "ieee", 32, 128, 16
    elif wide:
        chunk = 32 if size < (32 if half else 64) and not backward else 16
        keep, width = 64, 32 if half else 16
        if half:
            precision = "tf32"  # as many bits as float16 has
        elif size >= (32 if backward else 128):
            precision = "ieee"  # on the plain arithmetic units: fewer registers
    elif not backward:
        width, stages = 32, 2
    elif small:
        chunk = 32
    part = 64 if not backward else 16 if small else 32
    return {
        "QUEUE": chunk,
        "LEVELS": chunk.bit_length() - 1,
        "KEEP": keep,
        "WIDTH": min(width, max(16, triton.next_power_of_2(v.shape[3]))),
        "SIZE": size,
        "PART": min(size, part),
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8,
        "num_stages": stages,
    }


if triton is not None:

    @triton.jit
    def _gla_decays(
        log_decay, step, t, tokens, n, n_in, TO_END: tl.constexpr, AXIS: tl.constexpr
    ):
        """From the start of a tile through each token; TO_END, of those after it.

        Tokens lie on the axis AXIS. Also the decay of the whole tile (N).
        """
        first = tl.zeros(n.shape, tl.float32)
        if TO_END:
            first += tl.load(log_decay + n, n_in, 0.0).to(tl.float32)
            log_decay += step
            tokens = tl.minimum(tokens, t.shape[0]) - 1
        if AXIS == 0:
            log = _chunk_tile(log_decay, t, t < tokens, step, n, n_in, 1)
        else:
            log = _chunk_tile(log_decay, n, n_in, 1, t, t < tokens, step)
        log = log.to(tl.float32)
        whole = tl.exp(first + tl.sum(log, AXIS))
        return tl.exp(tl.cumsum(log, AXIS, reverse=TO_END)), whole

    @triton.jit
    def _gla_sums(mask, x, KIND: tl.constexpr, PRECISION: tl.constexpr):
        """Sums of x (Q, N) over the tokens that a row of the mask (Q, Q) names.

        A product, so that no small sum is the difference of two large ones. bfloat16
        takes x in two parts.
        """
        mask = tl.where(mask, 1.0, 0.0).to(KIND)
        high = x.to(KIND)
        out = tl.dot(mask, high, input_precision=PRECISION)
        if KIND == tl.bfloat16:
            out = tl.dot(mask, (x - high.to(tl.float32)).to(KIND), out)
        return out

    @triton.jit
    def _gla_level(q, k, log, t, level, KIND: tl.constexpr, PRECISION: tl.constexpr):
        """Pairs of tokens in two blocks of 2^level tokens, side by side: their decay
        is split where the blocks meet.

        Which tokens ask (those of the second block); the decays from there to each of
        them, or to there from each of the first block; these times q or k, for a
        product; which pairs it is for.
        """
        block = t >> level
        asks = (block & 1 == 1)[:, None]
        later = t[None, :] > t[:, None]
        between = (block[:, None] == block[None, :]) & (later != asks)
        decay = tl.exp(_gla_sums(between, log, KIND, PRECISION))
        operand = (tl.where(asks, q, k) * decay).to(KIND)
        return asks, decay, operand, (block[:, None] ^ block[None, :]) == 1

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _gla_scores(
        q, k, log_decay, scores, cu, sequences, length, heads, size,
        q_row, q_time, q_head, k_row, k_time, k_head, g_row, g_time, g_head,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, LEVELS: tl.constexpr,
        KEEP: tl.constexpr, WIDTH: tl.constexpr, SIZE: tl.constexpr,
        PART: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """The decayed q k^T of a tile and head: (Q, Q), its causal half only.

        Only a right operand is ever turned, in shared memory: a left one that comes
        from a product is multiplied wrongly on Hopper by Triton 3.4 to 3.7.0.
        """
        place, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s = _chunk_owner(cu, place, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _chunk_span(cu, s, length, QUEUE, PACKED)
        begin = (place - start) * QUEUE
        t = tl.arange(0, QUEUE)
        real = t < tokens - begin
        q += row * q_row + (first + begin) * q_time + h * q_head
        k += row * k_row + (first + begin) * k_time + h * k_head
        log_decay += row * g_row + (first + begin) * g_time + h * g_head
        out = tl.zeros((QUEUE, QUEUE), tl.float32)
        for channels in range(0, size, PART):
            n = channels + tl.arange(0, PART)
            qs = _chunk_tile(q, t, real, q_time, n, n < size, 1).to(tl.float32)
            ks = _chunk_tile(k, t, real, k_time, n, n < size, 1).to(tl.float32)
            log = _chunk_tile(log_decay, t, real, g_time, n, n < size, 1)
            log = tl.maximum(log.to(tl.float32), -104.0)  # exp of it is 0
            self = tl.sum(qs * ks, 1)
            out += tl.where(t[:, None] == t[None, :], self[:, None], 0.0)
            for level in range(0, LEVELS):
                asks, decay, left, pairs = _gla_level(
                    qs, ks, log, t, level, KIND, PRECISION
                )
                both = tl.dot(left, tl.trans(left), input_precision=PRECISION)
                out += tl.where(pairs, both, 0.0)
        scores += (place.to(tl.int64) * heads + h) * QUEUE * QUEUE
        tile = scores + t[:, None] * QUEUE + t[None, :]
        tl.store(tile, out, t[:, None] >= t[None, :])

    @triton.jit(do_not_specialize=["length"])
    def _gla_walk(
        ask, add, values, log_decay, scores, state, out, last, kept, cu,
        length, heads, size, width,
        ask_row, ask_time, ask_head, add_row, add_time, add_head,
        v_row, v_time, v_head, g_row, g_time, g_head,
        BACK: tl.constexpr, PACKED: tl.constexpr, QUEUE: tl.constexpr,
        LEVELS: tl.constexpr, KEEP: tl.constexpr, WIDTH: tl.constexpr,
        SIZE: tl.constexpr, PART: tl.constexpr, KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One head, WIDTH channels of its values, of one sequence: tile after tile.

        q asks the state for y, k and v add to it. BACK in time k asks the gradient of
        the state for that of v, and q and dy add to it.
        """
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        row, first, tokens, place = _chunk_span(cu, s, length, QUEUE, PACKED)
        keeps = _chunk_span(cu, s, length, KEEP, PACKED)[3]
        t, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        n_in, p_in = n < size, p < width
        inside = n_in[:, None] & p_in[None, :]
        tile = n[:, None] * width + p[None, :]
        at = (s.to(tl.int64) * heads + h) * size * width
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        ask += row * ask_row + first * ask_time + h * ask_head
        add += row * add_row + first * add_time + h * add_head
        values += row * v_row + first * v_time + h * v_head
        log_decay += row * g_row + first * g_time + h * g_head
        out += ((row * length + first) * heads + h) * width
        tiles = tl.cdiv(tokens, QUEUE)
        for step in range(0, tiles):
            k = tiles - 1 - step if BACK else step
            begin = first * 0 + k * QUEUE
            if kept is not None:
                if BACK:
                    keep = (k + 1) * QUEUE % KEEP == 0 or step == 0
                else:
                    keep = k * QUEUE % KEEP == 0
                if keep:
                    to = ((keeps + begin // KEEP) * heads + h) * size * width
                    tl.store(kept + to + tile, now, inside)
            rest = (tokens - begin).to(tl.int32)
            real = t < rest
            g = log_decay + begin * g_time
            decay, _ = _gla_decays(g, g_time, t, rest, n, n_in, BACK, 0)
            asks = _chunk_tile(ask + begin * ask_time, t, real, ask_time, n, n_in, 1)
            asks = (asks.to(tl.float32) * decay).to(KIND)
            o = tl.dot(asks, now.to(KIND), input_precision=PRECISION)
            mix = scores + ((place + k) * heads + h) * QUEUE * QUEUE
            if BACK:  # turned: (key, query)
                mix += t[:, None] + t[None, :] * QUEUE
                mix = tl.load(mix, t[:, None] <= t[None, :], 0.0).to(KIND)
            else:
                mix += t[:, None] * QUEUE + t[None, :]
                mix = tl.load(mix, t[:, None] >= t[None, :], 0.0).to(KIND)
            vs = _chunk_tile(values + begin * v_time, t, real, v_time, p, p_in, 1)
            vs = vs.to(KIND)
            o = tl.dot(mix, vs, o, input_precision=PRECISION)
            to = out + begin * heads * width + t[:, None] * heads * width + p[None, :]
            tl.store(to, o, real[:, None] & p_in[None, :])
            decay_t, whole = _gla_decays(g, g_time, t, rest, n, n_in, not BACK, 1)
            adds = _chunk_tile(add + begin * add_time, n, n_in, 1, t, real, add_time)
            adds = (adds.to(tl.float32) * decay_t).to(KIND)
            now *= whole[:, None]
            now = tl.dot(adds, vs, now, input_precision=PRECISION)
        tl.store(last + at + tile, now, inside)

    @triton.jit
    def _gla_over_tile(
        now, values, rows, log_decay, v_time, time, g_time, tokens, p, p_in, n, n_in,
        BACK: tl.constexpr, QUEUE: tl.constexpr, KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):  # fmt: skip
        """A state, turned (P, N), over one tile: v and k, or back in time dy and q."""
        t = tl.arange(0, QUEUE)
        real = t < tokens
        decay, whole = _gla_decays(log_decay, g_time, t, tokens, n, n_in, not BACK, 0)
        right = _chunk_tile(rows, t, real, time, n, n_in, 1).to(tl.float32)
        right = (right * decay).to(KIND)
        now *= whole[None, :]
        left = _chunk_tile(values, p, p_in, 1, t, real, v_time).to(KIND)
        return tl.dot(left, right, now, input_precision=PRECISION)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _gla_backward(
        q, k, v, log_decay, dy, starts, ends, dq, dk, dlog, cu,
        sequences, length, heads, size, width,
        q_row, q_time, q_head, k_row, k_time, k_head, v_row, v_time, v_head,
        g_row, g_time, g_head, dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, LEVELS: tl.constexpr,
        KEEP: tl.constexpr, WIDTH: tl.constexpr, SIZE: tl.constexpr,
        PART: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One tile, head and PART key channels: the gradients of q, k and log_decay.

        States walk to the tile from the nearest that were written down. A log decay's
        gradient is a sum over the pairs of tokens that it stands between. A token
        paired with itself is left out of it from the start: it would cancel, and leave
        rounding where decay is strong.
        """
        TILES: tl.constexpr = KEEP // QUEUE
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        h = tl.program_id(1).to(tl.int64)
        s = _chunk_owner(cu, place, sequences, length, KEEP, PACKED)
        row, first, tokens, keeps = _chunk_span(cu, s, length, KEEP, PACKED)
        begin = (place - keeps) * KEEP
        first, tokens = first + begin, tl.minimum(tokens - begin, KEEP).to(tl.int32)
        if i * QUEUE < tokens:
            t, n = tl.arange(0, QUEUE), tl.program_id(2) * PART + tl.arange(0, PART)
            rest, n_in = tokens - i * QUEUE, n < size
            real = t < rest
            q += row * q_row + first * q_time + h * q_head
            k += row * k_row + first * k_time + h * k_head
            v += row * v_row + first * v_time + h * v_head
            g = log_decay + row * g_row + first * g_time + h * g_head
            dy += row * dy_row + first * dy_time + h * dy_head
            tiles = tl.cdiv(tokens, QUEUE)
            reads = tl.zeros((QUEUE, PART), tl.float32)
            adds = tl.zeros((QUEUE, PART), tl.float32)
            through = tl.zeros((PART,), tl.float32)
            for channels in range(0, width, WIDTH):
                p = channels + tl.arange(0, WIDTH)
                p_in = p < width
                at = (place.to(tl.int64) * heads + h) * size * width
                at += n[None, :] * width + p[:, None]
                inside = p_in[:, None] & n_in[None, :]
                start = tl.load(starts + at, inside, 0.0).to(tl.float32)
                for j in range(0, i):
                    skip = j * QUEUE
                    start = _gla_over_tile(
                        start, v + skip * v_time, k + skip * k_time, g + skip * g_time,
                        v_time, k_time, g_time, tokens - skip, p, p_in, n, n_in,
                        False, QUEUE, KIND, PRECISION,
                    )  # fmt: skip
                end = tl.load(ends + at, inside, 0.0).to(tl.float32)
                for j in range(0, tiles - 1 - i):
                    skip = (tiles - 1 - j) * QUEUE
                    end = _gla_over_tile(
                        end, dy + skip * dy_time, q + skip * q_time, g + skip * g_time,
                        dy_time, q_time, g_time, tokens - skip, p, p_in, n, n_in,
                        True, QUEUE, KIND, PRECISION,
                    )  # fmt: skip
                through += tl.sum(start * end, 0)
                v_at, dy_at = v + i * QUEUE * v_time, dy + i * QUEUE * dy_time
                vs = _chunk_tile(v_at, t, real, v_time, p, p_in, 1).to(KIND)
                dys = _chunk_tile(dy_at, t, real, dy_time, p, p_in, 1).to(KIND)
                reads = tl.dot(dys, start.to(KIND), reads, input_precision=PRECISION)
                adds = tl.dot(vs, end.to(KIND), adds, input_precision=PRECISION)
            q, k, g = (
                q + i * QUEUE * q_time,
                k + i * QUEUE * k_time,
                g + i * QUEUE * g_time,
            )
            v, dy = v + i * QUEUE * v_time, dy + i * QUEUE * dy_time
            qs = _chunk_tile(q, t, real, q_time, n, n_in, 1).to(tl.float32)
            ks = _chunk_tile(k, t, real, k_time, n, n_in, 1).to(tl.float32)
            log = _chunk_tile(g, t, real, g_time, n, n_in, 1).to(tl.float32)
            log = tl.maximum(log, -104.0)  # exp of it is 0
            earlier = t[:, None] > t[None, :]
            dks = adds * tl.exp(
                _gla_sums(t[:, None] < t[None, :], log, KIND, PRECISION)
            )
            dqs = reads * tl.exp(
                _gla_sums(t[:, None] >= t[None, :], log, KIND, PRECISION)
            )
            dlogs = _gla_sums(earlier, dks * ks, KIND, PRECISION)
            dlogs += (through * tl.exp(tl.sum(log, 0)))[None, :]
            near = tl.zeros((QUEUE, PART), tl.float32)
            pairs = tl.zeros((QUEUE, QUEUE), tl.float32)
            turned = tl.zeros((QUEUE, QUEUE), tl.float32)
            for channels in range(0, width, WIDTH):
                p = channels + tl.arange(0, WIDTH)
                vs = _chunk_tile(v, t, real, v_time, p, p < width, 1).to(KIND)
                dys = _chunk_tile(dy, t, real, dy_time, p, p < width, 1).to(KIND)
                pairs = tl.dot(dys, tl.trans(vs), pairs, input_precision=PRECISION)
                turned = tl.dot(vs, tl.trans(dys), turned, input_precision=PRECISION)
            pairs = tl.where(earlier, pairs, turned)  # of both tokens, either way
            for level in range(0, LEVELS):
                asks, decay, right, both = _gla_level(
                    qs, ks, log, t, level, KIND, PRECISION
                )
                left = tl.where(both, pairs, 0.0).to(KIND)
                more = tl.dot(left, right, input_precision=PRECISION) * decay
                dqs += tl.where(asks, more, 0.0)
                near += tl.where(asks, 0.0, more)
            dlogs += tl.cumsum(qs * dqs - ks * near, 0, reverse=True)
            self = tl.sum(tl.where(t[:, None] == t[None, :], pairs, 0.0), 1)
            dqs += self[:, None] * ks
            dks += self[:, None] * qs + near
            at = (row * length + first + i * QUEUE) * heads + h
            tile = at * size + t[:, None] * heads * size + n[None, :]
            there = real[:, None] & n_in[None, :]
            tl.store(dq + tile, dqs, there)
            tl.store(dk + tile, dks, there)
            tl.store(dlog + tile, dlogs, there)

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


def _gla_triton_step(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (batch, _, heads, size), width = q.shape, v.shape[3]
    q, k, v, log = (_chunk_dense(z) for z in (q, k, v, log))
    if state is None:
        last = _chunk_empty(q, (batch, heads, size, width))
    else:
        state = last = state.contiguous()
    y = _chunk_empty(q, v.shape, q.dtype)
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


def _gla_launch(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    state: Tensor | None,
    cu: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """y, the last state, the decayed q k^T, and, to keep, a state every KEEP tokens."""
    (batch, length, heads, size), width = q.shape, v.shape[3]
    tiles = _gla_tiles(q, v, False)
    sequences = batch if cu is None else cu.shape[0] - 1
    y = _chunk_empty(q, v.shape, q.dtype, cu)
    last = _chunk_empty(q, (sequences, heads, size, width))
    kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
    starts = None
    if keep:
        places = _chunk_places(q, cu, tiles["KEEP"])
        starts = _chunk_empty(q, (places, heads, size, width), kind)
    places = _chunk_places(q, cu, tiles["QUEUE"])
    scores = _chunk_empty(q, (places, heads, tiles["QUEUE"], tiles["QUEUE"]), kind)
    options = {"PACKED": cu is not None, **tiles}
    with launch_on(q):
        _gla_scores[places, heads](
            q, k, log, scores, cu, sequences, length, heads, size,
            *_chunk_strides(q, k, log), **options,
        )  # fmt: skip
        _gla_walk[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
            q, k, v, log, scores, state, y, last, starts, cu,
            length, heads, size, width,
            *_chunk_strides(q, k, v, log), BACK=False, **options,
        )  # fmt: skip
    return y, last, scores, starts


class _GatedLinearAttention(torch.autograd.Function):
    """Saves its inputs, the decayed q k^T, and a state every KEEP tokens."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        log: Tensor,
        state: Tensor | None,
        cu: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, scores, starts = _gla_launch(q, k, v, log, state, cu, keep=True)
        ctx.save_for_backward(q, k, v, log, scores, starts, cu)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, log, scores, starts, cu = ctx.saved_tensors
        (batch, length, heads, size), width = q.shape, v.shape[3]
        dy, dlast = _chunk_dense(dy), dlast.contiguous()
        sequences = batch if cu is None else cu.shape[0] - 1
        ends, dstate = torch.empty_like(starts), torch.empty_like(dlast)
        dq, dk, dv, dlog = (
            _chunk_empty(z, z.shape, z.dtype, cu) for z in (q, k, v, log)
        )
        tiles, packed = _gla_tiles(q, v, False), cu is not None
        with launch_on(q):
            _gla_walk[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
                k, q, dy, log, scores, dlast, dv, dstate, ends, cu,
                length, heads, size, width,
                *_chunk_strides(k, q, dy, log), BACK=True, PACKED=packed, **tiles,
            )  # fmt: skip
            tiles = _gla_tiles(q, v, True)
            programs = starts.shape[0] * (tiles["KEEP"] // tiles["QUEUE"])
            _gla_backward[programs, heads, triton.cdiv(size, tiles["PART"])](
                q, k, v, log, dy, starts, ends, dq, dk, dlog, cu,
                sequences, length, heads, size, width,
                *_chunk_strides(q, k, v, log, dy), PACKED=packed, **tiles,
            )  # fmt: skip
        first = None if ctx.state_dtype is None else dstate.to(ctx.state_dtype)
        return dq, dk, dv, dlog, first, None
