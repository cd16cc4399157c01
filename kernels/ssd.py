"""SSD, the recurrence of Mamba-2: one decay a head, a matrix state, chunks as matmuls.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * x_t b_t^T        h (B, H, P, N)
    y_t = h_t c_t + skip * x_t

    x (B, L, H, P)    dt (B, L, H), positive    a_log, skip (H)
    b, c (B, L, G, N), each shared by the H / G heads of its group
    returns y (B, L, H, P) in x's dtype and the last h as state (B, H, P, N)

With cu_seqlens (S + 1), the bounds of S sequences packed one after the other, B is 1
and state has S rows; tokens after the last bound give 0.

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Inside a chunk of Q tokens the sum over the past is a masked Q x Q matrix,
whose c b^T part is shared by a group; between chunks only states travel. Decays
above the diagonal are exp(-inf), never exp(+large) * 0. Source: Mamba-2, arXiv
2405.21060, section 6 and listing 1.

On a GPU: c b^T once for each group, its causal part only; then x, b, c and dt are
read once and y is written once, the state stays on the chip. The backward pass writes
the states at the ends of all chunks (P x N a chunk and head, in bfloat16 for bfloat16
x), going forward from `state` and back from its gradient; then all chunks are
independent, and one program sums the gradients of b and c over the heads of a group.
No atomics: two runs are equal to the bit. bfloat16 x multiplies on tensor cores in
bfloat16, float16 x in TF32 (states may leave the range of float16), float32 x in
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
        gradients = torch.is_grad_enabled() and any(
            tensor is not None and tensor.requires_grad for tensor in tensors
        )
        if x.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _ssd_triton_step(x, dt, a_log, b, c, skip, state)
        out: tuple[Tensor, Tensor] = _Ssd.apply(  # type: ignore[no-untyped-call]
            x, dt, a_log, b, c, skip, state, cu_seqlens
        )
        return out
    if cu_seqlens is not None:
        return _ssd_packed(x, dt, a_log, b, c, skip, state, cu_seqlens)
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((x.shape[0], *x.shape[2:], b.shape[3]), dtype=dtype)
    with torch.autocast(x.device.type, enabled=False):  # it would round to bfloat16
        y, last = (_ssd_step if x.shape[1] == 1 else _ssd_chunks)(
            x.to(dtype), dt.to(dtype), a_log.to(dtype), b.to(dtype), c.to(dtype), state
        )
        y = y + x * skip.to(dtype).unsqueeze(1)
    return y.to(x.dtype), last


def _ssd_packed(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    bounds = cu_seqlens.tolist()
    if state is None:
        shape = (len(bounds) - 1, *x.shape[2:], b.shape[3])
        state = x.new_zeros(shape, dtype=torch.promote_types(x.dtype, torch.float32))
    ys, states = [], []
    for start, stop, h in zip(bounds[:-1], bounds[1:], state.split(1), strict=True):
        if stop > start:
            parts = (z[:, start:stop] for z in (x, dt, b, c))
            part, step, key, query = parts
            y, h = ssd(part, step, a_log, key, query, skip, h)
            ys.append(y)
        states.append(h)
    ys.append(torch.zeros_like(x[:, bounds[-1] :]))
    return torch.cat(ys, 1), torch.cat(states)


def _ssd_step(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One token, without the skip: an outer product in, the state times c out."""
    groups = (b.shape[2], -1)
    decay = (dt[:, 0] * -a_log.exp()).exp()  # (B, H)
    add = torch.unflatten((x * dt.unsqueeze(3))[:, 0], 1, groups)  # (B, G, R, P)
    h = torch.unflatten(state * decay[..., None, None], 1, groups)
    h = h.addcmul_(add.unsqueeze(4), b[:, 0, :, None, None])  # (B, G, R, P, N)
    y = h.flatten(2, 3) @ c[:, 0].unsqueeze(3)  # (B, G, RP, 1)
    return y.reshape(x.shape), h.flatten(1, 2)


def _ssd_chunks(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """All tokens, without the skip. Letters: K chunks of Q tokens, R heads a group."""
    length, width, groups, size = x.shape[1], x.shape[3], b.shape[2], b.shape[3]
    chunk = 32 if size <= 64 else 64  # measured on a CPU, both ways
    pad = -length % chunk
    if pad:  # padded steps have dt = 0: they keep the state and add nothing
        x, b, c = (F.pad(z, (0, 0, 0, 0, 0, pad)) for z in (x, b, c))
        dt = F.pad(dt, (0, 0, 0, pad))
    x = torch.unflatten(x * dt.unsqueeze(3), 1, (-1, chunk))  # (B, K, Q, H, P)
    b = torch.unflatten(b, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, N)
    c = torch.unflatten(c, 1, (-1, chunk)).transpose(2, 3)
    log = torch.unflatten(dt * -a_log.exp(), 1, (-1, chunk))
    log = log.transpose(2, 3)  # (B, K, H, Q)
    total = log.cumsum(3)

    # inside a chunk: token j reaches token i >= j through exp(sum of log over j+1..i)
    ones = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device)
    span = log.unsqueeze(4).expand(*log.shape, chunk)  # (B, K, H, Q, Q)
    span = span.masked_fill(~ones.tril(-1), 0).cumsum(3)
    decay = span.masked_fill(~ones.tril(), -torch.inf).exp()
    scores = (c @ b.transpose(3, 4)).unsqueeze(3)  # (B, K, G, 1, Q, Q)
    scores = (torch.unflatten(decay, 2, (groups, -1)) * scores).flatten(2, 3)
    y = scores @ x.transpose(2, 3)  # (B, K, H, Q, P)

    # what each chunk adds to the state, and the state that each chunk starts from
    rest = decay[:, :, :, -1].transpose(2, 3).unsqueeze(4)  # (B, K, Q, H, 1)
    add = torch.unflatten(x * rest, 3, (groups, -1)).transpose(2, 3).flatten(4)
    add = b.transpose(3, 4) @ add  # (B, K, G, N, RP)
    keep = total[..., -1].exp().repeat_interleave(width, 2)  # (B, K, HP)
    keep = torch.unflatten(keep, 2, (groups, 1, -1))  # (B, K, G, 1, RP)
    h = torch.unflatten(state.to(x.dtype), 1, (groups, -1))
    h = h.flatten(2, 3).transpose(2, 3)  # (B, G, N, RP)
    starts = []
    for more, factor in zip(add.unbind(1), keep.unbind(1), strict=True):
        starts.append(h)
        h = torch.addcmul(more, factor, h)  # (B, G, N, RP)
    past = c @ torch.stack(starts, 1)  # (B, K, G, Q, RP)
    past = torch.unflatten(past, 4, (-1, width)).transpose(3, 4).flatten(2, 3)
    y = torch.addcmul(y, past, total.exp().unsqueeze(4))
    y = y.transpose(2, 3).flatten(1, 2)[:, :length]  # (B, L, H, P)
    last = torch.unflatten(h.transpose(2, 3), 2, (-1, width)).flatten(1, 2)
    return y, last.contiguous()


def _ssd_why_not(x: Tensor, b: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    width, size = x.shape[3], b.shape[3]
    if width > 128 or size > 256:
        return f"head_dim {width} > 128 or {size} states > 256"
    if size > 128 and x.dtype != torch.bfloat16:
        return f"{size} states > 128 in {x.dtype}"
    return "no tokens" if x.numel() == 0 else ""


def _ssd_tiles(x: Tensor, b: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE tokens a chunk; WIDTH channels of a head and SIZE states, padded, a program;
    KIND and PRECISION of the operands of a product.
    """
    size = max(16, triton.next_power_of_2(b.shape[3]))
    wide, precision = x.dtype != torch.bfloat16, "tf32x3"
    if torch.version.hip is not None:
        precision, chunk, width = "ieee", 32, 32 if size < 64 else 16
    elif wide:
        chunk = 32 if size < (32 if backward else 128) else 16
        width = 32 if size == 128 else 16
        if x.dtype == torch.float16:
            precision = "tf32"  # as many bits as float16 has
        if size >= 64 and backward:
            precision = "ieee"  # on the plain arithmetic units: fewer registers
    else:
        chunk = 32 if size == 32 or size == 256 and not backward else 64
        width = 64 if size < 128 or size == 128 and backward else 32
        width = 16 if size == 256 else width
    return {
        "QUEUE": chunk,
        "WIDTH": min(width, max(16, triton.next_power_of_2(x.shape[3]))),
        "SIZE": size,
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8 if size >= 32 or wide else 4,
        "num_stages": 1,
    }


if triton is not None:

    @triton.jit
    def _ssd_span(cu, s, length, PACKED: tl.constexpr):
        """Sequence s: its row in the batch, its first token, its number of tokens."""
        row, first = s.to(tl.int64), tl.zeros((), tl.int64)
        if PACKED:
            first = tl.load(cu + s).to(tl.int64)
            length = (tl.load(cu + s + 1) - first).to(tl.int32)
            row = row * 0
        return row, first, length

    @triton.jit
    def _ssd_slot(cu, s, first, length, QUEUE: tl.constexpr, PACKED: tl.constexpr):
        """The place of a sequence's first chunk among all chunks."""
        if PACKED:  # leaves at most one place empty a sequence, and needs no counting
            slot = first // QUEUE + s
        else:
            slot = s.to(tl.int64) * tl.cdiv(length, QUEUE)
        return slot

    @triton.jit
    def _ssd_owner(
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
    def _ssd_decays(dt, log_rate):
        """Step sizes (Q) -> logs of decays, and their running sums in two parts.

        Differences of one float32 sum lose the small decays that follow a large one.
        So the sum is split: multiples of 1/2048, whose sums to 64 * 104 are exact, and
        the rest, whose sums stay below 1/32. exp(-104) is 0 already.
        """
        log = -tl.exp(log_rate) * dt
        capped = tl.maximum(log, -104.0)
        high = tl.floor(capped * 2048.0) / 2048.0
        return log, tl.cumsum(high, 0), tl.cumsum(capped - high, 0)

    @triton.jit
    def _ssd_within(high, low, QUEUE: tl.constexpr):
        """The decay from token j to token i: (Q, Q), 0 above the diagonal."""
        i = tl.arange(0, QUEUE)
        span = (high[:, None] - high[None, :]) + (low[:, None] - low[None, :])
        return tl.exp(tl.where(i[:, None] >= i[None, :], span, -float("inf")))

    @triton.jit
    def _ssd_to_end(high, low, QUEUE: tl.constexpr):
        """The decay from each token to the end of the chunk, and of the whole chunk."""
        last = tl.arange(0, QUEUE) == QUEUE - 1
        high_end = tl.sum(tl.where(last, high, 0.0), 0)
        low_end = tl.sum(tl.where(last, low, 0.0), 0)
        return tl.exp((high_end - high) + (low_end - low)), tl.exp(high_end + low_end)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _ssd_scores(
        b,
        c,
        scores,
        cu,
        sequences,
        length,
        groups,
        size,
        b_row,
        b_time,
        b_group,
        c_row,
        c_time,
        c_group,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """c b^T of a chunk and group (Q, Q): three quarters, the causal ones."""
        HALF: tl.constexpr = max(16, QUEUE // 2)  # the least of a product
        pair, g = tl.program_id(0) // 3, tl.program_id(1).to(tl.int64)
        i, j = (tl.program_id(0) % 3 + 1) // 2, tl.program_id(0) % 3 // 2
        s = _ssd_owner(cu, pair, sequences, length, QUEUE, PACKED)
        row, first, length = _ssd_span(cu, s, length, PACKED)
        begin = (pair - _ssd_slot(cu, s, first, length, QUEUE, PACKED)) * QUEUE
        n, half = tl.arange(0, SIZE), tl.arange(0, HALF)
        ti, tj = i * HALF + half, j * HALF + half
        length -= begin
        c += row * c_row + (first + begin) * c_time + g * c_group
        b += row * b_row + (first + begin) * b_time + g * b_group
        left = tl.load(
            c + ti[:, None] * c_time + n[None, :],
            (ti < length)[:, None] & (n < size)[None, :],
            0.0,
        )
        right = tl.load(
            b + tj[None, :] * b_time + n[:, None],
            (tj < length)[None, :] & (n < size)[:, None],
            0.0,
        )
        out = tl.dot(left.to(KIND), right.to(KIND), input_precision=PRECISION)
        scores += (pair.to(tl.int64) * groups + g) * QUEUE * QUEUE
        there = (ti < QUEUE)[:, None] & (tj < QUEUE)[None, :]
        tl.store(scores + ti[:, None] * QUEUE + tj[None, :], out, there)

    @triton.jit(do_not_specialize=["length"])
    def _ssd_forward(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        scores,
        state,
        y,
        last,
        cu,
        length,
        heads,
        groups,
        width,
        size,
        x_row,
        x_time,
        x_head,
        dt_row,
        dt_time,
        dt_head,
        b_row,
        b_time,
        b_group,
        c_row,
        c_time,
        c_group,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One head (or WIDTH channels of it) of one sequence, chunk after chunk."""
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g = h // (heads // groups)
        row, first, tokens = _ssd_span(cu, s, length, PACKED)
        slot = _ssd_slot(cu, s, first, tokens, QUEUE, PACKED)
        q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        causal = q[:, None] >= q[None, :]
        at = (s.to(tl.int64) * heads + h) * width * size  # of the state (P, N), turned
        inside = (n < size)[:, None] & (p < width)[None, :]
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        if state is not None:
            here = state + at + n[:, None] + p[None, :] * size
            now += tl.load(here, inside, 0.0).to(tl.float32)
        x += row * x_row + first * x_time + h * x_head
        dt += row * dt_row + first * dt_time + h * dt_head
        b += row * b_row + first * b_time + g * b_group
        c += row * c_row + first * c_time + g * c_group
        y += ((row * length + first) * heads + h) * width
        log_rate = tl.load(a_log + h).to(tl.float32)
        through = tl.load(skip + h).to(tl.float32)
        for begin in range(0, tokens, QUEUE):
            real = q < tokens - begin
            step = tl.load(dt + q * dt_time, real, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low, QUEUE)
            there = real[:, None] & (p < width)[None, :]
            xs = tl.load(x + q[:, None] * x_time + p[None, :], there, 0.0)
            xs = xs.to(tl.float32)
            u = (xs * step[:, None]).to(KIND)
            cs = tl.load(
                c + q[:, None] * c_time + n[None, :],
                real[:, None] & (n < size)[None, :],
                0.0,
            ).to(KIND)
            b_t = tl.load(
                b + q[None, :] * b_time + n[:, None],
                real[None, :] & (n < size)[:, None],
                0.0,
            ).to(tl.float32)
            chunk = (slot + begin // QUEUE) * groups + g
            at_q = scores + chunk * QUEUE * QUEUE + q[:, None] * QUEUE + q[None, :]
            cb = tl.load(at_q, causal, 0.0)
            out = tl.dot(cs, now.to(KIND), input_precision=PRECISION)
            out *= tl.exp(high + low)[:, None]
            mix = (cb * _ssd_within(high, low, QUEUE)).to(KIND)
            out = tl.dot(mix, u, out, input_precision=PRECISION) + xs * through
            tl.store(y + q[:, None] * heads * width + p[None, :], out, there)
            keep = (b_t * to_end[None, :]).to(KIND)
            now = tl.dot(keep, u, now * whole, input_precision=PRECISION)
            x, dt = x + QUEUE * x_time, dt + QUEUE * dt_time
            b, c = b + QUEUE * b_time, c + QUEUE * c_time
            y += QUEUE * heads * width
        tl.store(last + at + n[:, None] + p[None, :] * size, now, inside)

    @triton.jit(do_not_specialize=["length"])
    def _ssd_states(
        x,
        dt,
        a_log,
        b,
        c,
        state,
        dy,
        dlast,
        starts,
        ends,
        dstate,
        cu,
        length,
        heads,
        groups,
        width,
        size,
        x_row,
        x_time,
        x_head,
        dt_row,
        dt_time,
        dt_head,
        b_row,
        b_time,
        b_group,
        c_row,
        c_time,
        c_group,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """The state at the start of each chunk, or its gradient at the end of each.

        The same walk both ways: decay the state, add the product of two tiles.
        """
        back = tl.program_id(2)
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g = h // (heads // groups)
        row, first, tokens = _ssd_span(cu, s, length, PACKED)
        slot = _ssd_slot(cu, s, first, tokens, QUEUE, PACKED)
        q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        inside = (p < width)[:, None] & (n < size)[None, :]
        tile = p[:, None] * size + n[None, :]
        at = (s.to(tl.int64) * heads + h) * width * size
        now = tl.zeros((WIDTH, SIZE), tl.float32)
        if back == 1:
            now += tl.load(dlast + at + tile, inside, 0.0).to(tl.float32)
        elif state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        x += row * x_row + first * x_time + h * x_head
        dy += row * dy_row + first * dy_time + h * dy_head
        dt += row * dt_row + first * dt_time + h * dt_head
        b += row * b_row + first * b_time + g * b_group
        c += row * c_row + first * c_time + g * c_group
        log_rate = tl.load(a_log + h).to(tl.float32)
        chunks = tl.cdiv(tokens, QUEUE)
        for k in range(0, chunks):
            chunk = tl.where(back == 1, chunks - 1 - k, k)
            begin = first * 0 + chunk * QUEUE
            real = q < tokens - begin
            step = tl.load(dt + begin * dt_time + q * dt_time, real, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low, QUEUE)
            place = ((slot + chunk) * heads + h) * width * size
            across, down = real[None, :] & (p < width)[:, None], real[:, None]
            if back == 1:
                tl.store(ends + place + tile, now, inside)
                left = tl.load(
                    dy + begin * dy_time + q[None, :] * dy_time + p[:, None],
                    across,
                    0.0,
                )
                weight = tl.exp(high + low)
                at_n = c + begin * c_time + q[:, None] * c_time + n[None, :]
                right = tl.load(at_n, down & (n < size)[None, :], 0.0).to(KIND)
            else:
                tl.store(starts + place + tile, now, inside)
                left = tl.load(
                    x + begin * x_time + q[None, :] * x_time + p[:, None], across, 0.0
                )
                weight = to_end * step
                at_n = b + begin * b_time + q[:, None] * b_time + n[None, :]
                right = tl.load(at_n, down & (n < size)[None, :], 0.0).to(KIND)
            left = (left.to(tl.float32) * weight[None, :]).to(KIND)
            now = tl.dot(left, right, now * whole, input_precision=PRECISION)
        if back == 1:
            tl.store(dstate + at + tile, now, inside)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _ssd_backward_heads(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        dy,
        starts,
        ends,
        dx,
        ddt,
        da_log,
        dskip,
        cu,
        sequences,
        length,
        heads,
        groups,
        splits,
        width,
        size,
        x_row,
        x_time,
        x_head,
        dt_row,
        dt_time,
        dt_head,
        b_row,
        b_time,
        b_group,
        c_row,
        c_time,
        c_group,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One chunk and head: the gradients of x, dt, a_log and skip.

        Products are arranged so that no accumulator is ever transposed: names that end
        in _t are (channels, tokens), read so from memory. The gradient of a log decay
        is a sum over the pairs of tokens that it stands between, taken without
        differences, which would leave rounding where decay is strong.
        """
        slot, h = tl.program_id(0), (tl.program_id(1) // splits).to(tl.int64)
        g = h // (heads // groups)
        s = _ssd_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens = _ssd_span(cu, s, length, PACKED)
        chunk = slot - _ssd_slot(cu, s, first, tokens, QUEUE, PACKED)
        if chunk * QUEUE < tokens:
            q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
            p = tl.program_id(1) % splits * WIDTH + tl.arange(0, WIDTH)
            real, n_in, p_in = q < tokens - chunk * QUEUE, n < size, p < width
            first += chunk * QUEUE
            x += row * x_row + first * x_time + h * x_head
            dy += row * dy_row + first * dy_time + h * dy_head
            dt += row * dt_row + first * dt_time + h * dt_head
            b += row * b_row + first * b_time + g * b_group
            c += row * c_row + first * c_time + g * c_group
            place = (slot.to(tl.int64) * heads + h) * width * size
            tile = p[:, None] * size + n[None, :]
            inside = p_in[:, None] & n_in[None, :]
            wide = p_in[:, None] & real[None, :]
            log_rate = tl.load(a_log + h).to(tl.float32)
            step = tl.load(dt + q * dt_time, real, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low, QUEUE)
            dys = tl.load(
                dy + q[:, None] * dy_time + p[None, :],
                real[:, None] & p_in[None, :],
                0.0,
            ).to(KIND)
            cs = tl.load(
                c + q[:, None] * c_time + n[None, :],
                real[:, None] & n_in[None, :],
                0.0,
            ).to(KIND)
            b_t = tl.load(
                b + q[None, :] * b_time + n[:, None],
                n_in[:, None] & real[None, :],
                0.0,
            ).to(KIND)

            # the state at the start to the outputs
            start = tl.load(starts + place + tile, inside, 0.0).to(KIND)
            reads = tl.dot(dys, start, input_precision=PRECISION)
            by_reads = tl.sum(reads * cs.to(tl.float32), 1) * tl.exp(high + low)
            later = q[:, None] >= q[None, :]
            dlog = tl.sum(tl.where(later, by_reads[:, None], 0.0), 0)

            # the inputs to the state at the end, and start to end
            end = tl.load(ends + place + tile, inside, 0.0).to(KIND)
            dlog += tl.sum(start.to(tl.float32) * end.to(tl.float32)) * whole
            du_t = tl.dot(end, b_t, input_precision=PRECISION) * to_end[None, :]
            x_t = tl.load(x + q[None, :] * x_time + p[:, None], wide, 0.0)
            x_t = x_t.to(tl.float32)
            by_adds = tl.sum(du_t * x_t, 0) * step
            earlier = q[:, None] > q[None, :]
            dlog += tl.sum(tl.where(earlier, by_adds[None, :], 0.0), 1)

            # tokens of the chunk to one another
            mix = tl.dot(cs, b_t, input_precision=PRECISION)
            mix *= _ssd_within(high, low, QUEUE)
            u_t = (x_t * step[None, :]).to(KIND)
            far = tl.dot(dys, u_t, input_precision=PRECISION) * mix
            far = tl.where(earlier, far, 0.0)
            far = tl.cumsum(far, 1) - far  # (i, k): to i, from tokens before k
            dlog += tl.sum(tl.where(later, far, 0.0), 0)
            dy_t = tl.load(dy + q[None, :] * dy_time + p[:, None], wide, 0.0)
            du_t = tl.dot(dy_t.to(KIND), mix.to(KIND), du_t, input_precision=PRECISION)

            dy_t = dy_t.to(tl.float32)
            dx_t = du_t * step[None, :] + dy_t * tl.load(skip + h).to(tl.float32)
            at = row * length + first
            dx += (at * heads + h) * width
            tl.store(dx + q[None, :] * heads * width + p[:, None], dx_t, wide)
            dstep = tl.sum(x_t * du_t, 0) - dlog * tl.exp(log_rate)
            ddt += at * heads * splits + tl.program_id(1)
            tl.store(ddt + q * heads * splits, dstep, real)
            one = slot.to(tl.int64) * heads * splits + tl.program_id(1)
            tl.store(da_log + one, tl.sum(tl.where(real, dlog * log, 0.0)))
            tl.store(dskip + one, tl.sum(dy_t * x_t))

    @triton.jit(do_not_specialize=["sequences", "length", "blocks"])
    def _ssd_backward_groups(
        x,
        dt,
        a_log,
        b,
        c,
        dy,
        starts,
        ends,
        db,
        dc,
        cu,
        sequences,
        length,
        heads,
        groups,
        blocks,
        splits,
        width,
        size,
        x_row,
        x_time,
        x_head,
        dt_row,
        dt_time,
        dt_head,
        b_row,
        b_time,
        b_group,
        c_row,
        c_time,
        c_group,
        dy_row,
        dy_time,
        dy_head,
        PACKED: tl.constexpr,
        QUEUE: tl.constexpr,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
        KIND: tl.constexpr,
        PRECISION: tl.constexpr,
    ):
        """One chunk and group: the gradients of b and c, summed over the heads.

        The gradient of c b^T is summed first: two products for all heads.
        """
        slot, g = tl.program_id(0), (tl.program_id(1) // blocks).to(tl.int64)
        block = tl.program_id(1) % blocks
        s = _ssd_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens = _ssd_span(cu, s, length, PACKED)
        chunk = slot - _ssd_slot(cu, s, first, tokens, QUEUE, PACKED)
        if chunk * QUEUE < tokens:
            q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
            real, n_in = q < tokens - chunk * QUEUE, n < size
            first += chunk * QUEUE
            many = heads // groups // blocks
            dcb = tl.zeros((QUEUE, QUEUE), tl.float32)
            dcs = tl.zeros((QUEUE, SIZE), tl.float32)
            dbs_t = tl.zeros((SIZE, QUEUE), tl.float32)
            for k in range(0, many * splits):
                h = (g * blocks + block) * many + k // splits
                p = k % splits * WIDTH + tl.arange(0, WIDTH)
                p_in = p < width
                step = tl.load(
                    dt + row * dt_row + first * dt_time + h * dt_head + q * dt_time,
                    real,
                    0.0,
                ).to(tl.float32)
                log_rate = tl.load(a_log + h).to(tl.float32)
                log, high, low = _ssd_decays(step, log_rate)
                to_end, whole = _ssd_to_end(high, low, QUEUE)
                dys = tl.load(
                    dy
                    + row * dy_row
                    + first * dy_time
                    + h * dy_head
                    + q[:, None] * dy_time
                    + p[None, :],
                    real[:, None] & p_in[None, :],
                    0.0,
                ).to(tl.float32)
                u_t = (
                    tl.load(
                        x
                        + row * x_row
                        + first * x_time
                        + h * x_head
                        + q[None, :] * x_time
                        + p[:, None],
                        p_in[:, None] & real[None, :],
                        0.0,
                    ).to(tl.float32)
                    * step[None, :]
                )
                pairs = tl.dot(dys.to(KIND), u_t.to(KIND), input_precision=PRECISION)
                dcb += pairs * _ssd_within(high, low, QUEUE)
                place = (slot.to(tl.int64) * heads + h) * width * size
                start = tl.load(
                    starts + place + p[:, None] * size + n[None, :],
                    p_in[:, None] & n_in[None, :],
                    0.0,
                ).to(KIND)
                reads = (dys * tl.exp(high + low)[:, None]).to(KIND)
                dcs = tl.dot(reads, start, dcs, input_precision=PRECISION)
                end_t = tl.load(
                    ends + place + p[None, :] * size + n[:, None],
                    p_in[None, :] & n_in[:, None],
                    0.0,
                ).to(KIND)
                u_t = (u_t * to_end[None, :]).to(KIND)
                dbs_t = tl.dot(end_t, u_t, dbs_t, input_precision=PRECISION)
            down, across = real[:, None] & n_in[None, :], n_in[:, None] & real[None, :]
            b += row * b_row + first * b_time + g * b_group
            c += row * c_row + first * c_time + g * c_group
            bs = tl.load(b + q[:, None] * b_time + n[None, :], down, 0.0).to(KIND)
            c_t = tl.load(c + q[None, :] * c_time + n[:, None], across, 0.0).to(KIND)
            dcs = tl.dot(dcb.to(KIND), bs, dcs, input_precision=PRECISION)
            dbs_t = tl.dot(c_t, dcb.to(KIND), dbs_t, input_precision=PRECISION)
            at = ((row * length + first) * groups * blocks + tl.program_id(1)) * size
            step_q = groups * blocks * size
            tl.store(dc + at + q[:, None] * step_q + n[None, :], dcs, down)
            tl.store(db + at + q[None, :] * step_q + n[:, None], dbs_t, across)

    @triton.jit
    def _ssd_token(
        x,
        dt,
        a_log,
        b,
        c,
        skip,
        state,
        y,
        last,
        heads,
        groups,
        width,
        size,
        x_row,
        x_head,
        dt_row,
        dt_head,
        b_row,
        b_group,
        c_row,
        c_group,
        WIDTH: tl.constexpr,
        SIZE: tl.constexpr,
    ):
        """One token of one head; `last` may be `state`."""
        s, h = tl.program_id(0) // heads, tl.program_id(0) % heads
        s, h = s.to(tl.int64), h.to(tl.int64)
        g = h // (heads // groups)
        p, n = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH), tl.arange(0, SIZE)
        step = tl.load(dt + s * dt_row + h * dt_head).to(tl.float32)
        decay = tl.exp(-tl.exp(tl.load(a_log + h).to(tl.float32)) * step)
        xs = tl.load(x + s * x_row + h * x_head + p, p < width, 0.0).to(tl.float32)
        bs = tl.load(b + s * b_row + g * b_group + n, n < size, 0.0).to(tl.float32)
        cs = tl.load(c + s * c_row + g * c_group + n, n < size, 0.0).to(tl.float32)
        tile = p[:, None] * size + n[None, :] + (s * heads + h) * width * size
        inside = (p < width)[:, None] & (n < size)[None, :]
        now = (xs * step)[:, None] * bs[None, :]
        if state is not None:
            now += tl.load(state + tile, inside, 0.0).to(tl.float32) * decay
        out = tl.sum(now * cs[None, :], 1)
        out += xs * tl.load(skip + h).to(tl.float32)
        tl.store(last + tile, now, inside)
        tl.store(y + (s * heads + h) * width + p, out, p < width)


def _ssd_dense(x: Tensor) -> Tensor:
    """x itself, or a copy if its last dimension is not dense.

    A copy too where offsets within a chunk of 64 tokens would not fit in 32 bits.
    """
    return x if x.stride(-1) == 1 and x.stride(1) < 2**24 else x.contiguous()


def _ssd_triton_step(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """One launch; the state changes in place."""
    (batch, _, heads, width), (groups, size) = x.shape, b.shape[2:]
    x, b, c = _ssd_dense(x), _ssd_dense(b), _ssd_dense(c)
    if state is None:
        last = _ssd_empty(x, (batch, heads, width, size))
    else:
        state = last = state.contiguous()
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    padded = max(16, triton.next_power_of_2(size))
    tile = max(1, 2048 // padded)  # not measured: 16 states a thread
    with launch_on(x):
        _ssd_token[batch * heads, triton.cdiv(width, tile)](
            x, dt, a_log, b, c, skip, state, y, last, heads, groups, width, size,
            x.stride(0), x.stride(2), dt.stride(0), dt.stride(2),
            b.stride(0), b.stride(2), c.stride(0), c.stride(2),
            WIDTH=tile, SIZE=padded, num_warps=4,
        )  # fmt: skip
    return y, last


def _ssd_empty(
    like: Tensor,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    zeros: Tensor | None = None,
) -> Tensor:
    """For a kernel to write; zeros where cu_seqlens may leave tokens out."""
    new = torch.empty if zeros is None else torch.zeros
    return new(tuple(shape), dtype=dtype, device=like.device)


def _ssd_strides(*tensors: Tensor) -> list[int]:
    return [stride for tensor in tensors for stride in tensor.stride()[:3]]


class _Ssd(torch.autograd.Function):
    """Saves its inputs and recomputes the states."""

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
        x, dt, b, c = (_ssd_dense(tensor) for tensor in (x, dt, b, c))
        a_log, skip = a_log.contiguous(), skip.contiguous()
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        ctx.save_for_backward(x, dt, a_log, b, c, skip, state, cu)
        (batch, length, heads, width), (groups, size) = x.shape, b.shape[2:]
        tiles = _ssd_tiles(x, b, False)
        sequences = batch if cu is None else cu.shape[0] - 1
        y = _ssd_empty(x, x.shape, x.dtype, cu)
        last = _ssd_empty(x, (sequences, heads, width, size))
        options = {"PACKED": cu is not None, **tiles}
        slots = _ssd_slots(batch, length, sequences, cu, tiles["QUEUE"])
        scores = _ssd_empty(x, (slots, groups, tiles["QUEUE"], tiles["QUEUE"]))
        with launch_on(x):
            _ssd_scores[slots * 3, groups](
                b, c, scores, cu, sequences, length, groups, size,
                *_ssd_strides(b, c), **options,
            )  # fmt: skip
            _ssd_forward[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
                x, dt, a_log, b, c, skip, scores, state, y, last, cu,
                length, heads, groups, width, size,
                *_ssd_strides(x, dt, b, c), **options,
            )  # fmt: skip
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, dt, a_log, b, c, skip, state, cu = ctx.saved_tensors
        (batch, length, heads, width), (groups, size) = x.shape, b.shape[2:]
        dy, dlast, tiles = _ssd_dense(dy), dlast.contiguous(), _ssd_tiles(x, b, True)
        sequences = batch if cu is None else cu.shape[0] - 1
        slots = _ssd_slots(batch, length, sequences, cu, tiles["QUEUE"])
        splits = triton.cdiv(width, tiles["WIDTH"])
        # a program sums over all heads of a group where that leaves enough programs
        blocks = 1
        while slots * groups * blocks < 256 and heads // groups % (2 * blocks) == 0:
            blocks *= 2
        options = {"PACKED": cu is not None, **tiles}
        kind = x.dtype if x.dtype == torch.bfloat16 else torch.float32
        starts = _ssd_empty(x, (slots, heads, width, size), kind)
        ends = _ssd_empty(x, starts.shape, kind)
        dstate = _ssd_empty(x, dlast.shape)
        dx = _ssd_empty(x, x.shape, x.dtype, cu)
        ddt = _ssd_empty(x, (batch, length, heads, splits), zeros=cu)
        db = _ssd_empty(x, (batch, length, groups, blocks, size), zeros=cu)
        dc = _ssd_empty(x, db.shape, zeros=cu)
        da_log = _ssd_empty(x, (slots, heads, splits), zeros=cu)
        dskip = _ssd_empty(x, da_log.shape, zeros=cu)
        strides = _ssd_strides(x, dt, b, c, dy)
        with launch_on(x):
            _ssd_states[sequences * heads, splits, 2](
                x, dt, a_log, b, c, state, dy, dlast, starts, ends, dstate, cu,
                length, heads, groups, width, size, *strides, **options,
            )  # fmt: skip
            _ssd_backward_heads[slots, heads * splits](
                x, dt, a_log, b, c, skip, dy, starts, ends,
                dx, ddt, da_log, dskip, cu, sequences, length, heads, groups,
                splits, width, size, *strides, **options,
            )  # fmt: skip
            _ssd_backward_groups[slots, groups * blocks](
                x, dt, a_log, b, c, dy, starts, ends, db, dc, cu,
                sequences, length, heads, groups, blocks, splits, width, size,
                *strides, **options,
            )  # fmt: skip
        return (
            dx,
            ddt.sum(3).to(dt.dtype),
            da_log.sum((0, 2)).to(a_log.dtype),
            db.sum(3).to(b.dtype),
            dc.sum(3).to(c.dtype),
            dskip.sum((0, 2)).to(skip.dtype),
            None if state is None else dstate.to(state.dtype),
            None,
        )


def _ssd_slots(
    batch: int, length: int, sequences: int, cu: Tensor | None, chunk: int
) -> int:
    """Places for chunks: enough of them without reading cu_seqlens."""
    whole: int = triton.cdiv(length, chunk)
    return batch * whole if cu is None else length // chunk + sequences
