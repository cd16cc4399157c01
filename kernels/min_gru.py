"""minGRU, the gated recurrence without a hidden-to-hidden matrix, for each channel.

    z_t = sigmoid(gate_t)
    h_t = (1 - z_t) * h_{t-1} + z_t * x_t

    x and gate, a logit, (B, L, D)    state (B, D) or None for zeros
    returns h (B, L, D) in the dtype of x, and the last h as state (B, D)

Carry and state are float32 (float64 for float64). 1 - z is sigmoid(-gate), which
keeps its digits where z rounds to 1. Source: "Were RNNs all we needed?", arXiv
2410.01201, without its log space, which these scans do not need.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 3 tensors (B, L, D) forward and 5 backward, and 1 / 8 of one for the
state before each 16 steps (8 in float32), from which the backward recomputes the
rest. Where sequences and channels are too few to fill a GPU, time is split, at 2
tensors more each way. A single token without gradients updates a float32 state in
place and returns it.
"""

from typing import Any

import torch
from torch import Tensor

from kernels.dispatch import kernels_for, launch_on

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def min_gru(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    if kernels_for("min_gru", x, gate, state):
        with launch_on(x):
            return _min_gru_triton(x, gate, state, cu_seqlens)
    if cu_seqlens is not None:
        return _min_gru_packed(x, gate, state, cu_seqlens)
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((x.shape[0], x.shape[2]), dtype=dtype)
    if torch.is_grad_enabled():
        h, last = _MinGRU.apply(x, gate, state)  # type: ignore[no-untyped-call]
        return h, last
    a, h = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid().mul_(x)
    _min_gru_scan(a, h, state.to(dtype))
    return h.to(x.dtype), h[:, -1].clone()


def _min_gru_packed(
    x: Tensor, gate: Tensor, state: Tensor | None, cu_seqlens: Tensor
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    ends = cu_seqlens.tolist()
    if state is None:
        dtype = torch.promote_types(x.dtype, torch.float32)
        state = x.new_zeros((len(ends) - 1, x.shape[2]), dtype=dtype)
    hs, lasts = [], list(state.split(1))
    for n, (start, end) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        if end > start:
            rows = slice(start, end)
            h, lasts[n] = min_gru(x[:, rows], gate[:, rows], lasts[n])
            hs.append(h)
    hs.append(torch.zeros_like(x[:, ends[-1] :]))
    return torch.cat(hs, 1), torch.cat(lasts)


def _min_gru_scan(a: Tensor, h: Tensor, first: Tensor, reverse: bool = False) -> Tensor:
    """Turn b, given as h, into all h_t = a_t h_{t-1} + b_t, in place; return h.

    Two passes over chunks, all chunks side by side. Pass 1 finds what each chunk adds
    and by what it multiplies the state it is given; a short recurrence over the chunks
    gives those states; pass 2 writes h. With reverse, time runs from end to start.
    """
    length = h.shape[1]
    size = 32 if length >= 2048 else 16  # measured: about sqrt(L / 2)
    chunks = length // size if length >= 4 * size else 0
    rest = length - chunks * size
    order = range(size - 1, -1, -1) if reverse else range(size)
    if chunks:
        whole = slice(rest, None) if reverse else slice(None, length - rest)
        ac = torch.unflatten(a[:, whole], 1, (chunks, size))  # (B, N, C, D)
        hc = torch.unflatten(h[:, whole], 1, (chunks, size))
        product, ends = ac[:, :, order[0]].clone(), hc[:, :, order[0]].clone()
        for i in order[1:]:
            product.mul_(ac[:, :, i])  # (B, N, D)
            ends.mul_(ac[:, :, i]).add_(hc[:, :, i])
        _min_gru_scan(product, ends, first, reverse)
        carry = torch.empty_like(ends)  # the state that each chunk is given
        carry[:, -1 if reverse else 0] = first
        if reverse:
            carry[:, :-1] = ends[:, 1:]
        else:
            carry[:, 1:] = ends[:, :-1]
        first = ends[:, 0 if reverse else -1]
        for i in order:
            carry = hc[:, :, i].addcmul_(ac[:, :, i], carry)
    for t in range(rest - 1, -1, -1) if reverse else range(length - rest, length):
        first = h[:, t].addcmul_(a[:, t], first)
    return h


def _min_gru_grads(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}; a's is g_t h_{t-1}."""
    g = dh.to(a.dtype, copy=True)
    g[:, -1] += dlast
    _min_gru_scan(a[:, 1:], g[:, :-1], g[:, -1], reverse=True)
    da = g.clone()
    da[:, 0] *= state
    da[:, 1:] *= h[:, :-1]
    return da, g, g[:, 0] * a[:, 0]


class _MinGRU(torch.autograd.Function):
    """Saves x, gate and h; everything between them is recomputed."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gate: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, h = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid().mul_(x)
        _min_gru_scan(a, h, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, gate, state, h)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, gate, state, h = ctx.saved_tensors
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, z = gate.to(dtype).neg().sigmoid_(), gate.to(dtype).sigmoid()
        da, db, dstate = _min_gru_grads(a, h, state, dh, dlast)
        # da is g_t h_{t-1}, and da / dz = -1
        dgate = (db * x).sub_(da).mul_(z).mul_(a)
        return db.mul_(z).to(x.dtype), dgate.to(gate.dtype), dstate.to(state.dtype)


# Triton

# The steps of a tile, by bytes of an element: what the backward has registers for, by
# what ptxas says for sm_90. Tiles on their way, for each kernel: as for
# linear_recurrence, so that there are no spills. Nothing of this is measured.
_MIN_GRU_STEPS = {2: 16, 4: 8}
_MIN_GRU_STAGES = {"reduce": 4, "forward": 5, "backward": 3}


def _min_gru_tile(x: Tensor, kernel: str) -> dict[str, int]:
    """A thread has one of 64 channels, hence the warps: 32 lanes each, or 64 on AMD."""
    return {
        "STEPS": _MIN_GRU_STEPS[x.element_size()],
        "BLOCK": 64,
        "STAGES": _MIN_GRU_STAGES[kernel],
        "num_warps": 2 if torch.version.hip is None else 1,
    }


def _min_gru_sizes(
    x: Tensor, cu_seqlens: Tensor | None
) -> tuple[tuple[int], int, tuple[int, ...]]:
    """The grid, rows of starts, and (sequences, parts of one, steps of a part, L, D).

    A program walks through one part of one sequence, for 64 channels. Time is split
    until there are 512 programs, about 4 a multiprocessor of an H100, but a part keeps
    128 steps, as each asks for another pass over its input: not measured.
    """
    sequences, length, channels = x.shape
    blocks, steps = -(-channels // 64), _MIN_GRU_STEPS[x.element_size()]
    if cu_seqlens is not None:  # one program more writes the zeros after the last
        sequences = cu_seqlens.shape[0] - 1
        sizes = (sequences, 1, length, length, channels)
        return ((sequences + 1) * blocks,), length // steps + sequences + 1, sizes
    parts = max(1, min(512 // max(sequences * blocks, 1), length // 128))
    size = -(-length // (parts * 16)) * 16  # whole tiles
    parts = -(-length // size) if length else 1
    sizes = (sequences, parts, size, length, channels)
    return (sequences * parts * blocks,), sequences * -(-length // steps), sizes


def _min_gru_strides(*tensors: Tensor) -> list[int]:
    return [n for z in tensors for n in z.stride()]


def _min_gru_triton(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    inputs = (x, gate, state)
    if torch.is_grad_enabled():
        y, last = _MinGRUTriton.apply(  # type: ignore[no-untyped-call]
            *inputs, cu_seqlens
        )
        return y, last
    several = x.shape[1] != 1 or cu_seqlens is not None
    if several or state is None or state.dtype != torch.float32 or 0 in state.stride():
        return _min_gru_forward(*inputs, cu_seqlens)[:2]
    batch, _, channels = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _min_gru_step_kernel[(batch * -(-channels // 256),)](
        *(*inputs, y, channels),
        *_min_gru_strides(x, gate),
        *state.stride(),
        BLOCK=256,
    )
    return y, state


def _min_gru_forward(
    x: Tensor,
    gate: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """y, the last state, and the states before each 16 steps."""
    grid, rows, sizes = _min_gru_sizes(x, cu_seqlens)
    sequences, parts, _, _, channels = sizes
    strides = _min_gru_strides(x, gate)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    last = torch.empty((sequences, channels), dtype=torch.float32, device=x.device)
    starts = torch.empty((rows, channels), dtype=torch.float32, device=x.device)
    effect = None
    if parts > 1:
        effect = torch.empty(
            (2, sequences * parts, channels), dtype=torch.float32, device=x.device
        )
        _min_gru_reduce_kernel[grid](
            *(x, gate, effect, *sizes, *strides),
            **_min_gru_tile(x, "reduce"),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _min_gru_forward_kernel[grid](
        *(x, gate, state, y, last, starts, effect, cu_seqlens),
        *(*sizes, *strides),
        **_min_gru_tile(x, "forward"),
    )
    return y, last, starts


class _MinGRUTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gate: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        y, last, starts = _min_gru_forward(x, gate, state, cu_seqlens)
        ctx.save_for_backward(x, gate, cu_seqlens, starts)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, cu_seqlens, starts = ctx.saved_tensors
        grid, _, sizes = _min_gru_sizes(x, cu_seqlens)
        sequences, parts, _, _, channels = sizes
        strides = _min_gru_strides(x, gate, dy)
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        dgate = torch.empty(gate.shape, dtype=gate.dtype, device=x.device)
        dstate = torch.empty(
            (sequences, channels), dtype=torch.float32, device=x.device
        )
        effect = None
        with launch_on(x):
            if parts > 1:
                effect = torch.empty(
                    (2, sequences * parts, channels),
                    dtype=torch.float32,
                    device=x.device,
                )
                _min_gru_reduce_kernel[grid](
                    *(dy, gate, effect, *sizes, *strides[6:], *strides[3:6]),
                    **_min_gru_tile(x, "reduce"),
                    REVERSE=True,
                )
            _min_gru_backward_kernel[grid](
                *(x, gate, starts, dy, dlast.contiguous(), dx, dgate, dstate, effect),
                *(cu_seqlens, *sizes, *strides),
                **_min_gru_tile(x, "backward"),
            )
        if ctx.state_dtype is None:
            return dx, dgate, None, None
        return dx, dgate, dstate.to(ctx.state_dtype), None


if triton is not None:
    # A tile is (steps, 1, channels): Triton lays a fresh tensor of three axes out with
    # the last one over the threads, so that a thread has one channel and all its steps,
    # and a scan over the steps is a loop in registers. As the first element takes in
    # what came before, nobody uses the products that such scans also make, and the
    # compiler drops them: one fused multiply-add an element is left.

    @triton.jit
    def _min_gru_then(a1, b1, a2, b2):
        """h -> a1 h + b1, then h -> a2 h + b2."""
        return a2 * a1, a2 * b1 + b2

    @triton.jit
    def _min_gru_before(a2, p2, g2, a1, p1, g1):
        """The same for g_t = dh_t + a_{t+1} g_{t+1}, time running back.

        A stretch of time turns a g after its end into p (a g) + g at its start, where
        a is still to be multiplied in by the step before.
        """
        return a1, p1 * a2 * p2, p1 * a2 * g2 + g1

    @triton.jit
    def _min_gru_row(tile, chosen):
        """The row (1, D) that is chosen: by bits, which is free in registers."""
        bits = tl.where(chosen, tile.to(tl.int32, bitcast=True), 0)
        return tl.xor_sum(bits, 0).to(tl.float32, bitcast=True)

    @triton.jit
    def _min_gru_load(pointer, t, d, stride_t, stride_d, mask, other):
        """(T, 1, D) in float32."""
        at = t.to(tl.int64)[:, None] * stride_t + d.to(tl.int64)[None, :] * stride_d
        tile = tl.load(pointer + at, mask=mask, other=other)
        return tile.to(tl.float32)[:, None, :]

    @triton.jit
    def _min_gru_store(pointer, t, d, channels, tile, mask):
        at = t.to(tl.int64)[:, None] * channels + d[None, :]
        tl.store(pointer + at, tl.sum(tile, 1), mask=mask)

    @triton.jit
    def _min_gru_span(cu_seqlens, sequences, parts, size, length, BLOCKS):
        """Of a program: sequence, batch, part, first step, end, if it is a sequence."""
        row = tl.program_id(0) // BLOCKS
        if cu_seqlens is None:
            sequence, part = row // parts, row % parts
            batch, live = sequence, row >= 0
            start = part * size
            end = tl.minimum(start + size, length)
        else:  # the last program has what follows the last sequence
            sequence, part = row, row * 0
            batch, live = row * 0, row < sequences
            start = tl.load(cu_seqlens + row).to(tl.int32)
            end = tl.load(cu_seqlens + row + 1, mask=live, other=length).to(tl.int32)
        return sequence, batch, part, start, end, live

    @triton.jit
    def _min_gru_carry(
        first, effect, sequence, sequences, part, parts, channels, d, live, REVERSE, T
    ):
        """What a part is given (1, D): first, led through the parts before it."""
        inside = (d < channels)[None, :]
        at = sequence.to(tl.int64) * channels + d[None, :]
        carry = tl.zeros_like(at).to(tl.float32)
        if first is not None:
            carry = tl.load(first + at, mask=inside & live, other=0.0).to(tl.float32)
        if effect is not None:
            i = tl.arange(0, T)
            effect += sequence.to(tl.int64) * parts * channels
            for p0 in range(0, part, T):
                p = p0 + i
                mask = (p < part)[:, None] & inside
                if REVERSE:
                    p = parts - 1 - p
                a = _min_gru_load(effect, p, d, channels, 1, mask, 1.0)
                p += sequences * parts
                b = _min_gru_load(effect, p, d, channels, 1, mask, 0.0)
                b = tl.where(i[:, None, None] == 0, a * carry[None] + b, b)
                _, b = tl.associative_scan((a, b), 0, _min_gru_then)
                carry = _min_gru_row(b, i[:, None, None] == T - 1)
        return carry

    @triton.jit
    def _min_gru_slot(cu_seqlens, sequence, start, length, STEPS):
        """The row of starts for the first tile; packed sequences get one more each."""
        if cu_seqlens is None:
            slot = sequence * tl.cdiv(length, STEPS) + start // STEPS
        else:
            slot = sequence + start // STEPS
        return slot

    @triton.jit
    def _min_gru_after(p1, q1, b1, p2, q2, b2):
        """The same for q_t = a_t h_{t-1}, that is h_t without its own b_t."""
        return p2 * p1, p2 * (q1 + b1) + q2, b2

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_reduce_kernel(
        x,
        gate,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, x being dh, what it makes of 1 - z_t times the gradient of h_t.
        """
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, _, part, start, end, _ = _min_gru_span(
            None, sequences, parts, size, length, blocks
        )
        x += sequence.to(tl.int64) * x_batch
        gate += sequence.to(tl.int64) * gate_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile, final = k, i[:, None, None] == STEPS - 1
            if REVERSE:
                tile, final = tiles - 1 - k, i[:, None, None] == 0
            t = start + tile * STEPS + i
            mask = (t < end)[:, None] & inside
            logit = _min_gru_load(
                gate, t, d, gate_time, gate_channel, mask, float("-inf")
            )
            a = tl.sigmoid(-logit)
            b = _min_gru_load(x, t, d, x_time, x_channel, mask, 0.0)
            b *= a if REVERSE else tl.sigmoid(logit)
            a, b = tl.associative_scan((a, b), 0, _min_gru_then, REVERSE)
            a = _min_gru_row(a, final)
            term = a * term + _min_gru_row(b, final)
            factor *= a
        at = (sequence * parts + part).to(tl.int64) * channels + d[None, :]
        tl.store(effect + at, factor, mask=inside)
        effect += (sequences * parts).to(tl.int64) * channels
        tl.store(effect + at, term, mask=inside)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_forward_kernel(
        x,
        gate,
        state,
        y,
        last,
        starts,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, batch, part, start, end, live = _min_gru_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        h = _min_gru_carry(
            *(state, effect, sequence, sequences, part, parts, channels, d, live),
            *(False, STEPS),
        )
        x += batch.to(tl.int64) * x_batch
        gate += batch.to(tl.int64) * gate_batch
        y += batch.to(tl.int64) * length * channels
        slot = _min_gru_slot(cu_seqlens, sequence, start, length, STEPS)
        starts += slot.to(tl.int64) * channels + d[None, :]
        for k in tl.range(0, tl.cdiv(end - start, STEPS), num_stages=STAGES):
            t = start + k * STEPS + i
            mask = (t < end)[:, None] & inside
            read = mask & live
            logit = _min_gru_load(
                gate, t, d, gate_time, gate_channel, read, float("-inf")
            )
            a = tl.sigmoid(-logit)
            b = _min_gru_load(x, t, d, x_time, x_channel, read, 0.0)
            b *= tl.sigmoid(logit)
            tl.store(starts, h, mask=inside & live)
            starts += channels
            b = tl.where(i[:, None, None] == 0, a * h[None] + b, b)
            _, b = tl.associative_scan((a, b), 0, _min_gru_then)
            h = _min_gru_row(b, i[:, None, None] == STEPS - 1)
            _min_gru_store(y, t, d, channels, b, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, h, mask=inside & live & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _min_gru_backward_kernel(
        x,
        gate,
        starts,
        dy,
        dlast,
        dx,
        dgate,
        dstate,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        dy_batch,
        dy_time,
        dy_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """Tile by tile from the end: h forth from its start, the gradient g back."""
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        first, final = i[:, None, None] == 0, i[:, None, None] == STEPS - 1
        sequence, batch, part, start, end, live = _min_gru_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        carry = _min_gru_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, channels),
            *(d, live, True, STEPS),
        )
        x += batch.to(tl.int64) * x_batch
        gate += batch.to(tl.int64) * gate_batch
        dy += batch.to(tl.int64) * dy_batch
        base = batch.to(tl.int64) * length * channels
        slot = _min_gru_slot(cu_seqlens, sequence, start, length, STEPS)
        tiles = tl.cdiv(end - start, STEPS)
        starts += (slot + tiles).to(tl.int64) * channels + d[None, :]
        one = tl.full([STEPS, 1, BLOCK], 1.0, tl.float32)
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + i
            mask = (t < end)[:, None] & inside
            read = mask & live
            logit = _min_gru_load(
                gate, t, d, gate_time, gate_channel, read, float("-inf")
            )
            a, z = tl.sigmoid(-logit), tl.sigmoid(logit)
            xt = _min_gru_load(x, t, d, x_time, x_channel, read, 0.0)
            g = _min_gru_load(dy, t, d, dy_time, dy_channel, read, 0.0)
            starts -= channels
            h = tl.load(starts, mask=inside & live, other=0.0)
            q = tl.where(first, a * h[None], 0.0)
            _, q, _ = tl.associative_scan((a, q, z * xt), 0, _min_gru_after)
            g = tl.where(final, g + carry[None], g)
            _, _, g = tl.associative_scan((a, one, g), 0, _min_gru_before, True)
            carry = _min_gru_row(a * g, first)
            _min_gru_store(dx + base, t, d, channels, g * z, mask)
            _min_gru_store(dgate + base, t, d, channels, g * z * (a * xt - q), mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(dstate + at, carry, mask=inside & live & (part == 0))

    @triton.jit
    def _min_gru_step_kernel(
        x,
        gate,
        state,
        y,
        channels,
        x_batch,
        x_time,
        x_channel,
        gate_batch,
        gate_time,
        gate_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = d < channels
        logit = tl.load(gate + row * gate_batch + d * gate_channel, mask=mask)
        logit = logit.to(tl.float32)
        xt = tl.load(x + row * x_batch + d * x_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d * state_channel
        h = tl.sigmoid(-logit) * tl.load(state, mask=mask) + tl.sigmoid(logit) * xt
        tl.store(state, h, mask=mask)
        tl.store(y + row * channels + d, h, mask=mask)
