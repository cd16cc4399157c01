"""SSD, the recurrence of Mamba-2: one decay a head, a matrix state, chunks as matmuls.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * x_t b_t^T        h (B, H, V, K)
    y_t = h_t c_t + skip * x_t

    x (B, T, H, V)    dt (B, T, H), positive    a_log, skip (H)
    b, c (B, T, G, K), each shared by the H / G heads of its group
    returns y (B, T, H, V) in x's dtype and the last h as state (B, H, V, K)

V are the paper's P channels of a head, K its N states. With cu_seqlens, S sequences
packed as kernels/sequences.py says, states are (S, H, V, K).

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Inside a chunk of Q tokens the sum over the past is a masked Q x Q matrix,
whose c b^T part is shared by a group; between chunks only states travel. Decays
above the diagonal are exp(-inf), never exp(+large) * 0. Source: Mamba-2, arXiv
2405.21060, section 6 and listing 1.

On a GPU: c b^T once for each group, its causal part only; then x, b, c and dt are
read once and y is written once, the state stays on the chip. For the gradients it is
written down every 256 tokens (64 in other dtypes; in bfloat16 for bfloat16 x), and so
is its gradient, back in time; then all tiles of 64 tokens are independent, walk from
there to their own borders, and one program sums the gradients of b and c over the
heads of a group. With M the bytes of x, at H 32, V 64, K 128, G 1 in bfloat16: 2.9 M
forward (2.4 without gradients), 9.2 M backward, as the interpreter counts them. No
atomics: two runs are equal to the bit. bfloat16 x multiplies on tensor cores in
bfloat16, float16 x in TF32 (states may leave the range of float16), float32 x in
three TF32 products. One token without gradients changes `state` in place and returns
that tensor.
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

    from kernels.chunks import _chunk_cast, _chunk_dot, _chunk_load, _chunk_turned
    from kernels.sequences import _seq_place, _seq_span, _seq_tile
except ImportError:
    triton = None


def ssd(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    tensors = (x, dt, a_log, b, c, skip, state)
    if kernels_for("ssd", *tensors, why_not=_ssd_why_not(x, b)):
        if _chunk_gradients(*tensors):
            y, last = autograd(_SSD, *tensors, cu_seqlens)
            return y, last
        if x.shape[1] == 1 and cu_seqlens is None:
            return _ssd_token(*tensors)
        return _ssd_forward(*tensors, cu_seqlens, keep=False)[:2]
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        rows = _seq_count(x, cu_seqlens)
        state = x.new_zeros((rows, *x.shape[2:], b.shape[3]), dtype=dtype)
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, dt, b, c, state: ssd(x, dt, a_log, b, c, skip, state),
            (x, dt, b, c),
            state,
            cu_seqlens,
        )
    if not x.shape[1]:
        return x.clone(), state
    with torch.autocast(x.device.type, enabled=False):  # it would round to bfloat16
        y, last = (_ssd_step if x.shape[1] == 1 else _ssd_chunks)(
            x.to(dtype), dt.to(dtype), a_log.to(dtype), b.to(dtype), c.to(dtype), state
        )
        y = y + x * skip.to(dtype).unsqueeze(1)
    return y.to(x.dtype), last


def _ssd_step(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One token, without the skip: an outer product in, the state times c out."""
    groups = (b.shape[2], -1)
    decay = (dt[:, 0] * -a_log.exp()).exp()  # (B, H)
    add = torch.unflatten((x * dt.unsqueeze(3))[:, 0], 1, groups)  # (B, G, R, V)
    h = torch.unflatten(state * decay[..., None, None], 1, groups)
    h = h.addcmul_(add.unsqueeze(4), b[:, 0, :, None, None])  # (B, G, R, V, K)
    y = h.flatten(2, 3) @ c[:, 0].unsqueeze(3)  # (B, G, RV, 1)
    return y.reshape(x.shape), h.flatten(1, 2)


def _ssd_chunks(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """All tokens, without the skip. Letters: N chunks of Q tokens, R heads a group."""
    length, width, groups, size = x.shape[1], x.shape[3], b.shape[2], b.shape[3]
    chunk = 32 if size <= 64 else 64  # measured on a CPU, both ways
    # padded steps have dt = 0: they keep the state and add nothing
    x = _chunk_split(x * dt.unsqueeze(3), chunk)  # (B, N, Q, H, V)
    b = _chunk_split(b, chunk).transpose(2, 3)  # (B, N, G, Q, K)
    c = _chunk_split(c, chunk).transpose(2, 3)
    log = _chunk_split(dt * -a_log.exp(), chunk).transpose(2, 3)  # (B, N, H, Q)
    total = log.cumsum(3)

    # inside a chunk: token j reaches token i >= j through exp(sum of log over j+1..i)
    ones = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device)
    span = log.unsqueeze(4).expand(*log.shape, chunk)  # (B, N, H, Q, Q)
    span = span.masked_fill(~ones.tril(-1), 0).cumsum(3)
    decay = span.masked_fill(~ones.tril(), -torch.inf).exp()
    scores = (c @ b.transpose(3, 4)).unsqueeze(3)  # (B, N, G, 1, Q, Q)
    scores = (torch.unflatten(decay, 2, (groups, -1)) * scores).flatten(2, 3)
    y = scores @ x.transpose(2, 3)  # (B, N, H, Q, V)

    # what each chunk adds to the state, and the state that each chunk starts from
    rest = decay[:, :, :, -1].transpose(2, 3).unsqueeze(4)  # (B, N, Q, H, 1)
    add = torch.unflatten(x * rest, 3, (groups, -1)).transpose(2, 3).flatten(4)
    add = b.transpose(3, 4) @ add  # (B, N, G, K, RV)
    keep = total[..., -1].exp().repeat_interleave(width, 2)  # (B, N, HV)
    keep = torch.unflatten(keep, 2, (groups, 1, -1))  # (B, N, G, 1, RV)
    h = torch.unflatten(state.to(x.dtype), 1, (groups, -1))
    h = h.flatten(2, 3).transpose(2, 3)  # (B, G, K, RV)
    starts, h = _chunk_states(keep, add, h)  # (B, N, G, K, RV), (B, G, K, RV)
    past = c @ starts  # (B, N, G, Q, RV)
    past = torch.unflatten(past, 4, (-1, width)).transpose(3, 4).flatten(2, 3)
    y = torch.addcmul(y, past, total.exp().unsqueeze(4))
    y = _chunk_join(y.transpose(2, 3), length)  # (B, T, H, V)
    last = torch.unflatten(h.transpose(2, 3), 2, (-1, width)).flatten(1, 2)
    return y, last.contiguous()


# Triton


class _SSD(torch.autograd.Function):
    """Saves its inputs and a state every KEEP tokens. Plain PyTorch needs none."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dt: Tensor,
        a_log: Tensor,
        b: Tensor,
        c: Tensor,
        skip: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, dt, a_log, b, c, skip)
        y, last, starts = _ssd_forward(*inputs, state, cu_seqlens, keep=True)
        ctx.save_for_backward(*inputs, starts, cu_seqlens)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *grads, dstate = _ssd_backward(dy, dlast, *ctx.saved_tensors)
        if ctx.state_dtype is None:
            return *grads, None, None
        return *grads, dstate.to(ctx.state_dtype), None


def _ssd_why_not(x: Tensor, b: Tensor) -> str:
    """What the kernels do not serve; empty if they do."""
    V, K = x.shape[3], b.shape[3]
    if V > 1024 or K > 256:
        return f"head_dim {V} > 1024 or {K} states > 256"
    if K > 128 and x.dtype != torch.bfloat16:
        return f"{K} states > 128 in {x.dtype}"
    return ""


def _ssd_tile(x: Tensor, b: Tensor, backward: bool) -> dict[str, Any]:
    """BT tokens, BK states (all, padded), BV channels of a head; KEEP tokens from one
    state that is written down to the next; DOT, as products are made: the largest that
    compile without spills on sm_90.

    KEEP is four tiles of the backward pass, which moves 16.7, 11.7 and 9.2 times x for
    one, two and four (bfloat16, K 128), and walks from there.
    """
    BK = max(16, triton.next_power_of_2(b.shape[3]))
    half, old = x.dtype == torch.float16, not warp_group_products(x)
    wide = x.dtype != torch.bfloat16
    if torch.version.hip is not None:
        DOT, BT, KEEP, BV = "ieee", 32, 128, 32 if BK < 64 else 16
    elif wide:
        DOT, KEEP, BV = "tf32x3", 64, 16
        BT = 32 if BK == 16 or BK < 128 and (half or BK == 64) else 16
        if backward:
            BT = 16
            DOT = "ieee" if BK >= 32 else DOT  # fewer registers
        elif BK == 128:
            BV = 32
        if half and DOT != "ieee":
            DOT = "tf32"  # as many bits as float16 has
    else:
        KEEP, BT = 256, 32 if BK == 32 or BK == 256 and not backward else 64
        BV = 64 if BK < 128 or BK == 128 and backward else 32
        BV = 16 if BK == 256 else BV
    if old:  # on sm_80 then, 64 bytes of registers are spilled at most
        BV = max(16, BV // 2)
    return {
        "BT": BT,
        "KEEP": KEEP,
        "BK": BK,
        "BV": min(BV, max(16, triton.next_power_of_2(x.shape[3]))),
        "DOT": DOT if wide else "bf16",
        "num_warps": 8 if BK >= 32 or backward or wide or old else 4,
        "num_stages": 1,
    }


def _ssd_forward(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state, and, to keep, the states at the start of each KEEP tokens."""
    (_, T, H, V), (G, K) = x.shape, b.shape[2:]
    dt, a_log, skip, state, cu_seqlens = _seq_dense(dt, a_log, skip, state, cu_seqlens)
    xr, br, cr = _chunk_rows(x), _chunk_rows(b), _chunk_rows(c)
    tile, S = _ssd_tile(x, b, False), _seq_count(x, cu_seqlens)
    last, starts = x.new_empty((S, H, V, K), dtype=torch.float32), None
    if keep:
        kind = x.dtype if x.dtype == torch.bfloat16 else torch.float32
        kept = _seq_places(x, cu_seqlens, tile["KEEP"])
        starts = x.new_empty((kept, H, V, K), dtype=kind)
    places, BT = _seq_places(x, cu_seqlens, tile["BT"]), tile["BT"]
    scores = x.new_empty((places, G, BT, BT), dtype=torch.float32)
    with launch_on(x):
        y = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        _ssd_scores_kernel[places * 3, G](
            br, cr, scores, cu_seqlens, br.stride(0), cr.stride(0), T, G, K,
            BT=BT, BK=tile["BK"], DOT=tile["DOT"],
            num_warps=tile["num_warps"], num_stages=1,
        )  # fmt: skip
        _ssd_forward_kernel[S * H, triton.cdiv(V, tile["BV"])](
            xr, dt, a_log, br, cr, skip, scores, state, y, last, starts, cu_seqlens,
            xr.stride(0), br.stride(0), cr.stride(0), T, H, G, K, V, **tile,
        )  # fmt: skip
    return y, last, starts


def _ssd_backward(
    dy: Tensor,
    dlast: Tensor,
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    starts: Tensor,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, ...]:
    """The gradients of x, dt, a_log, b, c, skip and state."""
    (B, T, H, V), (G, K) = x.shape, b.shape[2:]
    dt, a_log, skip, cu_seqlens = _seq_dense(dt, a_log, skip, cu_seqlens)
    dy, dlast = _seq_dense(dy, dlast)
    xr, br, cr = _chunk_rows(x), _chunk_rows(b), _chunk_rows(c)
    tile, S = _ssd_tile(x, b, True), _seq_count(x, cu_seqlens)
    splits = triton.cdiv(V, tile["BV"])
    programs = starts.shape[0] * (tile["KEEP"] // tile["BT"])
    # a program sums over all heads of a group where that leaves enough programs
    blocks = 1
    while programs * G * blocks < 256 and H // G % (2 * blocks) == 0:
        blocks *= 2
    # products with a part of the states a time: what registers hold
    narrow = tile["DOT"] != "bf16" or not warp_group_products(x)
    part = {**tile, "BK": min(tile["BK"], 32 if narrow else 64)}
    ends, dstate = torch.empty_like(starts), torch.empty_like(dlast)
    # one part each program, the same bits in every run; 0 where it has no tokens
    dhead = torch.zeros((2, programs, H, splits), dtype=torch.float32, device=x.device)
    with launch_on(x):
        dx = _seq_empty(x, cu_seqlens, x.shape, x.dtype)
        ddt = _seq_empty(x, cu_seqlens, (B, T, H, splits), torch.float32)
        dtype = b.dtype if blocks == 1 else torch.float32
        db = _seq_empty(x, cu_seqlens, (B, T, G, blocks, K), dtype)
        dc = _seq_empty(x, cu_seqlens, (B, T, G, blocks, K), dtype)
        _ssd_ends_kernel[S * H, splits](
            dt, a_log, cr, dy, dlast, ends, dstate, cu_seqlens,
            cr.stride(0), T, H, G, K, V, **tile,
        )  # fmt: skip
        _ssd_heads_kernel[programs, H * splits](
            xr, dt, a_log, br, cr, skip, dy, starts, ends, dx, ddt, dhead, cu_seqlens,
            xr.stride(0), br.stride(0), cr.stride(0), T, H, G, K, V, **tile,
        )  # fmt: skip
        _ssd_groups_kernel[programs, G * blocks, triton.cdiv(K, part["BK"])](
            xr, dt, a_log, br, cr, dy, starts, ends, db, dc, cu_seqlens,
            xr.stride(0), br.stride(0), cr.stride(0), T, H, G, blocks, K, V, **part,
        )  # fmt: skip
    da_log, dskip = dhead.sum((1, 3))
    return (
        dx,
        ddt.sum(3).to(dt.dtype),
        da_log.to(a_log.dtype),
        db.sum(3).to(b.dtype) if blocks > 1 else db.squeeze(3),
        dc.sum(3).to(c.dtype) if blocks > 1 else dc.squeeze(3),
        dskip.to(skip.dtype),
        dstate,
    )


def _ssd_token(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (B, _, H, V), (G, K) = x.shape, b.shape[2:]
    dt, a_log, skip, state = _seq_dense(dt, a_log, skip, state)
    x, b, c = _chunk_rows(x), _chunk_rows(b), _chunk_rows(c)
    last = x.new_empty((B, H, V, K), dtype=torch.float32) if state is None else state
    y = x.new_empty((B, 1, H, V))
    BK = max(16, triton.next_power_of_2(K))
    BV = max(1, 2048 // BK)  # 16 states a thread
    with launch_on(x):
        _ssd_token_kernel[B * H, triton.cdiv(V, BV)](
            x, dt, a_log, b, c, skip, state, y, last,
            x.stride(0), b.stride(0), c.stride(0), H, G, K, V,
            BK=BK, BV=BV, num_warps=4,
        )  # fmt: skip
    return y, last


if triton is not None:

    @triton.jit
    def _ssd_decays(dt, log_rate):
        """Step sizes (BT) -> logs of decays, and their running sums in two parts.

        Differences of one float32 sum lose the small decays that follow a large one.
        So the sum is split: multiples of 1/2048, whose sums to 64 * 104 are exact, and
        the rest, whose sums stay below 1/32. exp(-104) is 0 already.
        """
        log = -tl.exp(log_rate) * dt
        capped = tl.maximum(log, -104.0)
        high = tl.floor(capped * 2048.0) / 2048.0
        return log, tl.cumsum(high, 0), tl.cumsum(capped - high, 0)

    @triton.jit
    def _ssd_within(high, low):
        """The decay from token j to token i: (BT, BT), 0 above the diagonal."""
        i = tl.arange(0, high.shape[0])
        span = (high[:, None] - high[None, :]) + (low[:, None] - low[None, :])
        return tl.exp(tl.where(i[:, None] >= i[None, :], span, -float("inf")))

    @triton.jit
    def _ssd_to_end(high, low):
        """The decay from each token to the end of the tile, and of the whole tile."""
        last = tl.arange(0, high.shape[0]) == high.shape[0] - 1
        high_end = tl.sum(tl.where(last, high, 0.0), 0)
        low_end = tl.sum(tl.where(last, low, 0.0), 0)
        return tl.exp((high_end - high) + (low_end - low)), tl.exp(high_end + low_end)

    @triton.jit
    def _ssd_walk(
        now, x, b, dt, log_rate, x_stride, b_stride, begin, T, H, v, V, k, K,
        BACK: tl.constexpr, BT: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """A state (BV, BK) over the tile at `begin`: decay it, add the product x b.

        Back in time, for the state's gradient, x and b are dy and c.
        """
        t, T = tl.arange(0, BT), T - begin
        x, b, dt = x + begin * x_stride, b + begin * b_stride, dt + begin * H
        step = tl.load(dt + t * H, t < T, 0.0).to(tl.float32)
        log, high, low = _ssd_decays(step, log_rate)
        weight, whole = _ssd_to_end(high, low)
        weight = tl.exp(high + low) if BACK else weight * step
        add = _chunk_turned(x, t, T, x_stride, v, V).to(tl.float32) * weight[None, :]
        rows = _chunk_load(b, t, T, b_stride, k, K)
        return _chunk_dot(add, rows, DOT, now * whole)

    @triton.jit(do_not_specialize=["T"])
    def _ssd_scores_kernel(
        b, c, scores, cu_seqlens, b_stride, c_stride, T, G, K,
        BT: tl.constexpr, BK: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """c b^T of a tile and group (BT, BT): three quarters, the causal ones."""
        HALF: tl.constexpr = max(16, BT // 2)  # the least of a product
        place, g = tl.program_id(0) // 3, tl.program_id(1).to(tl.int64)
        i, j = (tl.program_id(0) % 3 + 1) // 2, tl.program_id(0) % 3 // 2
        places = tl.num_programs(0) // 3
        s, bos, T, begin = _seq_tile(cu_seqlens, place, places, T, BT)
        k, half, rest = tl.arange(0, BK), tl.arange(0, HALF), T - begin
        ti, tj = i * HALF + half, j * HALF + half
        b += (bos + begin) * b_stride + g * K
        c += (bos + begin) * c_stride + g * K
        rows = _chunk_load(c, ti, rest, c_stride, k, K)
        out = _chunk_dot(rows, _chunk_turned(b, tj, rest, b_stride, k, K), DOT)
        scores += (place.to(tl.int64) * G + g) * BT * BT
        there = (ti < BT)[:, None] & (tj < BT)[None, :]
        tl.store(scores + ti[:, None] * BT + tj[None, :], out, there)

    @triton.jit(do_not_specialize=["T"])
    def _ssd_forward_kernel(
        x, dt, a_log, b, c, skip, scores, state, y, last, starts, cu_seqlens,
        x_stride, b_stride, c_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One head (or BV channels of it) of one sequence, tile after tile."""
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        g = h // (H // G)
        bos, T = _seq_span(cu_seqlens, s, T)
        place = _seq_place(cu_seqlens, s, bos, T, BT)
        kept = _seq_place(cu_seqlens, s, bos, T, KEEP)
        q, k = tl.arange(0, BT), tl.arange(0, BK)
        v = tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (k < K)[:, None] & (v < V)[None, :]
        tile = k[:, None] + v[None, :] * K  # of a state (V, K), turned
        at = (s.to(tl.int64) * H + h) * V * K
        now = tl.zeros((BK, BV), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        x += bos * x_stride + h * V
        dt += bos * H + h
        b += bos * b_stride + g * K
        c += bos * c_stride + g * K
        y += (bos * H + h) * V
        log_rate = tl.load(a_log + h).to(tl.float32)
        through = tl.load(skip + h).to(tl.float32)
        for begin in range(0, T, BT):
            if starts is not None and begin % KEEP == 0:
                to = ((kept + begin // KEEP) * H + h) * V * K
                tl.store(starts + to + tile, now, inside)
            rest = T - begin
            step = tl.load(dt + q * H, q < rest, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low)
            xs = _chunk_load(x, q, rest, x_stride, v, V).to(tl.float32)
            u = _chunk_cast(xs * step[:, None], DOT)
            out = _chunk_dot(_chunk_load(c, q, rest, c_stride, k, K), now, DOT)
            out *= tl.exp(high + low)[:, None]
            cb = scores + ((place + begin // BT) * G + g) * BT * BT
            cb += q[:, None] * BT + q[None, :]
            cb = tl.load(cb, q[:, None] >= q[None, :], 0.0)
            out = _chunk_dot(cb * _ssd_within(high, low), u, DOT, out) + xs * through
            there = (q < rest)[:, None] & (v < V)[None, :]
            tl.store(y + q[:, None] * H * V + v[None, :], out, there)
            b_t = _chunk_turned(b, q, rest, b_stride, k, K).to(tl.float32)
            now = _chunk_dot(b_t * to_end[None, :], u, DOT, now * whole)
            x, dt, y = x + BT * x_stride, dt + BT * H, y + BT * H * V
            b, c = b + BT * b_stride, c + BT * c_stride
        tl.store(last + at + tile, now, inside)

    @triton.jit(do_not_specialize=["T"])
    def _ssd_ends_kernel(
        dt, a_log, c, dy, dlast, ends, dstate, cu_seqlens, c_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """The gradient of the state at the end of each KEEP tokens, back in time."""
        s, h = tl.program_id(0) // H, (tl.program_id(0) % H).to(tl.int64)
        g = h // (H // G)
        bos, T = _seq_span(cu_seqlens, s, T)
        kept = _seq_place(cu_seqlens, s, bos, T, KEEP)
        k, v = tl.arange(0, BK), tl.program_id(1) * BV + tl.arange(0, BV)
        inside = (v < V)[:, None] & (k < K)[None, :]
        tile = v[:, None] * K + k[None, :]
        at = (s.to(tl.int64) * H + h) * V * K
        now = tl.load(dlast + at + tile, inside, 0.0).to(tl.float32)
        dy += (bos * H + h) * V
        dt += bos * H + h
        c += bos * c_stride + g * K
        log_rate = tl.load(a_log + h).to(tl.float32)
        tiles = tl.cdiv(T, BT)
        for i in range(0, tiles):
            begin = bos * 0 + (tiles - 1 - i) * BT
            if i == 0 or (begin + BT) % KEEP == 0:
                to = ((kept + begin // KEEP) * H + h) * V * K
                tl.store(ends + to + tile, now, inside)
            now = _ssd_walk(
                now, dy + begin * H * V, c + begin * c_stride, dt + begin * H, log_rate,
                H * V, c_stride, 0, T - begin, H, v, V, k, K, True, BT, DOT,
            )  # fmt: skip
        tl.store(dstate + at + tile, now, inside)

    @triton.jit
    def _ssd_start(
        starts, x, b, dt, log_rate, x_stride, b_stride, i, T, H, v, V, k, K,
        BT: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """The state (BV, BK) before tile i, from the one that was written down."""
        inside = (v < V)[:, None] & (k < K)[None, :]
        now = tl.load(starts + v[:, None] * K + k[None, :], inside, 0.0).to(tl.float32)
        for j in range(0, i):
            now = _ssd_walk(
                now, x, b, dt, log_rate, x_stride, b_stride, j * BT, T, H,
                v, V, k, K, False, BT, DOT,
            )  # fmt: skip
        return _chunk_cast(now, DOT)

    @triton.jit
    def _ssd_end(
        ends, dy, c, dt, log_rate, dy_stride, c_stride, i, T, H, v, V, k, K,
        BT: tl.constexpr, DOT: tl.constexpr,
    ):  # fmt: skip
        """The gradient of the state after tile i, from the one written down."""
        inside = (v < V)[:, None] & (k < K)[None, :]
        now = tl.load(ends + v[:, None] * K + k[None, :], inside, 0.0).to(tl.float32)
        tiles = tl.cdiv(T, BT)
        for j in range(0, tiles - 1 - i):
            now = _ssd_walk(
                now, dy, c, dt, log_rate, dy_stride, c_stride, (tiles - 1 - j) * BT, T,
                H, v, V, k, K, True, BT, DOT,
            )  # fmt: skip
        return _chunk_cast(now, DOT)

    @triton.jit(do_not_specialize=["T"])
    def _ssd_heads_kernel(
        x, dt, a_log, b, c, skip, dy, starts, ends, dx, ddt, dhead, cu_seqlens,
        x_stride, b_stride, c_stride, T, H, G, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One tile and head: the gradients of x, dt, a_log and skip.

        Products are arranged so that no accumulator is ever transposed: names that end
        in _t are (channels, tokens), read so from memory. The gradient of a log decay
        is a sum over the pairs of tokens that it stands between, taken without
        differences, which would leave rounding where decay is strong.
        """
        TILES: tl.constexpr = KEEP // BT
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        splits = tl.cdiv(V, BV)
        h = (tl.program_id(1) // splits).to(tl.int64)
        g = h // (H // G)
        places = tl.num_programs(0) // TILES
        s, bos, T, begin = _seq_tile(cu_seqlens, place, places, T, KEEP)
        bos, T = bos + begin, tl.minimum(T - begin, KEEP).to(tl.int32)
        if i * BT < T:
            q, k = tl.arange(0, BT), tl.arange(0, BK)
            v = tl.program_id(1) % splits * BV + tl.arange(0, BV)
            earlier, later = q[:, None] > q[None, :], q[:, None] >= q[None, :]
            x += bos * x_stride + h * V
            dy += (bos * H + h) * V
            dt += bos * H + h
            b += bos * b_stride + g * K
            c += bos * c_stride + g * K
            log_rate = tl.load(a_log + h).to(tl.float32)
            at = (place.to(tl.int64) * H + h) * V * K
            start = _ssd_start(
                starts + at, x, b, dt, log_rate, x_stride, b_stride, i, T, H,
                v, V, k, K, BT, DOT,
            )  # fmt: skip
            here, rest = i * BT, T - i * BT
            x_at, dy_at = x + here * x_stride, dy + here * H * V
            b_at, c_at = b + here * b_stride, c + here * c_stride
            step = tl.load(dt + here * H + q * H, q < rest, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low)
            dys = _chunk_cast(_chunk_load(dy_at, q, rest, H * V, v, V), DOT)
            cs = _chunk_cast(_chunk_load(c_at, q, rest, c_stride, k, K), DOT)
            b_t = _chunk_cast(_chunk_turned(b_at, q, rest, b_stride, k, K), DOT)

            # the state at the start to the outputs
            reads = _chunk_dot(dys, start, DOT)
            by_reads = tl.sum(reads * cs.to(tl.float32), 1) * tl.exp(high + low)
            dlog = tl.sum(tl.where(later, by_reads[:, None], 0.0), 0)

            # the inputs to the state at the end, and start to end
            end = _ssd_end(
                ends + at, dy, c, dt, log_rate, H * V, c_stride, i, T, H,
                v, V, k, K, BT, DOT,
            )  # fmt: skip
            dlog += tl.sum(start.to(tl.float32) * end.to(tl.float32)) * whole
            du_t = _chunk_dot(end, b_t, DOT) * to_end[None, :]
            x_t = _chunk_turned(x_at, q, rest, x_stride, v, V).to(tl.float32)
            dstep = tl.sum(du_t * x_t, 0)
            by_adds = dstep * step
            dlog += tl.sum(tl.where(earlier, by_adds[None, :], 0.0), 1)

            # tokens of the tile to one another
            mix = _chunk_dot(cs, b_t, DOT) * _ssd_within(high, low)
            far = _chunk_dot(dys, x_t * step[None, :], DOT) * mix
            far = tl.where(earlier, far, 0.0)
            far = tl.cumsum(far, 1) - far  # (i, k): to i, from tokens before k
            dlog += tl.sum(tl.where(later, far, 0.0), 0)
            dy_t = _chunk_turned(dy_at, q, rest, H * V, v, V)
            near_t = _chunk_dot(dy_t, mix, DOT)
            dstep += tl.sum(near_t * x_t, 0) - dlog * tl.exp(log_rate)

            dy_t = dy_t.to(tl.float32)
            dx_t = du_t * step[None, :] + dy_t * tl.load(skip + h).to(tl.float32)
            dx_t += near_t * step[None, :]
            at = (bos + here) * H + h
            to = dx + at * V + q[None, :] * H * V + v[:, None]
            tl.store(to, dx_t, (v < V)[:, None] & (q < rest)[None, :])
            split = tl.program_id(1) % splits
            tl.store(ddt + (at + q * H) * splits + split, dstep, q < rest)
            one = tl.program_id(0).to(tl.int64) * H * splits + tl.program_id(1)
            tl.store(dhead + one, tl.sum(tl.where(q < rest, dlog * log, 0.0)))
            one += tl.num_programs(0).to(tl.int64) * H * splits
            tl.store(dhead + one, tl.sum(dy_t * x_t))

    @triton.jit(do_not_specialize=["T", "blocks"])
    def _ssd_groups_kernel(
        x, dt, a_log, b, c, dy, starts, ends, db, dc, cu_seqlens,
        x_stride, b_stride, c_stride, T, H, G, blocks, K, V,
        BT: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BV: tl.constexpr,
        DOT: tl.constexpr,
    ):  # fmt: skip
        """One tile, group and BK states: the gradients of b and c, over all heads.

        The gradient of c b^T is summed first: two products for all heads.
        """
        TILES: tl.constexpr = KEEP // BT
        place, i = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        g = (tl.program_id(1) // blocks).to(tl.int64)
        places = tl.num_programs(0) // TILES
        s, bos, T, begin = _seq_tile(cu_seqlens, place, places, T, KEEP)
        bos, T = bos + begin, tl.minimum(T - begin, KEEP).to(tl.int32)
        if i * BT < T:
            k = tl.program_id(2) * BK + tl.arange(0, BK)
            t = i * BT + tl.arange(0, BT)
            b += bos * b_stride + g * K
            c += bos * c_stride + g * K
            many = H // G // blocks
            dcb = tl.zeros((BT, BT), tl.float32)
            dcs = tl.zeros((BT, BK), tl.float32)
            dbs = tl.zeros((BT, BK), tl.float32)
            splits = tl.cdiv(V, BV)
            for n in range(0, many * splits):
                h = (tl.program_id(1) * many + n // splits).to(tl.int64)
                v = n % splits * BV + tl.arange(0, BV)
                x_h = x + bos * x_stride + h * V
                dy_h = dy + (bos * H + h) * V
                dt_h = dt + bos * H + h
                log_rate = tl.load(a_log + h).to(tl.float32)
                at = (place.to(tl.int64) * H + h) * V * K
                start = _ssd_start(
                    starts + at, x_h, b, dt_h, log_rate, x_stride, b_stride, i, T, H,
                    v, V, k, K, BT, DOT,
                )  # fmt: skip
                end = _ssd_end(
                    ends + at, dy_h, c, dt_h, log_rate, H * V, c_stride, i, T, H,
                    v, V, k, K, BT, DOT,
                )  # fmt: skip
                step = tl.load(dt_h + t * H, t < T, 0.0).to(tl.float32)
                log, high, low = _ssd_decays(step, log_rate)
                to_end, whole = _ssd_to_end(high, low)
                dys = _chunk_load(dy_h, t, T, H * V, v, V).to(tl.float32)
                u_t = _chunk_turned(x_h, t, T, x_stride, v, V).to(tl.float32)
                pairs = _chunk_dot(dys, u_t * step[None, :], DOT)
                dcb += pairs * _ssd_within(high, low)
                dcs = _chunk_dot(dys * tl.exp(high + low)[:, None], start, DOT, dcs)
                us = _chunk_load(x_h, t, T, x_stride, v, V).to(tl.float32)
                dbs = _chunk_dot(us * (to_end * step)[:, None], end, DOT, dbs)
            dcb = _chunk_cast(dcb, DOT)
            dcs = _chunk_dot(dcb, _chunk_load(b, t, T, b_stride, k, K), DOT, dcs)
            c_t = _chunk_turned(c, t, T, c_stride, k, K)
            dbs += tl.trans(_chunk_dot(c_t, dcb, DOT))
            row = (bos + t[:, None]) * G * blocks + tl.program_id(1)
            to, there = row * K + k[None, :], (t < T)[:, None] & (k < K)[None, :]
            tl.store(dc + to, dcs, there)
            tl.store(db + to, dbs, there)

    @triton.jit
    def _ssd_token_kernel(
        x, dt, a_log, b, c, skip, state, y, last,
        x_stride, b_stride, c_stride, H, G, K, V, BK: tl.constexpr, BV: tl.constexpr,
    ):  # fmt: skip
        """One token of one head; `last` may be `state`."""
        row, h = (tl.program_id(0) // H).to(tl.int64), tl.program_id(0) % H
        g, one = h // (H // G), tl.program_id(0).to(tl.int64)  # row and head
        v, k = tl.program_id(1) * BV + tl.arange(0, BV), tl.arange(0, BK)
        step = tl.load(dt + one).to(tl.float32)
        decay = tl.exp(-tl.exp(tl.load(a_log + h).to(tl.float32)) * step)
        xs = tl.load(x + row * x_stride + h * V + v, v < V, 0.0).to(tl.float32)
        bs = tl.load(b + row * b_stride + g * K + k, k < K, 0.0).to(tl.float32)
        cs = tl.load(c + row * c_stride + g * K + k, k < K, 0.0).to(tl.float32)
        tile = one * V * K + v[:, None] * K + k[None, :]
        inside = (v < V)[:, None] & (k < K)[None, :]
        now = (xs * step)[:, None] * bs[None, :]
        if state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32) * decay
        out = tl.sum(now * cs[None, :], 1)
        out += xs * tl.load(skip + h).to(tl.float32)
        tl.store(last + tile, now, inside)
        tl.store(y + one * V + v, out, v < V)
