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
read once and y is written once, the state stays on the chip. For the gradients it is
written down every 256 tokens (64 in other dtypes; in bfloat16 for bfloat16 x), and so
is its gradient, back in time; then all tiles of 64 tokens are independent, walk from
there to their own borders, and one program sums the gradients of b and c over the
heads of a group. With S the bytes of x, at H 32, P 64, N 128, G 1 in bfloat16: 2.9 S
forward (2.4 without gradients), 9.2 S backward, as the interpreter counts them. No
atomics: two runs are equal to the bit. bfloat16 x multiplies on tensor cores in
bfloat16, float16 x in TF32 (states may leave the range of float16), float32 x in
three TF32 products. One token without gradients changes `state` in place and returns
that tensor.
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
        gradients = _chunk_gradients(*tensors)
        if x.shape[1] == 1 and cu_seqlens is None and not gradients:
            return _ssd_triton_step(x, dt, a_log, b, c, skip, state)
        x, dt, b, c = (_chunk_dense(tensor) for tensor in (x, dt, b, c))
        a_log, skip = a_log.contiguous(), skip.contiguous()
        state = None if state is None else state.contiguous()
        cu = None if cu_seqlens is None else cu_seqlens.contiguous()
        inputs = (x, dt, a_log, b, c, skip, state, cu)
        if not gradients:
            return _ssd_launch(*inputs, keep=False)[:2]
        y, last = autograd(_Ssd, *inputs)
        return y, last
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        rows = x.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        state = x.new_zeros((rows, *x.shape[2:], b.shape[3]), dtype=dtype)
    if cu_seqlens is not None:
        return _chunk_packed(
            lambda x, dt, b, c, state: ssd(x, dt, a_log, b, c, skip, state),
            (x, dt, b, c),
            x.shape[3],
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
    # padded steps have dt = 0: they keep the state and add nothing
    x = _chunk_split(x * dt.unsqueeze(3), chunk)  # (B, K, Q, H, P)
    b = _chunk_split(b, chunk).transpose(2, 3)  # (B, K, G, Q, N)
    c = _chunk_split(c, chunk).transpose(2, 3)
    log = _chunk_split(dt * -a_log.exp(), chunk).transpose(2, 3)  # (B, K, H, Q)
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
    starts, h = _chunk_states(keep, add, h)  # (B, K, G, N, RP), (B, G, N, RP)
    past = c @ starts  # (B, K, G, Q, RP)
    past = torch.unflatten(past, 4, (-1, width)).transpose(3, 4).flatten(2, 3)
    y = torch.addcmul(y, past, total.exp().unsqueeze(4))
    y = _chunk_join(y.transpose(2, 3), length)  # (B, L, H, P)
    last = torch.unflatten(h.transpose(2, 3), 2, (-1, width)).flatten(1, 2)
    return y, last.contiguous()


def _ssd_why_not(x: Tensor, b: Tensor) -> str:
    """What the Triton kernels do not serve; empty if they do."""
    width, size = x.shape[3], b.shape[3]
    if width > 128 or size > 256:
        return f"head_dim {width} > 128 or {size} states > 256"
    if size > 128 and x.dtype != torch.bfloat16:
        return f"{size} states > 128 in {x.dtype}"
    return ""


def _ssd_tiles(x: Tensor, b: Tensor, backward: bool) -> dict[str, Any]:
    """Sizes of tiles. Not measured: the largest that compile without spills on sm_90.

    QUEUE tokens a tile, KEEP from one state that is written down to the next; WIDTH
    channels of a head; SIZE states, padded, or PART of them; KIND and PRECISION of the
    operands of a product. KEEP is four tiles of the backward pass, which moves 16.7,
    11.7 and 9.2 times x for one, two and four (bfloat16, N 128), and walks from there.
    """
    size = max(16, triton.next_power_of_2(b.shape[3]))
    wide, precision = x.dtype != torch.bfloat16, "tf32x3"
    old = not warp_group_products(x)
    if torch.version.hip is not None:
        precision, chunk, keep, width = "ieee", 32, 128, 32 if size < 64 else 16
    elif wide:
        half, keep, width = x.dtype == torch.float16, 64, 16
        chunk = 32 if size == 16 or size < 128 and (half or size == 64) else 16
        if backward:
            chunk = 16
            precision = "ieee" if size >= 32 else precision  # fewer registers
        elif size == 128:
            width = 32
        if half and precision != "ieee":
            precision = "tf32"  # as many bits as float16 has
    else:
        keep, chunk = 256, 32 if size == 32 or size == 256 and not backward else 64
        width = 64 if size < 128 or size == 128 and backward else 32
        width = 16 if size == 256 else width
    if old:  # on sm_80 then, 64 bytes of registers are spilled at most
        width = max(16, width // 2)
    return {
        "QUEUE": chunk,
        "KEEP": keep,
        "WIDTH": min(width, max(16, triton.next_power_of_2(x.shape[3]))),
        "SIZE": size,
        "PART": min(size, 32 if wide or old else 64),
        "KIND": tl.float32 if wide else tl.bfloat16,
        "PRECISION": precision,
        "num_warps": 8 if size >= 32 or wide or old else 4,
        "num_stages": 1,
    }


if triton is not None:

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

    @triton.jit
    def _ssd_walk(
        now, left, right, dt, log_rate, tokens, p, p_in, n, n_in,
        left_time, right_time, dt_time, BACK: tl.constexpr,
        QUEUE: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """A state (P, N) over one tile: decay it, add the product of two others.

        left and right are x and b; back in time, for the state's gradient, dy and c.
        """
        q = tl.arange(0, QUEUE)
        real = q < tokens
        step = tl.load(dt + q * dt_time, real, 0.0).to(tl.float32)
        log, high, low = _ssd_decays(step, log_rate)
        weight, whole = _ssd_to_end(high, low, QUEUE)
        weight = tl.exp(high + low) if BACK else weight * step
        add = _chunk_tile(left, p, p_in, 1, q, real, left_time).to(tl.float32)
        add = (add * weight[None, :]).to(KIND)
        right = _chunk_tile(right, q, real, right_time, n, n_in, 1).to(KIND)
        return tl.dot(add, right, now * whole, input_precision=PRECISION)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _ssd_scores(
        b, c, scores, cu, sequences, length, groups, size,
        b_row, b_time, b_group, c_row, c_time, c_group,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, KEEP: tl.constexpr,
        WIDTH: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr,
        KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """c b^T of a tile and group (Q, Q): three quarters, the causal ones."""
        HALF: tl.constexpr = max(16, QUEUE // 2)  # the least of a product
        slot, g = tl.program_id(0) // 3, tl.program_id(1).to(tl.int64)
        i, j = (tl.program_id(0) % 3 + 1) // 2, tl.program_id(0) % 3 // 2
        s = _chunk_owner(cu, slot, sequences, length, QUEUE, PACKED)
        row, first, tokens, start = _chunk_span(cu, s, length, QUEUE, PACKED)
        begin = (slot - start) * QUEUE
        tokens -= begin
        n, half = tl.arange(0, SIZE), tl.arange(0, HALF)
        ti, tj = i * HALF + half, j * HALF + half
        c += row * c_row + (first + begin) * c_time + g * c_group
        b += row * b_row + (first + begin) * b_time + g * b_group
        left = _chunk_tile(c, ti, ti < tokens, c_time, n, n < size, 1).to(KIND)
        right = _chunk_tile(b, n, n < size, 1, tj, tj < tokens, b_time).to(KIND)
        out = tl.dot(left, right, input_precision=PRECISION)
        scores += (slot.to(tl.int64) * groups + g) * QUEUE * QUEUE
        there = (ti < QUEUE)[:, None] & (tj < QUEUE)[None, :]
        tl.store(scores + ti[:, None] * QUEUE + tj[None, :], out, there)

    @triton.jit(do_not_specialize=["length"])
    def _ssd_forward(
        x, dt, a_log, b, c, skip, scores, state, y, last, starts, cu,
        length, heads, groups, width, size,
        x_row, x_time, x_head, dt_row, dt_time, dt_head,
        b_row, b_time, b_group, c_row, c_time, c_group,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, KEEP: tl.constexpr,
        WIDTH: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr,
        KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One head (or WIDTH channels of it) of one sequence, tile after tile."""
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g = h // (heads // groups)
        row, first, tokens, slot = _chunk_span(cu, s, length, QUEUE, PACKED)
        kept = _chunk_span(cu, s, length, KEEP, PACKED)[3]
        q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        n_in, p_in = n < size, p < width
        inside = n_in[:, None] & p_in[None, :]
        tile = n[:, None] + p[None, :] * size  # of a state (P, N), turned
        at = (s.to(tl.int64) * heads + h) * width * size
        now = tl.zeros((SIZE, WIDTH), tl.float32)
        if state is not None:
            now += tl.load(state + at + tile, inside, 0.0).to(tl.float32)
        x += row * x_row + first * x_time + h * x_head
        dt += row * dt_row + first * dt_time + h * dt_head
        b += row * b_row + first * b_time + g * b_group
        c += row * c_row + first * c_time + g * c_group
        y += ((row * length + first) * heads + h) * width
        log_rate = tl.load(a_log + h).to(tl.float32)
        through = tl.load(skip + h).to(tl.float32)
        for begin in range(0, tokens, QUEUE):
            if starts is not None and begin % KEEP == 0:
                place = ((kept + begin // KEEP) * heads + h) * width * size
                tl.store(starts + place + tile, now, inside)
            real = q < tokens - begin
            step = tl.load(dt + q * dt_time, real, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low, QUEUE)
            xs = _chunk_tile(x, q, real, x_time, p, p_in, 1).to(tl.float32)
            u = (xs * step[:, None]).to(KIND)
            cs = _chunk_tile(c, q, real, c_time, n, n_in, 1).to(KIND)
            b_t = _chunk_tile(b, n, n_in, 1, q, real, b_time).to(tl.float32)
            cb = scores + ((slot + begin // QUEUE) * groups + g) * QUEUE * QUEUE
            cb += q[:, None] * QUEUE + q[None, :]
            cb = tl.load(cb, q[:, None] >= q[None, :], 0.0)
            out = tl.dot(cs, now.to(KIND), input_precision=PRECISION)
            out *= tl.exp(high + low)[:, None]
            mix = (cb * _ssd_within(high, low, QUEUE)).to(KIND)
            out = tl.dot(mix, u, out, input_precision=PRECISION) + xs * through
            there = real[:, None] & p_in[None, :]
            tl.store(y + q[:, None] * heads * width + p[None, :], out, there)
            add = (b_t * to_end[None, :]).to(KIND)
            now = tl.dot(add, u, now * whole, input_precision=PRECISION)
            x, dt = x + QUEUE * x_time, dt + QUEUE * dt_time
            b, c = b + QUEUE * b_time, c + QUEUE * c_time
            y += QUEUE * heads * width
        tl.store(last + at + tile, now, inside)

    @triton.jit(do_not_specialize=["length"])
    def _ssd_ends(
        dt, a_log, c, dy, dlast, ends, dstate, cu,
        length, heads, groups, width, size,
        dt_row, dt_time, dt_head, c_row, c_time, c_group, dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, KEEP: tl.constexpr,
        WIDTH: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr,
        KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """The gradient of the state at the end of each KEEP tokens, back in time."""
        s, h = tl.program_id(0) // heads, (tl.program_id(0) % heads).to(tl.int64)
        g = h // (heads // groups)
        row, first, tokens, kept = _chunk_span(cu, s, length, KEEP, PACKED)
        n = tl.arange(0, SIZE)
        p = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
        n_in, p_in = n < size, p < width
        inside = p_in[:, None] & n_in[None, :]
        tile = p[:, None] * size + n[None, :]
        at = (s.to(tl.int64) * heads + h) * width * size
        now = tl.load(dlast + at + tile, inside, 0.0).to(tl.float32)
        dy += row * dy_row + first * dy_time + h * dy_head
        dt += row * dt_row + first * dt_time + h * dt_head
        c += row * c_row + first * c_time + g * c_group
        log_rate = tl.load(a_log + h).to(tl.float32)
        tiles = tl.cdiv(tokens, QUEUE)
        for k in range(0, tiles):
            begin = first * 0 + (tiles - 1 - k) * QUEUE
            if k == 0 or (begin + QUEUE) % KEEP == 0:
                place = ((kept + begin // KEEP) * heads + h) * width * size
                tl.store(ends + place + tile, now, inside)
            now = _ssd_walk(
                now, dy + begin * dy_time, c + begin * c_time, dt + begin * dt_time,
                log_rate, tokens - begin, p, p_in, n, n_in, dy_time, c_time, dt_time,
                True, QUEUE, KIND, PRECISION,
            )  # fmt: skip
        tl.store(dstate + at + tile, now, inside)

    @triton.jit
    def _ssd_start(
        starts, x, b, dt, log_rate, t, tokens, at, inside, p, p_in, n, n_in,
        x_time, b_time, dt_time,
        QUEUE: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """The state (P, N) before tile t, from the one that was written down."""
        now = tl.load(starts + at, inside, 0.0).to(tl.float32)
        for k in range(0, t):
            skip = k * QUEUE
            now = _ssd_walk(
                now, x + skip * x_time, b + skip * b_time, dt + skip * dt_time,
                log_rate, tokens - skip, p, p_in, n, n_in, x_time, b_time, dt_time,
                False, QUEUE, KIND, PRECISION,
            )  # fmt: skip
        return now.to(KIND)

    @triton.jit
    def _ssd_end(
        ends, dy, c, dt, log_rate, t, tokens, at, inside, p, p_in, n, n_in,
        dy_time, c_time, dt_time,
        QUEUE: tl.constexpr, KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """The gradient of the state after tile t, from the one written down."""
        now = tl.load(ends + at, inside, 0.0).to(tl.float32)
        tiles = tl.cdiv(tokens, QUEUE)
        for k in range(0, tiles - 1 - t):
            skip = (tiles - 1 - k) * QUEUE
            now = _ssd_walk(
                now, dy + skip * dy_time, c + skip * c_time, dt + skip * dt_time,
                log_rate, tokens - skip, p, p_in, n, n_in, dy_time, c_time, dt_time,
                True, QUEUE, KIND, PRECISION,
            )  # fmt: skip
        return now.to(KIND)

    @triton.jit(do_not_specialize=["sequences", "length"])
    def _ssd_backward_heads(
        x, dt, a_log, b, c, skip, dy, starts, ends, dx, ddt, da_log, dskip, cu,
        sequences, length, heads, groups, splits, width, size,
        x_row, x_time, x_head, dt_row, dt_time, dt_head,
        b_row, b_time, b_group, c_row, c_time, c_group, dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, KEEP: tl.constexpr,
        WIDTH: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr,
        KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One tile and head: the gradients of x, dt, a_log and skip.

        Products are arranged so that no accumulator is ever transposed: names that end
        in _t are (channels, tokens), read so from memory. The gradient of a log decay
        is a sum over the pairs of tokens that it stands between, taken without
        differences, which would leave rounding where decay is strong.
        """
        TILES: tl.constexpr = KEEP // QUEUE
        slot, t = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        h = (tl.program_id(1) // splits).to(tl.int64)
        g = h // (heads // groups)
        s = _chunk_owner(cu, slot, sequences, length, KEEP, PACKED)
        row, first, tokens, kept = _chunk_span(cu, s, length, KEEP, PACKED)
        begin = (slot - kept) * KEEP
        first, tokens = first + begin, tl.minimum(tokens - begin, KEEP).to(tl.int32)
        if t * QUEUE < tokens:
            q, n = tl.arange(0, QUEUE), tl.arange(0, SIZE)
            p = tl.program_id(1) % splits * WIDTH + tl.arange(0, WIDTH)
            real, n_in, p_in = q < tokens - t * QUEUE, n < size, p < width
            earlier, later = q[:, None] > q[None, :], q[:, None] >= q[None, :]
            x += row * x_row + first * x_time + h * x_head
            dy += row * dy_row + first * dy_time + h * dy_head
            dt += row * dt_row + first * dt_time + h * dt_head
            b += row * b_row + first * b_time + g * b_group
            c += row * c_row + first * c_time + g * c_group
            log_rate = tl.load(a_log + h).to(tl.float32)
            at = (slot.to(tl.int64) * heads + h) * width * size
            at += p[:, None] * size + n[None, :]
            inside = p_in[:, None] & n_in[None, :]
            start = _ssd_start(
                starts, x, b, dt, log_rate, t, tokens, at, inside, p, p_in, n, n_in,
                x_time, b_time, dt_time, QUEUE, KIND, PRECISION,
            )  # fmt: skip
            x_at, dy_at = x + t * QUEUE * x_time, dy + t * QUEUE * dy_time
            b_at, c_at = b + t * QUEUE * b_time, c + t * QUEUE * c_time
            step = tl.load(dt + (t * QUEUE + q) * dt_time, real, 0.0).to(tl.float32)
            log, high, low = _ssd_decays(step, log_rate)
            to_end, whole = _ssd_to_end(high, low, QUEUE)
            dys = _chunk_tile(dy_at, q, real, dy_time, p, p_in, 1).to(KIND)
            cs = _chunk_tile(c_at, q, real, c_time, n, n_in, 1).to(KIND)
            b_t = _chunk_tile(b_at, n, n_in, 1, q, real, b_time).to(KIND)

            # the state at the start to the outputs
            reads = tl.dot(dys, start, input_precision=PRECISION)
            by_reads = tl.sum(reads * cs.to(tl.float32), 1) * tl.exp(high + low)
            dlog = tl.sum(tl.where(later, by_reads[:, None], 0.0), 0)

            # the inputs to the state at the end, and start to end
            end = _ssd_end(
                ends, dy, c, dt, log_rate, t, tokens, at, inside, p, p_in, n, n_in,
                dy_time, c_time, dt_time, QUEUE, KIND, PRECISION,
            )  # fmt: skip
            dlog += tl.sum(start.to(tl.float32) * end.to(tl.float32)) * whole
            du_t = tl.dot(end, b_t, input_precision=PRECISION) * to_end[None, :]
            x_t = _chunk_tile(x_at, p, p_in, 1, q, real, x_time).to(tl.float32)
            dstep = tl.sum(du_t * x_t, 0)
            by_adds = dstep * step
            dlog += tl.sum(tl.where(earlier, by_adds[None, :], 0.0), 1)

            # tokens of the tile to one another
            mix = tl.dot(cs, b_t, input_precision=PRECISION)
            mix *= _ssd_within(high, low, QUEUE)
            u_t = (x_t * step[None, :]).to(KIND)
            far = tl.dot(dys, u_t, input_precision=PRECISION) * mix
            far = tl.where(earlier, far, 0.0)
            far = tl.cumsum(far, 1) - far  # (i, k): to i, from tokens before k
            dlog += tl.sum(tl.where(later, far, 0.0), 0)
            dy_t = _chunk_tile(dy_at, p, p_in, 1, q, real, dy_time)
            near_t = tl.dot(dy_t.to(KIND), mix.to(KIND), input_precision=PRECISION)
            dstep += tl.sum(near_t * x_t, 0) - dlog * tl.exp(log_rate)

            dy_t = dy_t.to(tl.float32)
            dx_t = du_t * step[None, :] + dy_t * tl.load(skip + h).to(tl.float32)
            dx_t += near_t * step[None, :]
            at = (row * length + first + t * QUEUE) * heads + h
            tile = at * width + q[None, :] * heads * width + p[:, None]
            tl.store(dx + tile, dx_t, p_in[:, None] & real[None, :])
            split = tl.program_id(1) % splits
            tl.store(ddt + (at + q * heads) * splits + split, dstep, real)
            one = tl.program_id(0).to(tl.int64) * heads * splits + tl.program_id(1)
            tl.store(da_log + one, tl.sum(tl.where(real, dlog * log, 0.0)))
            tl.store(dskip + one, tl.sum(dy_t * x_t))

    @triton.jit(do_not_specialize=["sequences", "length", "blocks", "dt_row"])
    def _ssd_backward_groups(
        x, dt, a_log, b, c, dy, starts, ends, db, dc, cu,
        sequences, length, heads, groups, blocks, width, size,
        x_row, x_time, x_head, dt_row, dt_time, dt_head,
        b_row, b_time, b_group, c_row, c_time, c_group, dy_row, dy_time, dy_head,
        PACKED: tl.constexpr, QUEUE: tl.constexpr, KEEP: tl.constexpr,
        WIDTH: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr,
        KIND: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """One tile, group and PART states: the gradients of b and c, over all heads.

        The gradient of c b^T is summed first: two products for all heads.
        """
        TILES: tl.constexpr = KEEP // QUEUE
        slot, t = tl.program_id(0) // TILES, tl.program_id(0) % TILES
        g = (tl.program_id(1) // blocks).to(tl.int64)
        s = _chunk_owner(cu, slot, sequences, length, KEEP, PACKED)
        row, first, tokens, kept = _chunk_span(cu, s, length, KEEP, PACKED)
        begin = (slot - kept) * KEEP
        first, tokens = first + begin, tl.minimum(tokens - begin, KEEP).to(tl.int32)
        if t * QUEUE < tokens:
            q, n = tl.arange(0, QUEUE), tl.program_id(2) * PART + tl.arange(0, PART)
            real, n_in = q < tokens - t * QUEUE, n < size
            b += row * b_row + first * b_time + g * b_group
            c += row * c_row + first * c_time + g * c_group
            many = heads // groups // blocks
            dcb = tl.zeros((QUEUE, QUEUE), tl.float32)
            dcs = tl.zeros((QUEUE, PART), tl.float32)
            dbs = tl.zeros((QUEUE, PART), tl.float32)
            splits = tl.cdiv(width, WIDTH)
            for k in range(0, many * splits):
                h = (tl.program_id(1) * many + k // splits).to(tl.int64)
                p = k % splits * WIDTH + tl.arange(0, WIDTH)
                p_in = p < width
                x_h = x + row * x_row + first * x_time + h * x_head
                dy_h = dy + row * dy_row + first * dy_time + h * dy_head
                dt_h = dt + row * dt_row + first * dt_time + h * dt_head
                log_rate = tl.load(a_log + h).to(tl.float32)
                at = (slot.to(tl.int64) * heads + h) * width * size
                at += p[:, None] * size + n[None, :]
                inside = p_in[:, None] & n_in[None, :]
                start = _ssd_start(
                    starts, x_h, b, dt_h, log_rate, t, tokens, at, inside, p, p_in,
                    n, n_in, x_time, b_time, dt_time, QUEUE, KIND, PRECISION,
                )  # fmt: skip
                end = _ssd_end(
                    ends, dy_h, c, dt_h, log_rate, t, tokens, at, inside, p, p_in,
                    n, n_in, dy_time, c_time, dt_time, QUEUE, KIND, PRECISION,
                )  # fmt: skip
                x_h, dy_h = x_h + t * QUEUE * x_time, dy_h + t * QUEUE * dy_time
                step = tl.load(dt_h + (t * QUEUE + q) * dt_time, real, 0.0)
                step = step.to(tl.float32)
                log, high, low = _ssd_decays(step, log_rate)
                to_end, whole = _ssd_to_end(high, low, QUEUE)
                dys = _chunk_tile(dy_h, q, real, dy_time, p, p_in, 1).to(tl.float32)
                u_t = _chunk_tile(x_h, p, p_in, 1, q, real, x_time).to(tl.float32)
                u_t = (u_t * step[None, :]).to(KIND)
                pairs = tl.dot(dys.to(KIND), u_t, input_precision=PRECISION)
                dcb += pairs * _ssd_within(high, low, QUEUE)
                reads = (dys * tl.exp(high + low)[:, None]).to(KIND)
                dcs = tl.dot(reads, start, dcs, input_precision=PRECISION)
                us = _chunk_tile(x_h, q, real, x_time, p, p_in, 1).to(tl.float32)
                us = (us * (to_end * step)[:, None]).to(KIND)
                dbs = tl.dot(us, end, dbs, input_precision=PRECISION)
            b, c = b + t * QUEUE * b_time, c + t * QUEUE * c_time
            bs = _chunk_tile(b, q, real, b_time, n, n_in, 1).to(KIND)
            c_t = _chunk_tile(c, n, n_in, 1, q, real, c_time).to(KIND)
            dcb = dcb.to(KIND)
            dcs = tl.dot(dcb, bs, dcs, input_precision=PRECISION)
            dbs += tl.trans(tl.dot(c_t, dcb, input_precision=PRECISION))
            at = (row * length + first + t * QUEUE) * groups * blocks
            at = (at + tl.program_id(1)) * size
            tile = at + q[:, None] * groups * blocks * size + n[None, :]
            tl.store(dc + tile, dcs, real[:, None] & n_in[None, :])
            tl.store(db + tile, dbs, real[:, None] & n_in[None, :])

    @triton.jit
    def _ssd_token(
        x, dt, a_log, b, c, skip, state, y, last, heads, groups, width, size,
        x_row, x_head, dt_row, dt_head, b_row, b_group, c_row, c_group,
        WIDTH: tl.constexpr, SIZE: tl.constexpr,
    ):  # fmt: skip
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
    x, b, c = _chunk_dense(x), _chunk_dense(b), _chunk_dense(c)
    if state is None:
        last = _chunk_empty(x, (batch, heads, width, size))
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


def _ssd_launch(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None,
    cu: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """y, the last state, and, to keep, the states at the start of each KEEP tokens."""
    (batch, length, heads, width), (groups, size) = x.shape, b.shape[2:]
    tiles = _ssd_tiles(x, b, False)
    sequences = batch if cu is None else cu.shape[0] - 1
    y = _chunk_empty(x, x.shape, x.dtype, cu)
    last = _chunk_empty(x, (sequences, heads, width, size))
    starts = None
    if keep:
        kind = x.dtype if x.dtype == torch.bfloat16 else torch.float32
        slots = _chunk_places(x, cu, tiles["KEEP"])
        starts = _chunk_empty(x, (slots, heads, width, size), kind)
    slots = _chunk_places(x, cu, tiles["QUEUE"])
    scores = _chunk_empty(x, (slots, groups, tiles["QUEUE"], tiles["QUEUE"]))
    options = {"PACKED": cu is not None, **tiles}
    with launch_on(x):
        _ssd_scores[slots * 3, groups](
            b, c, scores, cu, sequences, length, groups, size,
            *_chunk_strides(b, c), **options,
        )  # fmt: skip
        _ssd_forward[sequences * heads, triton.cdiv(width, tiles["WIDTH"])](
            x, dt, a_log, b, c, skip, scores, state, y, last, starts, cu,
            length, heads, groups, width, size,
            *_chunk_strides(x, dt, b, c), **options,
        )  # fmt: skip
    return y, last, starts


class _Ssd(torch.autograd.Function):
    """Saves its inputs and a state every KEEP tokens."""

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
        cu: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, starts = _ssd_launch(x, dt, a_log, b, c, skip, state, cu, keep=True)
        ctx.save_for_backward(x, dt, a_log, b, c, skip, starts, cu)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, dt, a_log, b, c, skip, starts, cu = ctx.saved_tensors
        (batch, length, heads, width), (groups, size) = x.shape, b.shape[2:]
        dy, dlast, tiles = _chunk_dense(dy), dlast.contiguous(), _ssd_tiles(x, b, True)
        sequences = batch if cu is None else cu.shape[0] - 1
        programs = starts.shape[0] * (tiles["KEEP"] // tiles["QUEUE"])
        # a program sums over all heads of a group where that leaves enough programs
        blocks = 1
        while programs * groups * blocks < 256 and heads // groups % (2 * blocks) == 0:
            blocks *= 2
        options = {"PACKED": cu is not None, **tiles}
        parts = triton.cdiv(size, tiles["PART"])
        ends, dstate = torch.empty_like(starts), torch.empty_like(dlast)
        dx = _chunk_empty(x, x.shape, x.dtype, cu)
        splits = triton.cdiv(width, tiles["WIDTH"])
        ddt = _chunk_empty(x, (*dt.shape, splits), zeros=cu)
        shape = (batch, length, groups, blocks, size)
        db = _chunk_empty(x, shape, b.dtype if blocks == 1 else torch.float32, cu)
        dc = torch.empty_like(db) if cu is None else torch.zeros_like(db)
        # one part each program, the same bits in every run; 0 where it has no tokens
        da_log, dskip = _chunk_empty(x, (2, programs, heads, splits), zeros=x)
        strides = _chunk_strides(x, dt, b, c, dy)
        with launch_on(x):
            _ssd_ends[sequences * heads, splits](
                dt, a_log, c, dy, dlast, ends, dstate, cu,
                length, heads, groups, width, size,
                *_chunk_strides(dt, c, dy), **options,
            )  # fmt: skip
            _ssd_backward_heads[programs, heads * splits](
                x, dt, a_log, b, c, skip, dy, starts, ends, dx, ddt, da_log, dskip,
                cu, sequences, length, heads, groups, splits, width, size,
                *strides, **options,
            )  # fmt: skip
            _ssd_backward_groups[programs, groups * blocks, parts](
                x, dt, a_log, b, c, dy, starts, ends, db, dc, cu,
                sequences, length, heads, groups, blocks, width, size,
                *strides, **options,
            )  # fmt: skip
        return (
            dx,
            ddt.sum(3).to(dt.dtype),
            da_log.sum((0, 2)).to(a_log.dtype),
            db.sum(3).to(b.dtype) if blocks > 1 else db.squeeze(3),
            dc.sum(3).to(c.dtype) if blocks > 1 else dc.squeeze(3),
            dskip.sum((0, 2)).to(skip.dtype),
            None if ctx.state_dtype is None else dstate.to(ctx.state_dtype),
            None,
        )
