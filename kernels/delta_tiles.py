"""The delta rules in Triton: `gated_delta` with a decay a head, `channel_delta`.

In tiles of BT tokens, with M = tril(beta_i (k_i . k_j), -1) and R = tril(q_i . k_j),
each pair with the decays between its tokens; u is what tokens write, S_0 the state at
the start of the tile, start and end the decays from there and to its end:

    u = (I + M)^-1 beta (v - (k * start) S_0)
    y = (q * start) S_0 + R u        S = start_BT S_0 + (k * end)^T u

First (I + M)^-1 and R, all tiles at once. The inverse doubles: with T that of blocks
side by side, T - T M T is that of pairs of them, where M keeps what lies between the
two; no entry is above 2, and none is lost. Then a walk over the tiles with the state
on the chip. Back in time, with D the gradient of the state at the end of a tile:

    du = R^T dy + (k * end) D        dv = beta (I + M)^-T du
    dS_0 = start_BT D + (q * start)^T dy - (k * start)^T dv

So y reads the states as q, and what v is compared with reads them as k, with the
gradients dy and -dv. Those of q, k and the decays follow as for linear attention with
values u, all tiles at once, from states that both walks wrote down every KEEP tokens.
That of beta_i is (u_i / beta_i) . (dv_i / beta_i).

With S the bytes of q at as many heads of keys as of values, K = V = 128, bfloat16:
7.1 S forward, 8.6 S for gradients, and 13.2 S backward; decays for each channel, in
float32, add 3.5 S and 5.8 S. No atomics: two runs are equal to the bit. bfloat16
multiplies on tensor cores in bfloat16, float16 in TF32, float32 in three TF32
products or on the plain units. One token without gradients changes `state` in place.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.chunks import _chunk_gradients, _chunk_rows
from kernels.dispatch import autograd, launch_on, warp_group_products
from kernels.sequences import _seq_count, _seq_dense, _seq_empty, _seq_places

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


def _delta_why_not(q: Tensor, v: Tensor) -> str:
    """What the kernels do not serve; empty if they do."""
    K, V = q.shape[3], v.shape[3]
    if K > 128 or V > 256:
        return f"{K} key channels > 128 or {V} of a value > 256"
    return ""


def _delta_tiles(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    beta: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """y and the last state; log (B, T, H) or (B, T, H, K)."""
    tensors = (q, k, v, log, beta, state)
    if _chunk_gradients(*tensors):
        y, last = autograd(_DeltaTiles, *tensors, cu_seqlens)
        return y, last
    if q.shape[1] == 1 and cu_seqlens is None:
        return _delta_token(*tensors)
    return _delta_forward(*tensors, cu_seqlens, keep=False)[:2]


class _DeltaTiles(torch.autograd.Function):
    """Saves its inputs, both matrices of a tile, u, and a state every KEEP tokens."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        log: Tensor,
        beta: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (q, k, v, log, beta)
        y, last, *kept = _delta_forward(*inputs, state, cu_seqlens, keep=True)
        ctx.save_for_backward(q, k, log, beta, *kept, cu_seqlens)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *grads, dstate = _delta_backward(dy, dlast, *ctx.saved_tensors)
        if ctx.state_dtype is None:
            return *grads, None, None
        return *grads, dstate.to(ctx.state_dtype), None


def _delta_tile(q: Tensor, v: Tensor, CHANNEL: bool, backward: bool) -> dict[str, Any]:
    """BT tokens, BK key channels (all, padded; in the backward a part), BV of a value;
    KEEP tokens from one state that is written down to the next; DOT, as products are
    made: the largest that compile without spills on sm_90.
    """
    BK = max(16, triton.next_power_of_2(q.shape[3]))
    wide, half = q.dtype != torch.bfloat16, q.dtype == torch.float16
    small = torch.version.hip is not None or not warp_group_products(q)
    DOT, BT, KEEP, BV = "bf16" if not wide else "tf32x3", 64, 256, 64
    if torch.version.hip is not None:
        DOT, BT, KEEP, BV = "ieee" if wide else "bf16", 32, 128, 16
    elif wide:
        BT, KEEP, BV = 16, 64, 32 if half else 16
        if half:
            DOT = "tf32"  # as many bits as float16 has
        elif backward or BK >= 64:
            DOT = "ieee"  # on the plain arithmetic units: fewer registers
    elif not backward:
        BT, BV = 32 if CHANNEL else 64, 32
    elif small:
        BT = 32
    if backward:  # whose BV stays as wide for narrow values: less of it would spill
        BK = min(BK, 16 if small or CHANNEL else 32)
    else:
        BV = min(BV, max(16, triton.next_power_of_2(v.shape[3])))
    return {
        "BT": BT,
        "KEEP": KEEP,
        "BK": BK,
        "BV": BV,
        "DOT": DOT,
        "num_warps": 8,
        "num_stages": 1,
    }


def _delta_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    beta: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    """y, the last state, both matrices of each tile, and, to keep, u and states."""
    (_, T, G, K), (H, V) = q.shape, v.shape[2:]
    q, k, log, beta, state, cu_seqlens = _seq_dense(q, k, log, beta, state, cu_seqlens)
    S, CHANNEL = _seq_count(q, cu_seqlens), log.dim() == 4
    tile = _delta_tile(q, v, CHANNEL, False)
    last = q.new_empty((S, H, K, V), dtype=torch.float32)
    kind = q.dtype if q.dtype == torch.bfloat16 else torch.float32
    told, starts = None, None
    places, BT = _seq_places(q, cu_seqlens, tile["BT"]), tile["BT"]
    pairs = q.new_empty((places, H, 2, BT, BT), dtype=kind)
    rows = _chunk_rows(v)
    with launch_on(q):
        y = _seq_empty(q, cu_seqlens, v.shape, v.dtype)
        if keep:
            told = torch.empty(v.shape, dtype=kind, device=q.device)
            kept = _seq_places(q, cu_seqlens, tile["KEEP"])
            starts = q.new_empty((kept, H, K, V), dtype=kind)
        _delta_pairs_kernel[places, H](
            q, k, log, beta, pairs, cu_seqlens, T, H, G, K,
            CHANNEL=CHANNEL, BT=BT, BK=min(tile["BK"], 64), DOT=tile["DOT"],
            SOLVE=_delta_solve(tile["DOT"]), num_warps=8, num_stages=1,
        )  # fmt: skip
        _delta_walk_kernel[S * H, triton.cdiv(V, tile["BV"])](
            q, k, rows, log, beta, pairs, state, y, last, told, starts, cu_seqlens,
            rows.stride(0), T, H, G, K, V, CHANNEL=CHANNEL, **tile,
        )  # fmt: skip
    return y, last, pairs, told, starts


def _delta_solve(DOT: str) -> str:
    """How the inverse is multiplied: bfloat16 would round six times, one on another."""
    if DOT != "bf16":
        return DOT
    return "ieee" if torch.version.hip is not None else "tf32"


def _delta_backward(
    dy: Tensor,
    dlast: Tensor,
    q: Tensor,
    k: Tensor,
    log: Tensor,
    beta: Tensor,
    pairs: Tensor,
    told: Tensor,
    starts: Tensor,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, ...]:
    """The gradients of q, k, v, log, beta and state."""
    (_, T, G, K), (H, V) = q.shape, dy.shape[2:]
    dy, dlast, cu_seqlens = _seq_dense(dy, dlast, cu_seqlens)
    qs, ks, logs, betas = _seq_dense(q, k, log, beta)
    S, CHANNEL = _seq_count(q, cu_seqlens), log.dim() == 4
    tile = _delta_tile(q, dy, CHANNEL, False)
    ends, dstate = torch.empty_like(starts), torch.empty_like(dlast)
    parts = _delta_tile(q, dy, CHANNEL, True)
    blocks = triton.cdiv(K, parts["BK"])
    heads = (*dy.shape[:3], K)
    with launch_on(q):
        dv = _seq_empty(q, cu_seqlens, dy.shape, dy.dtype)
        _delta_back_kernel[S * H, triton.cdiv(V, tile["BV"])](
            qs, ks, logs, betas, pairs, dy, dlast, dv, dstate, ends, cu_seqlens,
            T, H, G, K, V, CHANNEL=CHANNEL, **tile,
        )  # fmt: skip
        dq, dk = (_seq_empty(q, cu_seqlens, heads, z.dtype) for z in (q, k))
        sums = heads if CHANNEL else (*heads[:3], blocks)  # a part each, added below
        dlog = _seq_empty(q, cu_seqlens, sums, log.dtype if CHANNEL else torch.float32)
        dbeta = _seq_empty(q, cu_seqlens, beta.shape, beta.dtype)
        programs = starts.shape[0] * (tile["KEEP"] // parts["BT"])
        _delta_backward_kernel[programs, H, blocks](
            qs, ks, logs, betas, told, dy, dv, starts, ends, dq, dk, dlog, dbeta,
            cu_seqlens, T, H, G, K, V, CHANNEL=CHANNEL, **parts,
        )  # fmt: skip
    if G != H:
        dq, dk = (torch.unflatten(z, 2, (G, -1)).sum(3) for z in (dq, dk))
    if not CHANNEL:
        dlog = dlog.sum(3).to(log.dtype)
    return dq, dk, dv, dlog, dbeta, dstate


def _delta_token(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, beta: Tensor, state: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (B, _, G, K), (H, V) = q.shape, v.shape[2:]
    last = (
        q.new_empty((B, H, K, V), dtype=torch.float32)
        if state is None
        else state.contiguous()
    )
    state = None if state is None else last
    y = q.new_empty(v.shape, dtype=v.dtype)
    q, k, log, beta = _seq_dense(q, k, log, beta)
    v = _chunk_rows(v)
    BK = max(16, triton.next_power_of_2(K))
    BV = max(1, 2048 // BK)  # 16 numbers a thread
    with launch_on(q):
        _delta_token_kernel[B * H, triton.cdiv(V, BV)](
            q, k, v, log, beta, state, y, last, v.stride(0), H, G, K, V,
            CHANNEL=log.dim() == 4, BK=BK, BV=BV, num_warps=4,
        )  # fmt: skip
    return y, last


if triton is not None:

    @triton.jit
    def _delta_log(log_decay, row, h, H, K, CHANNEL: tl.constexpr):
        """Where the decays of a row and head begin, and from one row to the next."""
        stride = H
        if CHANNEL:
            stride = H * K
            h = h * K
        return log_decay + row * stride + h, stride

    @triton.jit
    def _delta_decays(
        log_decay, t, T, stride, k, K,
        TO_END: tl.constexpr, AXIS: tl.constexpr, CHANNEL: tl.constexpr,
    ):  # fmt: skip
        """From the start of a tile through each token; TO_END, of those after it.

        (BT, 1), or for each channel (BT, BK), tokens on the axis AXIS.
        """
        if TO_END:
            log_decay += stride
            T = tl.minimum(T, t.shape[0]) - 1
        if CHANNEL:
            if AXIS == 0:
                log = _chunk_load(log_decay, t, T, stride, k, K)
            else:
                log = _chunk_turned(log_decay, t, T, stride, k, K)
            sums = tl.cumsum(log.to(tl.float32), AXIS, reverse=TO_END)
        else:
            log = tl.load(log_decay + t * stride, t < T, 0.0).to(tl.float32)
            sums = tl.cumsum(log, 0, reverse=TO_END)[:, None]
        return tl.exp(sums)

    @triton.jit
    def _delta_read(rows, decay, now, DOT: tl.constexpr, CHANNEL: tl.constexpr):
        """What rows (BT, BK) read of a state; one decay a row stands outside."""
        if CHANNEL:
            out = _chunk_dot(rows.to(tl.float32) * decay, now, DOT)
        else:
            out = _chunk_dot(rows, now, DOT) * decay
        return out

    @triton.jit
    def _delta_add(now, rows, decay, u, DOT: tl.constexpr, CHANNEL: tl.constexpr):
        """A state and what turned rows (BK, BT) add to it, u (BT, BV) each."""
        if CHANNEL:
            now = _chunk_dot(rows.to(tl.float32) * decay, u, DOT, now)
        else:
            now = _chunk_dot(rows, u.to(tl.float32) * decay, DOT, now)
        return now

    @triton.jit
    def _delta_whole(log_decay, t, T, stride, k, K, CHANNEL: tl.constexpr):
        """The decay of a whole tile (BK)."""
        sums = tl.zeros(k.shape, tl.float32)
        if CHANNEL:
            log = _chunk_load(log_decay, t, T, stride, k, K).to(tl.float32)
            sums += tl.sum(log, 0)
        else:
            log = tl.load(log_decay + t * stride, t < T, 0.0).to(tl.float32)
            sums += tl.sum(log, 0)
        return tl.exp(sums)

    @triton.jit
    def _delta_between(log_decay, t, T, stride, TURNED: tl.constexpr):
        """Decays from token to token (later, earlier), or TURNED; one a head."""
        log = tl.load(log_decay + t * stride, t < T, 0.0).to(tl.float32)
        if TURNED:
            causal, later = t[:, None] <= t[None, :], t[:, None] < t[None, :]
            sums = tl.cumsum(tl.where(later, log[None, :], 0.0), 1)
        else:
            causal, later = t[:, None] >= t[None, :], t[:, None] > t[None, :]
            sums = tl.cumsum(tl.where(later, log[:, None], 0.0), 0)
        return tl.where(causal, tl.exp(sums), 0.0)

    @triton.jit
    def _delta_beta(beta, t, T, H):
        """beta of tokens; never 0, by which the gradient of it is divided."""
        b = tl.load(beta + t * H, t < T, 1.0).to(tl.float32)
        return tl.where(tl.abs(b) < 1e-20, 1e-20, b)

    @triton.jit(do_not_specialize=["T"])
    def _delta_pairs_kernel(
        q, k, log_decay, beta, pairs, cu_seqlens, T, H, G, K,
        CHANNEL: tl.constexpr, BT: tl.constexpr, BK: tl.constexpr, DOT: tl.constexpr,
        SOLVE: tl.constexpr,
    ):  # fmt: skip
        """(I + M)^-1 and R of a tile and head: (2, BT, BT), their causal halves only.

        Only a right operand is ever turned, in shared memory: a left one that comes
        from a product is multiplied wrongly on Hopper by Triton 3.4 to 3.7.0.
        """
        LEVELS: tl.constexpr = 6 if BT == 64 else 5 if BT == 32 else 4  # BT = 2^LEVELS
        place, h = tl.program_id(0), tl.program_id(1).to(tl.int64)
        s, bos, T, begin = _seq_tile(cu_seqlens, place, tl.num_programs(0), T, BT)
        t, rest, row = tl.arange(0, BT), T - begin, bos + begin
        q += (row * G + h // (H // G)) * K
        k += (row * G + h // (H // G)) * K
        log_decay, g_stride = _delta_log(log_decay, row, h, H, K, CHANNEL)
        same = t[:, None] == t[None, :]
        keys = tl.zeros((BT, BT), tl.float32)
        reads = tl.zeros((BT, BT), tl.float32)
        for channels in range(0, K, BK):
            n = channels + tl.arange(0, BK)
            qs = _chunk_load(q, t, rest, G * K, n, K).to(tl.float32)
            ks = _chunk_load(k, t, rest, G * K, n, K).to(tl.float32)
            if CHANNEL:
                log = _chunk_load(log_decay, t, rest, g_stride, n, K).to(tl.float32)
                log = tl.maximum(log, -104.0)  # exp of it is 0
                reads += tl.where(same, tl.sum(qs * ks, 1)[:, None], 0.0)
                for level in range(0, LEVELS):
                    _, decay, left, both = _chunk_level(qs, ks, log, t, level, DOT)
                    right = _chunk_cast(ks * decay, DOT)
                    more = _chunk_dot(right, tl.trans(right), DOT)
                    keys += tl.where(both, more, 0.0)
                    more = _chunk_dot(left, tl.trans(right), DOT)
                    reads += tl.where(both, more, 0.0)
            else:
                right = _chunk_cast(ks, DOT)
                keys = _chunk_dot(ks, tl.trans(right), DOT, keys)
                reads = _chunk_dot(qs, tl.trans(right), DOT, reads)
        if not CHANNEL:
            decay = _delta_between(log_decay, t, rest, g_stride, False)
            keys *= decay
            reads *= decay
        keys *= _delta_beta(beta + row * H + h, t, rest, H)[:, None]
        keys = tl.where(t[:, None] > t[None, :], keys, 0.0)
        inverse = tl.where(same, 1.0, 0.0)
        for level in range(0, LEVELS):
            block = t >> level
            both = (block[:, None] ^ block[None, :]) == 1
            more = _chunk_dot(inverse, tl.where(both, keys, 0.0), SOLVE)
            inverse -= _chunk_dot(more, inverse, SOLVE)
        pairs += (place.to(tl.int64) * H + h) * 2 * BT * BT
        tile = pairs + t[:, None] * BT + t[None, :]
        causal = t[:, None] >= t[None, :]
        tl.store(tile, inverse, causal)
        tl.store(tile + BT * BT, reads, causal)

    @triton.jit(do_not_specialize=["T"])
    def _delta_walk_kernel(
        q, k, v, log_decay, beta, pairs, state, y, last, told, kept, cu_seqlens,
        v_stride, T, H, G, K, V,
        CHANNEL: tl.constexpr, BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr,
        BV: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """One head, BV channels of its values, of one sequence: tile after tile."""
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        bos, T = _seq_span(cu_seqlens, s, T)
        place = _seq_place(cu_seqlens, s, bos, T, BT)
        keeps = _seq_place(cu_seqlens, s, bos, T, KEEP)
        t, n = tl.arange(0, BT), tl.arange(0, BK)
        p = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (n < K)[:, None] & (p < V)[None, :]
        tile = n[:, None] * V + p[None, :]
        at = (s.to(tl.int64) * H + h) * K * V
        now = tl.zeros((BK, BV), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        causal = t[:, None] >= t[None, :]
        for i in range(0, tl.cdiv(T, BT)):
            begin = bos * 0 + i * BT
            if kept is not None:
                if i * BT % KEEP == 0:
                    to = ((keeps + begin // KEEP) * H + h) * K * V
                    tl.store(kept + to + tile, now, inside)
            rest, row = (T - begin).to(tl.int32), bos + begin
            g, g_stride = _delta_log(log_decay, row, h, H, K, CHANNEL)
            b = _delta_beta(beta + row * H + h, t, rest, H)
            key = (row * G + h // (H // G)) * K
            start = _delta_decays(g, t, rest, g_stride, n, K, False, 0, CHANNEL)
            ks = _chunk_load(k + key, t, rest, G * K, n, K)
            held = _delta_read(ks, start, now, DOT, CHANNEL)
            u = _chunk_load(v + row * v_stride + h * V, t, rest, v_stride, p, V)
            u = u.to(tl.float32) - held
            mix = pairs + ((place + i) * H + h) * 2 * BT * BT
            mix += t[:, None] * BT + t[None, :]
            u = _chunk_dot(tl.load(mix, causal, 0.0), u * b[:, None], DOT)
            qs = _chunk_load(q + key, t, rest, G * K, n, K)
            o = _delta_read(qs, start, now, DOT, CHANNEL)
            o = _chunk_dot(tl.load(mix + BT * BT, causal, 0.0), u, DOT, o)
            to = (row * H + h) * V + t[:, None] * H * V + p[None, :]
            there = (t < rest)[:, None] & (p < V)[None, :]
            tl.store(y + to, o, there)
            if told is not None:
                tl.store(told + to, u, there)
            end = _delta_decays(g, t, rest, g_stride, n, K, True, 1, CHANNEL)
            adds = _chunk_turned(k + key, t, rest, G * K, n, K)
            now *= _delta_whole(g, t, rest, g_stride, n, K, CHANNEL)[:, None]
            now = _delta_add(now, adds, end, u, DOT, CHANNEL)
        tl.store(last + at + tile, now, inside)

    @triton.jit(do_not_specialize=["T"])
    def _delta_back_kernel(
        q, k, log_decay, beta, pairs, dy, dlast, dv, dstate, kept, cu_seqlens,
        T, H, G, K, V,
        CHANNEL: tl.constexpr, BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr,
        BV: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """The same back in time, with the gradient of the state: that of v."""
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        bos, T = _seq_span(cu_seqlens, s, T)
        place = _seq_place(cu_seqlens, s, bos, T, BT)
        keeps = _seq_place(cu_seqlens, s, bos, T, KEEP)
        t, n = tl.arange(0, BT), tl.arange(0, BK)
        p = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (n < K)[:, None] & (p < V)[None, :]
        tile = n[:, None] * V + p[None, :]
        at = (s.to(tl.int64) * H + h) * K * V
        now = tl.load(dlast + at + tile, inside, 0.0).to(tl.float32)
        anticausal = t[:, None] <= t[None, :]
        tiles = tl.cdiv(T, BT)
        for step in range(0, tiles):
            i = tiles - 1 - step
            begin = bos * 0 + i * BT
            if (i + 1) * BT % KEEP == 0 or step == 0:
                to = ((keeps + begin // KEEP) * H + h) * K * V
                tl.store(kept + to + tile, now, inside)
            rest, row = (T - begin).to(tl.int32), bos + begin
            g, g_stride = _delta_log(log_decay, row, h, H, K, CHANNEL)
            key = (row * G + h // (H // G)) * K
            end = _delta_decays(g, t, rest, g_stride, n, K, True, 0, CHANNEL)
            ks = _chunk_load(k + key, t, rest, G * K, n, K)
            du = _delta_read(ks, end, now, DOT, CHANNEL)
            to = (row * H + h) * V
            dys = _chunk_load(dy + to, t, rest, H * V, p, V)
            mix = pairs + ((place + i) * H + h) * 2 * BT * BT  # turned
            mix += t[:, None] + t[None, :] * BT
            du = _chunk_dot(tl.load(mix + BT * BT, anticausal, 0.0), dys, DOT, du)
            dvs = _chunk_dot(tl.load(mix, anticausal, 0.0), du, DOT)
            dvs *= _delta_beta(beta + row * H + h, t, rest, H)[:, None]
            to += t[:, None] * H * V + p[None, :]
            tl.store(dv + to, dvs, (t < rest)[:, None] & (p < V)[None, :])
            start = _delta_decays(g, t, rest, g_stride, n, K, False, 1, CHANNEL)
            now *= _delta_whole(g, t, rest, g_stride, n, K, CHANNEL)[:, None]
            asks = _chunk_turned(q + key, t, rest, G * K, n, K)
            now = _delta_add(now, asks, start, dys, DOT, CHANNEL)
            knows = _chunk_turned(k + key, t, rest, G * K, n, K)
            now = _delta_add(now, knows, start, -dvs, DOT, CHANNEL)
        tl.store(dstate + at + tile, now, inside)

    @triton.jit
    def _delta_over(
        now, values, rows, log_decay, v_stride, stride, g_stride, t, T, n, K, p, V,
        TO_END: tl.constexpr, CHANNEL: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """What a tile adds to a state, turned (BV, BK): u and k, or back dy and q."""
        decay = _delta_decays(log_decay, t, T, g_stride, n, K, TO_END, 0, CHANNEL)
        right = _chunk_load(rows, t, T, stride, n, K).to(tl.float32) * decay
        return _chunk_dot(_chunk_turned(values, t, T, v_stride, p, V), right, DOT, now)

    @triton.jit(do_not_specialize=["T"])
    def _delta_backward_kernel(
        q, k, log_decay, beta, told, dy, dv, starts, ends, dq, dk, dlog, dbeta,
        cu_seqlens, T, H, G, K, V,
        CHANNEL: tl.constexpr, BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr,
        BV: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """One tile, head and BK key channels: the gradients of q, k, decays and beta.

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
            key, value = (bos * G + h // (H // G)) * K, (bos * H + h) * V
            g, g_stride = _delta_log(log_decay, bos, h, H, K, CHANNEL)
            tiles = tl.cdiv(T, BT)
            here, rest = i * BT, T - i * BT
            b = _delta_beta(beta + (bos + here) * H + h, t, rest, H)
            db = tl.zeros((BT,), tl.float32)
            by_q = tl.zeros((BT, BT), tl.float32)
            by_k = tl.zeros((BT, BT), tl.float32)
            by_q_turned = tl.zeros((BT, BT), tl.float32)
            by_k_turned = tl.zeros((BT, BT), tl.float32)
            there = value + here * H * V
            for channels in range(0, V, BV):
                p = channels + tl.arange(0, BV)
                us = _chunk_load(told + there, t, rest, H * V, p, V)
                dys = _chunk_load(dy + there, t, rest, H * V, p, V)
                dvs = _chunk_load(dv + there, t, rest, H * V, p, V).to(tl.float32)
                db += tl.sum((us.to(tl.float32) / b[:, None]) * (dvs / b[:, None]), 1)
                us, dys = _chunk_cast(us, DOT), _chunk_cast(dys, DOT)
                dvs = _chunk_cast(-dvs, DOT)
                by_q = _chunk_dot(dys, tl.trans(us), DOT, by_q)
                by_k = _chunk_dot(dvs, tl.trans(us), DOT, by_k)
                by_q_turned = _chunk_dot(us, tl.trans(dys), DOT, by_q_turned)
                by_k_turned = _chunk_dot(us, tl.trans(dvs), DOT, by_k_turned)
            earlier = t[:, None] > t[None, :]
            own = tl.sum(tl.where(t[:, None] == t[None, :], by_q, 0.0), 1)
            by_q = tl.where(earlier, by_q, by_q_turned)  # of both tokens, either way
            by_k = tl.where(earlier, by_k, by_k_turned)
            asks = tl.zeros((BT, BK), tl.float32)  # of start
            knows = tl.zeros((BT, BK), tl.float32)
            adds = tl.zeros((BT, BK), tl.float32)  # of end
            through = tl.zeros((BK,), tl.float32)
            for channels in range(0, V, BV):
                p = channels + tl.arange(0, BV)
                at = (place.to(tl.int64) * H + h) * K * V
                at += n[None, :] * V + p[:, None]
                inside = (p < V)[:, None] & (n < K)[None, :]
                start = tl.load(starts + at, inside, 0.0).to(tl.float32)
                for j in range(0, i):
                    skip, left = j * BT, T - j * BT
                    to, add = g + skip * g_stride, k + key + skip * G * K
                    start *= _delta_whole(to, t, left, g_stride, n, K, CHANNEL)[None, :]
                    start = _delta_over(
                        start, told + value + skip * H * V, add, to, H * V, G * K,
                        g_stride, t, left, n, K, p, V, True, CHANNEL, DOT,
                    )  # fmt: skip
                end = tl.load(ends + at, inside, 0.0).to(tl.float32)
                for j in range(0, tiles - 1 - i):
                    skip, left = (tiles - 1 - j) * BT, T - (tiles - 1 - j) * BT
                    to, then = g + skip * g_stride, value + skip * H * V
                    end *= _delta_whole(to, t, left, g_stride, n, K, CHANNEL)[None, :]
                    end = _delta_over(
                        end, dy + then, q + key + skip * G * K, to, H * V, G * K,
                        g_stride, t, left, n, K, p, V, False, CHANNEL, DOT,
                    )  # fmt: skip
                    end -= _delta_over(
                        end * 0, dv + then, k + key + skip * G * K, to, H * V, G * K,
                        g_stride, t, left, n, K, p, V, False, CHANNEL, DOT,
                    )  # fmt: skip
                through += tl.sum(start * end, 0)
                us = _chunk_load(told + there, t, rest, H * V, p, V)
                dys = _chunk_load(dy + there, t, rest, H * V, p, V)
                dvs = _chunk_load(dv + there, t, rest, H * V, p, V)
                asks = _chunk_dot(dys, start, DOT, asks)
                knows = _chunk_dot(dvs, start, DOT, knows)
                adds = _chunk_dot(us, end, DOT, adds)
            g += here * g_stride
            key += here * G * K
            qs = _chunk_load(q + key, t, rest, G * K, n, K).to(tl.float32)
            ks = _chunk_load(k + key, t, rest, G * K, n, K).to(tl.float32)
            decay = _delta_decays(g, t, rest, g_stride, n, K, False, 0, CHANNEL)
            dqs, dks = asks * decay, -knows * decay
            near = adds * _delta_decays(g, t, rest, g_stride, n, K, True, 0, CHANNEL)
            through *= _delta_whole(g, t, rest, g_stride, n, K, CHANNEL)
            to = (bos + here + t) * H + h
            if CHANNEL:
                log = _chunk_load(g, t, rest, g_stride, n, K).to(tl.float32)
                log = tl.maximum(log, -104.0)  # exp of it is 0
                dlogs = _chunk_sums(earlier, near * ks, DOT) + through[None, :]
                inner = tl.zeros((BT, BK), tl.float32)
                for level in range(0, LEVELS):
                    asking, decay, right, both = _chunk_level(
                        qs, ks, log, t, level, DOT
                    )
                    more = _chunk_dot(tl.where(both, by_q, 0.0), right, DOT) * decay
                    dqs += tl.where(asking, more, 0.0)
                    inner += tl.where(asking, 0.0, more)
                    right = _chunk_cast(ks * decay, DOT)
                    more = _chunk_dot(tl.where(both, by_k, 0.0), right, DOT) * decay
                    dks += tl.where(asking, more, 0.0)
                    inner += tl.where(asking, 0.0, more)
                dlogs += tl.cumsum(qs * dqs + ks * (dks - inner), 0, reverse=True)
                at = dlog + to[:, None] * K + n[None, :]
                tl.store(at, dlogs, (t < rest)[:, None] & (n < K)[None, :])
            else:
                later = t[:, None] < t[None, :]
                decay = _delta_between(g, t, rest, g_stride, False)
                decay += tl.where(
                    later, _delta_between(g, t, rest, g_stride, True), 0.0
                )
                by_q, by_k = by_q * decay, by_k * decay
                dqs = _chunk_dot(tl.where(earlier, by_q, 0.0), ks, DOT, dqs)
                dks = _chunk_dot(tl.where(earlier, by_k, 0.0), ks, DOT, dks)
                inner = _chunk_dot(tl.where(later, by_q, 0.0), qs, DOT)
                inner = _chunk_dot(tl.where(later, by_k, 0.0), ks, DOT, inner)
                ended = tl.where(earlier, tl.sum(near * ks, 1)[None, :], 0.0)
                dlogs = tl.sum(ended, 1) + tl.sum(through, 0)
                inside = tl.sum(qs * dqs + ks * (dks - inner), 1)
                dlogs += tl.cumsum(inside, 0, reverse=True)
                at = dlog + to * tl.num_programs(2) + tl.program_id(2)
                tl.store(at, dlogs, t < rest)
            if tl.program_id(2) == 0:
                tl.store(dbeta + to, db, t < rest)
            dqs += own[:, None] * ks
            dks += own[:, None] * qs + near + inner
            to = to[:, None] * K + n[None, :]
            there = (t < rest)[:, None] & (n < K)[None, :]
            tl.store(dq + to, dqs, there)
            tl.store(dk + to, dks, there)

    @triton.jit
    def _delta_token_kernel(
        q, k, v, log_decay, beta, state, y, last, v_stride, H, G, K, V,
        CHANNEL: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
    ):  # fmt: skip
        """One token of one head; `last` may be `state`."""
        row, h = (tl.program_id(0) // H).to(tl.int64), tl.program_id(0) % H
        n, p = tl.arange(0, BK), tl.program_id(1) * BV + tl.arange(0, BV)
        key = (row * G + h // (H // G)) * K + n
        qs = tl.load(q + key, n < K, 0.0).to(tl.float32)
        ks = tl.load(k + key, n < K, 0.0).to(tl.float32)
        us = tl.load(v + row * v_stride + h * V + p, p < V, 0.0).to(tl.float32)
        tile = (row * H + h) * K * V + n[:, None] * V + p[None, :]
        inside = (n < K)[:, None] & (p < V)[None, :]
        now = tl.zeros((BK, BV), tl.float32)
        if state is not None:
            if CHANNEL:
                g = tl.load(log_decay + (row * H + h) * K + n, n < K, 0.0)
                decay = tl.exp(g.to(tl.float32))[:, None]
            else:
                decay = tl.exp(tl.load(log_decay + row * H + h).to(tl.float32))
            now += tl.load(state + tile, inside, 0.0).to(tl.float32) * decay
            us -= tl.sum(ks[:, None] * now, 0)
        us *= tl.load(beta + row * H + h).to(tl.float32)
        now += ks[:, None] * us[None, :]
        tl.store(last + tile, now, inside)
        out = tl.sum(qs[:, None] * now, 0)
        tl.store(y + (row * H + h) * V + p, out, p < V)
