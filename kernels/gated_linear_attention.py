"""Gated linear attention: linear attention whose state decays, channel by channel.

    S_t = diag(exp(log_decay_t)) S_{t-1} + k_t v_t^T        S (B, H, K, V)
    y_t = q_t S_t

    q, k, log_decay (B, T, H, K), log_decay not positive    v (B, T, H, V)
    returns y (B, T, H, V) in q's dtype and the last S as state (B, H, K, V)

With cu_seqlens, S sequences packed as kernels/sequences.py says, states are
(S, H, K, V).

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
64 tokens are independent and walk from there to their own borders. With M the bytes
of q, at H 16, K = V = 128 in bfloat16: 9.1 M forward, 14.9 M backward, as the
interpreter counts them. No atomics: two runs are equal to the bit. bfloat16
multiplies on tensor cores in bfloat16, float16 in TF32, float32 in three TF32
products or on the plain units. One token without gradients changes `state` in place
and returns that tensor.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.chunks import (
    _chunk_gradients,
    _chunk_join,
    _chunk_rows,
    _chunk_split,
    _chunk_states,
)
from kernels.dispatch import autograd, kernels_for, launch_on, warp_group_products
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

    from kernels.chunks import (
        _chunk_cast,
        _chunk_dot,
        _chunk_level,
        _chunk_load,
        _chunk_sums,
        _chunk_turned,
    )
    from kernels.sequences import _seq_place, _seq_span, _seq_tile
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
        if _chunk_gradients(*tensors):
            y, last = autograd(_GatedLinearAttention, *tensors, cu_seqlens)
            return y, last
        if q.shape[1] == 1 and cu_seqlens is None:
            return _gla_token(*tensors)
        return _gla_forward(*tensors, cu_seqlens, keep=False)[:2]
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        rows = _seq_count(q, cu_seqlens)
        state = q.new_zeros((rows, *k.shape[2:], v.shape[3]), dtype=dtype)
    if cu_seqlens is not None:
        inputs = (q, k, v, log_decay)
        return _seq_apart(gated_linear_attention, inputs, state, cu_seqlens)
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
    """All tokens, in N chunks of Q = 16: no decay within one has to be split."""
    length, chunk = q.shape[1], 16
    # padded tokens keep the state and add nothing; (B, N, H, Q, K or V)
    q, k, v, log = (_chunk_split(z, chunk).transpose(2, 3) for z in (q, k, v, log))
    ones = torch.ones(chunk, chunk, 1, dtype=torch.bool, device=q.device)
    future, later = ones[..., 0].triu(1)[..., None], ones[..., 0].tril(-1)[..., None]
    span = log.unsqueeze(4).expand(*log.shape[:4], chunk, log.shape[4])
    span = span.masked_fill(~later, 0).cumsum(3)  # (B, N, H, Q, Q, K)
    decay = span.masked_fill(future, -torch.inf).exp()
    scores = (decay * q.unsqueeze(4) * k.unsqueeze(3)).sum(5)  # (B, N, H, Q, Q)
    y = scores @ v
    total = log.cumsum(3)
    add = (k * decay[:, :, :, -1]).transpose(3, 4) @ v  # (B, N, H, K, V)
    keep = total[:, :, :, -1].exp().unsqueeze(4)  # (B, N, H, K, 1)
    starts, state = _chunk_states(keep, add, state)
    y = y + (q * total.exp()) @ starts
    return _chunk_join(y.transpose(2, 3), length), state


# Triton


class _GatedLinearAttention(torch.autograd.Function):
    """Saves its inputs, the decayed q k^T, and a state every KEEP tokens.

    Plain PyTorch needs none.
    """

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
        inputs = (q, k, v, log)
        y, last, *kept = _gla_forward(*inputs, state, cu_seqlens, keep=True)
        ctx.save_for_backward(*inputs, *kept, cu_seqlens)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *grads, dstate = _gla_backward(dy, dlast, *ctx.saved_tensors)
        if ctx.state_dtype is None:
            return *grads, None, None
        return *grads, dstate.to(ctx.state_dtype), None


def _gla_why_not(q: Tensor, v: Tensor) -> str:
    """What the kernels do not serve; empty if they do."""
    K, V = q.shape[3], v.shape[3]
    if K > 128 or V > 256:
        return f"{K} key channels > 128 or {V} of a value > 256"
    return ""


def _gla_tile(q: Tensor, v: Tensor, backward: bool) -> dict[str, Any]:
    """BT tokens, BK key channels (all, padded; in the backward a part), BV of a value;
    KEEP tokens from one state that is written down to the next; DOT, as products are
    made: the largest that compile without spills on sm_90.
    """
    BK = max(16, triton.next_power_of_2(q.shape[3]))
    wide, half = q.dtype != torch.bfloat16, q.dtype == torch.float16
    small = torch.version.hip is not None or not warp_group_products(q)
    DOT, BT, KEEP, BV, stages = "bf16" if not wide else "tf32x3", 64, 256, 64, 1
    if torch.version.hip is not None:
        DOT, BT, KEEP, BV = "ieee" if wide else "bf16", 32, 128, 16
    elif wide:
        BT = 32 if BK < (32 if half else 64) and not backward else 16
        KEEP, BV = 64, 32 if half else 16
        if half:
            DOT = "tf32"  # as many bits as float16 has
        elif BK >= (32 if backward else 128):
            DOT = "ieee"  # on the plain arithmetic units: fewer registers
    elif not backward:
        BV, stages = 32, 2
    elif small:
        BT = 32
    return {
        "BT": BT,
        "KEEP": KEEP,
        "BK": min(BK, 16 if small else 32) if backward else BK,
        "BV": min(BV, max(16, triton.next_power_of_2(v.shape[3]))),
        "DOT": DOT,
        "num_warps": 8,
        "num_stages": stages,
    }


def _gla_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """y, the last state, the decayed q k^T, and, to keep, a state every KEEP tokens."""
    (_, T, H, K), V = q.shape, v.shape[3]
    state, cu_seqlens = _seq_dense(state, cu_seqlens)
    rows = [_chunk_rows(z) for z in (q, k, v, log)]
    qs, ks, vs, gs = (z.stride(0) for z in rows)
    qr, kr, _, gr = rows
    tile, S = _gla_tile(q, v, False), _seq_count(q, cu_seqlens)
    last, starts = q.new_empty((S, H, K, V), dtype=torch.float32), None
    kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
    if keep:
        kept = _seq_places(q, cu_seqlens, tile["KEEP"])
        starts = q.new_empty((kept, H, K, V), dtype=kind)
    places, BT = _seq_places(q, cu_seqlens, tile["BT"]), tile["BT"]
    scores = q.new_empty((places, H, BT, BT), dtype=kind)
    with launch_on(q):
        y = _seq_empty(q, cu_seqlens, v.shape, q.dtype)
        _gla_scores_kernel[places, H](
            qr, kr, gr, scores, cu_seqlens, qs, ks, gs, T, H, K,
            BT=BT, BK=min(tile["BK"], 64), DOT=tile["DOT"],
            num_warps=8, num_stages=tile["num_stages"],
        )  # fmt: skip
        _gla_walk_kernel[S * H, triton.cdiv(V, tile["BV"])](
            *rows, scores, state, y, last, starts, cu_seqlens, qs, ks, vs, gs,
            T, H, K, V, BACK=False, **tile,
        )  # fmt: skip
    return y, last, scores, starts


def _gla_backward(
    dy: Tensor,
    dlast: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    scores: Tensor,
    starts: Tensor,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, ...]:
    """The gradients of q, k, v, log and state."""
    (_, T, H, K), V = q.shape, v.shape[3]
    dy, dlast, cu_seqlens = _seq_dense(dy, dlast, cu_seqlens)
    rows = [_chunk_rows(z) for z in (q, k, v, log)]
    qs, ks, vs, gs = (z.stride(0) for z in rows)
    qr, kr, _, gr = rows
    tile, S = _gla_tile(q, v, False), _seq_count(q, cu_seqlens)
    ends, dstate = torch.empty_like(starts), torch.empty_like(dlast)
    with launch_on(q):
        dq, dk, dv, dlog = (
            _seq_empty(z, cu_seqlens, z.shape, z.dtype) for z in (q, k, v, log)
        )
        _gla_walk_kernel[S * H, triton.cdiv(V, tile["BV"])](
            kr, qr, dy, gr, scores, dlast, dv, dstate, ends, cu_seqlens,
            ks, qs, H * V, gs, T, H, K, V, BACK=True, **tile,
        )  # fmt: skip
        tile = _gla_tile(q, v, True)
        programs = starts.shape[0] * (tile["KEEP"] // tile["BT"])
        _gla_backward_kernel[programs, H, triton.cdiv(K, tile["BK"])](
            *rows, dy, starts, ends, dq, dk, dlog, cu_seqlens, qs, ks, vs, gs,
            T, H, K, V, **tile,
        )  # fmt: skip
    return dq, dk, dv, dlog, dstate


def _gla_token(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, state: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (B, _, H, K), V = q.shape, v.shape[3]
    last = (
        q.new_empty((B, H, K, V), dtype=torch.float32)
        if state is None
        else state.contiguous()
    )
    state = None if state is None else last
    y = q.new_empty(v.shape)
    q, k, v, log = (_chunk_rows(z) for z in (q, k, v, log))
    BK = max(16, triton.next_power_of_2(K))
    BV = max(1, 2048 // BK)  # 16 numbers a thread
    with launch_on(q):
        _gla_token_kernel[B * H, triton.cdiv(V, BV)](
            q, k, v, log, state, y, last,
            q.stride(0), k.stride(0), v.stride(0), log.stride(0), H, K, V,
            BK=BK, BV=BV, num_warps=4,
        )  # fmt: skip
    return y, last


if triton is not None:

    @triton.jit
    def _gla_decays(
        log_decay, t, T, stride, k, K, TO_END: tl.constexpr, AXIS: tl.constexpr
    ):
        """From the start of a tile through each token; TO_END, of those after it.

        Tokens lie on the axis AXIS. Also the decay of the whole tile (BK).
        """
        first = tl.zeros(k.shape, tl.float32)
        if TO_END:
            first += tl.load(log_decay + k, k < K, 0.0).to(tl.float32)
            log_decay += stride
            T = tl.minimum(T, t.shape[0]) - 1
        if AXIS == 0:
            log = _chunk_load(log_decay, t, T, stride, k, K).to(tl.float32)
        else:
            log = _chunk_turned(log_decay, t, T, stride, k, K).to(tl.float32)
        whole = tl.exp(first + tl.sum(log, AXIS))
        return tl.exp(tl.cumsum(log, AXIS, reverse=TO_END)), whole

    @triton.jit(do_not_specialize=["T"])
    def _gla_scores_kernel(
        q, k, log_decay, scores, cu_seqlens, q_stride, k_stride, g_stride, T, H, K,
        BT: tl.constexpr, BK: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """The decayed q k^T of a tile and head: (BT, BT), its causal half only.

        Only a right operand is ever turned, in shared memory: a left one that comes
        from a product is multiplied wrongly on Hopper by Triton 3.4 to 3.7.0.
        """
        LEVELS: tl.constexpr = 6 if BT == 64 else 5 if BT == 32 else 4  # BT = 2^LEVELS
        place, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s, bos, T, begin = _seq_tile(cu_seqlens, place, tl.num_programs(0), T, BT)
        t, rest = tl.arange(0, BT), T - begin
        q += (bos + begin) * q_stride + h * K
        k += (bos + begin) * k_stride + h * K
        log_decay += (bos + begin) * g_stride + h * K
        out = tl.zeros((BT, BT), tl.float32)
        for channels in range(0, K, BK):
            n = channels + tl.arange(0, BK)
            qs = _chunk_load(q, t, rest, q_stride, n, K).to(tl.float32)
            ks = _chunk_load(k, t, rest, k_stride, n, K).to(tl.float32)
            log = _chunk_load(log_decay, t, rest, g_stride, n, K).to(tl.float32)
            log = tl.maximum(log, -104.0)  # exp of it is 0
            own = tl.sum(qs * ks, 1)
            out += tl.where(t[:, None] == t[None, :], own[:, None], 0.0)
            for level in range(0, LEVELS):
                asks, decay, left, pairs = _chunk_level(qs, ks, log, t, level, DOT)
                both = _chunk_dot(left, tl.trans(left), DOT)
                out += tl.where(pairs, both, 0.0)
        scores += (place.to(tl.int64) * H + h) * BT * BT
        tile = scores + t[:, None] * BT + t[None, :]
        tl.store(tile, out, t[:, None] >= t[None, :])

    @triton.jit(do_not_specialize=["T"])
    def _gla_walk_kernel(
        ask, add, values, log_decay, scores, state, out, last, kept, cu_seqlens,
        ask_stride, add_stride, v_stride, g_stride, T, H, K, V,
        BACK: tl.constexpr, BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr,
        BV: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """One head, BV channels of its values, of one sequence: tile after tile.

        q asks the state for y, k and v add to it. BACK in time k asks the gradient of
        the state for that of v, and q and dy add to it.
        """
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        bos, T = _seq_span(cu_seqlens, s, T)
        place = _seq_place(cu_seqlens, s, bos, T, BT)
        keeps = _seq_place(cu_seqlens, s, bos, T, KEEP)
        t, k = tl.arange(0, BT), tl.arange(0, BK)
        v = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (k < K)[:, None] & (v < V)[None, :]
        tile = k[:, None] * V + v[None, :]
        at = (s.to(tl.int64) * H + h) * K * V
        now = tl.zeros((BK, BV), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        ask += bos * ask_stride + h * K
        add += bos * add_stride + h * K
        values += bos * v_stride + h * V
        log_decay += bos * g_stride + h * K
        out += (bos * H + h) * V
        tiles = tl.cdiv(T, BT)
        for step in range(0, tiles):
            i = tiles - 1 - step if BACK else step
            begin = bos * 0 + i * BT
            if kept is not None:
                if BACK:
                    keep = (i + 1) * BT % KEEP == 0 or step == 0
                else:
                    keep = i * BT % KEEP == 0
                if keep:
                    to = ((keeps + begin // KEEP) * H + h) * K * V
                    tl.store(kept + to + tile, now, inside)
            rest = (T - begin).to(tl.int32)
            g = log_decay + begin * g_stride
            decay, _ = _gla_decays(g, t, rest, g_stride, k, K, BACK, 0)
            asks = _chunk_load(ask + begin * ask_stride, t, rest, ask_stride, k, K)
            o = _chunk_dot(asks.to(tl.float32) * decay, now, DOT)
            mix = scores + ((place + i) * H + h) * BT * BT
            if BACK:  # turned: (key, query)
                mix += t[:, None] + t[None, :] * BT
                mix = tl.load(mix, t[:, None] <= t[None, :], 0.0)
            else:
                mix += t[:, None] * BT + t[None, :]
                mix = tl.load(mix, t[:, None] >= t[None, :], 0.0)
            vs = _chunk_load(values + begin * v_stride, t, rest, v_stride, v, V)
            o = _chunk_dot(mix, vs, DOT, o)
            to = out + begin * H * V + t[:, None] * H * V + v[None, :]
            tl.store(to, o, (t < rest)[:, None] & (v < V)[None, :])
            decay_t, whole = _gla_decays(g, t, rest, g_stride, k, K, not BACK, 1)
            adds = _chunk_turned(add + begin * add_stride, t, rest, add_stride, k, K)
            now *= whole[:, None]
            now = _chunk_dot(adds.to(tl.float32) * decay_t, vs, DOT, now)
        tl.store(last + at + tile, now, inside)

    @triton.jit
    def _gla_over_tile(
        now, values, rows, log_decay, v_stride, stride, g_stride, T, v, V, k, K,
        BACK: tl.constexpr, BT: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """A state, turned (BV, BK), over a tile: v and k, or back in time dy and q."""
        t = tl.arange(0, BT)
        decay, whole = _gla_decays(log_decay, t, T, g_stride, k, K, not BACK, 0)
        right = _chunk_load(rows, t, T, stride, k, K).to(tl.float32) * decay
        left = _chunk_turned(values, t, T, v_stride, v, V)
        return _chunk_dot(left, right, DOT, now * whole[None, :])

    @triton.jit(do_not_specialize=["T"])
    def _gla_backward_kernel(
        q, k, v, log_decay, dy, starts, ends, dq, dk, dlog, cu_seqlens,
        q_stride, k_stride, v_stride, g_stride, T, H, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One tile, head and BK key channels: the gradients of q, k and log_decay.

        States walk to the tile from the nearest that were written down. A log decay's
        gradient is a sum over the pairs of tokens that it stands between. A token
        paired with itself is left out of it from the start: it would cancel, and leave
        rounding where decay is strong.
        """
        TILES: tl.constexpr = KEEP // BT
        LEVELS: tl.constexpr = 6 if BT == 64 else 5 if BT == 32 else 4  # BT = 2^LEVELS
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        h, places = tl.program_id(1).to(tl.int64), tl.num_programs(0) // TILES
        s, bos, T, begin = _seq_tile(cu_seqlens, place, places, T, KEEP)
        bos, T = bos + begin, tl.minimum(T - begin, KEEP).to(tl.int32)
        if i * BT < T:
            t, n = tl.arange(0, BT), tl.program_id(2) * BK + tl.arange(0, BK)
            q += bos * q_stride + h * K
            k += bos * k_stride + h * K
            v += bos * v_stride + h * V
            g = log_decay + bos * g_stride + h * K
            dy += (bos * H + h) * V
            tiles = tl.cdiv(T, BT)
            here, rest = i * BT, T - i * BT
            v_at, dy_at = v + here * v_stride, dy + here * H * V
            reads = tl.zeros((BT, BK), tl.float32)
            adds = tl.zeros((BT, BK), tl.float32)
            through = tl.zeros((BK,), tl.float32)
            for channels in range(0, V, BV):
                p = channels + tl.arange(0, BV)
                at = (place.to(tl.int64) * H + h) * K * V
                at += n[None, :] * V + p[:, None]
                inside = (p < V)[:, None] & (n < K)[None, :]
                start = tl.load(starts + at, inside, 0.0).to(tl.float32)
                for j in range(0, i):
                    skip = j * BT
                    start = _gla_over_tile(
                        start, v + skip * v_stride, k + skip * k_stride,
                        g + skip * g_stride, v_stride, k_stride, g_stride, T - skip,
                        p, V, n, K, False, BT, DOT,
                    )  # fmt: skip
                end = tl.load(ends + at, inside, 0.0).to(tl.float32)
                for j in range(0, tiles - 1 - i):
                    skip = (tiles - 1 - j) * BT
                    end = _gla_over_tile(
                        end, dy + skip * H * V, q + skip * q_stride,
                        g + skip * g_stride, H * V, q_stride, g_stride, T - skip,
                        p, V, n, K, True, BT, DOT,
                    )  # fmt: skip
                through += tl.sum(start * end, 0)
                dys = _chunk_load(dy_at, t, rest, H * V, p, V)
                reads = _chunk_dot(dys, start, DOT, reads)
                vs = _chunk_load(v_at, t, rest, v_stride, p, V)
                adds = _chunk_dot(vs, end, DOT, adds)
            qs = _chunk_load(q + here * q_stride, t, rest, q_stride, n, K)
            ks = _chunk_load(k + here * k_stride, t, rest, k_stride, n, K)
            log = _chunk_load(g + here * g_stride, t, rest, g_stride, n, K)
            qs, ks = qs.to(tl.float32), ks.to(tl.float32)
            log = tl.maximum(log.to(tl.float32), -104.0)  # exp of it is 0
            earlier, later = t[:, None] > t[None, :], t[:, None] < t[None, :]
            dks = adds * tl.exp(_chunk_sums(later, log, DOT))
            dqs = reads * tl.exp(_chunk_sums(t[:, None] >= t[None, :], log, DOT))
            dlogs = _chunk_sums(earlier, dks * ks, DOT)
            dlogs += (through * tl.exp(tl.sum(log, 0)))[None, :]
            near = tl.zeros((BT, BK), tl.float32)
            pairs = tl.zeros((BT, BT), tl.float32)
            turned = tl.zeros((BT, BT), tl.float32)
            for channels in range(0, V, BV):
                p = channels + tl.arange(0, BV)
                vs = _chunk_cast(_chunk_load(v_at, t, rest, v_stride, p, V), DOT)
                dys = _chunk_cast(_chunk_load(dy_at, t, rest, H * V, p, V), DOT)
                pairs = _chunk_dot(dys, tl.trans(vs), DOT, pairs)
                turned = _chunk_dot(vs, tl.trans(dys), DOT, turned)
            pairs = tl.where(earlier, pairs, turned)  # of both tokens, either way
            for level in range(0, LEVELS):
                asks, decay, right, both = _chunk_level(qs, ks, log, t, level, DOT)
                more = _chunk_dot(tl.where(both, pairs, 0.0), right, DOT) * decay
                dqs += tl.where(asks, more, 0.0)
                near += tl.where(asks, 0.0, more)
            dlogs += tl.cumsum(qs * dqs - ks * near, 0, reverse=True)
            own = tl.sum(tl.where(t[:, None] == t[None, :], pairs, 0.0), 1)
            dqs += own[:, None] * ks
            dks += own[:, None] * qs + near
            to = ((bos + here + t[:, None]) * H + h) * K + n[None, :]
            there = (t < rest)[:, None] & (n < K)[None, :]
            tl.store(dq + to, dqs, there)
            tl.store(dk + to, dks, there)
            tl.store(dlog + to, dlogs, there)

    @triton.jit
    def _gla_token_kernel(
        q, k, v, log_decay, state, y, last, q_stride, k_stride, v_stride, g_stride,
        H, K, V, BK: tl.constexpr, BV: tl.constexpr,
    ):  # fmt: skip
        """One token of one head; `last` may be `state`."""
        row, h = (tl.program_id(0) // H).to(tl.int64), tl.program_id(0) % H
        one = tl.program_id(0).to(tl.int64)  # row and head
        n, p = tl.arange(0, BK), tl.program_id(1) * BV + tl.arange(0, BV)
        qs = tl.load(q + row * q_stride + h * K + n, n < K, 0.0).to(tl.float32)
        ks = tl.load(k + row * k_stride + h * K + n, n < K, 0.0).to(tl.float32)
        g = tl.load(log_decay + row * g_stride + h * K + n, n < K, 0.0)
        vs = tl.load(v + row * v_stride + h * V + p, p < V, 0.0).to(tl.float32)
        tile = one * K * V + n[:, None] * V + p[None, :]
        inside = (n < K)[:, None] & (p < V)[None, :]
        now = ks[:, None] * vs[None, :]
        if state is not None:
            old = tl.load(state + tile, inside, 0.0).to(tl.float32)
            now += old * tl.exp(g.to(tl.float32))[:, None]
        tl.store(last + tile, now, inside)
        out = tl.sum(qs[:, None] * now, 0)
        tl.store(y + one * V + p, out, p < V)
