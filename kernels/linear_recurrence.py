"""Diagonal linear recurrence: h_t = a_t * h_{t-1} + b_t, for each channel by itself.

    a, b (B, L, D)    state (B, D) or None for zeros, that is h before the first token
    returns h (B, L, D) in the dtype of b, and the last h as state (B, D)

The carry and the state are float32 (float64 for float64). A carry in bfloat16 is
wrong by 2 % when a is near 1 (measured, L = 4096). Nothing is divided and no
logarithm of a product is taken, so any a is safe, 0 and negative values too.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 3 tensors (B, L, D) forward and 5 backward, the least there is; where
sequences and channels are too few to fill a GPU, time is split and it is 5 and 7. A
single token without gradients updates a float32 state in place and returns it.
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


def linear_recurrence(
    a: Tensor,
    b: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    if kernels_for("linear_recurrence", a, b, state):
        with launch_on(b):
            return _linear_recurrence_triton(a, b, state, cu_seqlens)
    if cu_seqlens is not None:
        return _linear_recurrence_packed(a, b, state, cu_seqlens)
    dtype = torch.promote_types(b.dtype, torch.float32)
    if state is None:
        state = b.new_zeros((b.shape[0], b.shape[2]), dtype=dtype)
    if b.shape[1] == 1:
        last = a[:, 0] * state + b[:, 0]  # (B, D)
        return last.to(b.dtype).unsqueeze(1), last
    if not torch.is_grad_enabled():
        h = _linear_recurrence_scan(a.to(dtype), b.to(dtype, copy=True), state)
        return h.to(b.dtype), h[:, -1].clone()
    h, last = _LinearRecurrence.apply(a, b, state)  # type: ignore[no-untyped-call]
    return h, last


def _linear_recurrence_packed(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    ends = cu_seqlens.tolist()
    if state is None:
        dtype = torch.promote_types(b.dtype, torch.float32)
        state = b.new_zeros((len(ends) - 1, b.shape[2]), dtype=dtype)
    hs, lasts = [], list(state.split(1))
    for n, (start, end) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        if end > start:
            rows = slice(start, end)
            h, lasts[n] = linear_recurrence(a[:, rows], b[:, rows], lasts[n])
            hs.append(h)
    hs.append(torch.zeros_like(b[:, ends[-1] :]))
    return torch.cat(hs, 1), torch.cat(lasts)


def _linear_recurrence_scan(
    a: Tensor, h: Tensor, first: Tensor, reverse: bool = False
) -> Tensor:
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
        _linear_recurrence_scan(product, ends, first, reverse)
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


def _linear_recurrence_grads(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}; a's is g_t h_{t-1}."""
    g = dh.to(a.dtype, copy=True)
    g[:, -1] += dlast
    _linear_recurrence_scan(a[:, 1:], g[:, :-1], g[:, -1], reverse=True)
    da = g.clone()
    da[:, 0] *= state
    da[:, 1:] *= h[:, :-1]
    return da, g, g[:, 0] * a[:, 0]


class _LinearRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = b.to(torch.promote_types(b.dtype, torch.float32), copy=True)
        _linear_recurrence_scan(a.to(h.dtype), h, state.to(h.dtype))
        last = h[:, -1].clone()
        h = h.to(b.dtype)
        ctx.save_for_backward(a, h, state)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        a, h, state = ctx.saved_tensors
        wide = a.to(torch.promote_types(h.dtype, torch.float32))
        da, db, dstate = _linear_recurrence_grads(wide, h, state, dh, dlast)
        return da.to(a.dtype), db.to(h.dtype), dstate.to(state.dtype)


# Triton

# A tile of 16 steps x 64 channels, and 4 on their way: 20 KiB a program in bfloat16,
# of which two or three a multiprocessor cover the latency of the memory. By that sum,
# not measured; these have no spills in what ptxas says for sm_90, where 32 steps have.
_LINEAR_RECURRENCE_WALK = {"STEPS": 16, "BLOCK": 64, "STAGES": 5}
_LINEAR_RECURRENCE_REDUCE = {"STEPS": 32, "BLOCK": 64, "STAGES": 3}


def _linear_recurrence_tile(tile: dict[str, int]) -> dict[str, int]:
    """A thread has one channel, hence the warps: 32 lanes each, or 64 on AMD."""
    return {**tile, "num_warps": 2 if torch.version.hip is None else 1}


def _linear_recurrence_sizes(
    like: Tensor, cu_seqlens: Tensor | None
) -> tuple[tuple[int], tuple[int, ...]]:
    """The grid, and (sequences, parts of a sequence, steps of a part, L, D).

    A program walks through one part of one sequence, for 64 channels. Time is split
    until there are 512 programs, about 4 a multiprocessor of an H100, but a part keeps
    128 steps, as each asks for another pass over its input: not measured.
    """
    sequences, length, channels = like.shape
    blocks = -(-channels // 64)
    if cu_seqlens is not None:  # one program more writes the zeros after the last
        sequences = cu_seqlens.shape[0] - 1
        return ((sequences + 1) * blocks,), (sequences, 1, length, length, channels)
    parts = max(1, min(512 // max(sequences * blocks, 1), length // 128))
    size = -(-length // (parts * 32)) * 32  # whole tiles
    parts = -(-length // size) if length else 1
    return (sequences * parts * blocks,), (sequences, parts, size, length, channels)


def _linear_recurrence_triton(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    if torch.is_grad_enabled():
        h, last = _LinearRecurrenceTriton.apply(  # type: ignore[no-untyped-call]
            a, b, state, cu_seqlens
        )
        return h, last
    several = b.shape[1] != 1 or cu_seqlens is not None
    if several or state is None or state.dtype != torch.float32 or 0 in state.stride():
        return _linear_recurrence_forward(a, b, state, cu_seqlens)
    batch, _, channels = b.shape
    h = torch.empty(b.shape, dtype=b.dtype, device=b.device)
    _linear_recurrence_step_kernel[(batch * -(-channels // 256),)](
        *(a, b, h, state, channels),
        *(a.stride(0), a.stride(2), b.stride(0), b.stride(2), *state.stride()),
        BLOCK=256,
    )
    return h, state


def _linear_recurrence_forward(
    a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    grid, sizes = _linear_recurrence_sizes(b, cu_seqlens)
    sequences, parts, _, _, channels = sizes
    strides = (*a.stride(), *b.stride())
    h = torch.empty(b.shape, dtype=b.dtype, device=b.device)
    last = torch.empty((sequences, channels), dtype=torch.float32, device=b.device)
    effect = None
    if parts > 1:
        effect = torch.empty(
            (2, sequences * parts, channels), dtype=torch.float32, device=b.device
        )
        _linear_recurrence_reduce_kernel[grid](
            *(a, b, effect, *sizes, *strides),
            **_linear_recurrence_tile(_LINEAR_RECURRENCE_REDUCE),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _linear_recurrence_forward_kernel[grid](
        *(a, b, h, state, last, effect, cu_seqlens, *sizes, *strides),
        **_linear_recurrence_tile(_LINEAR_RECURRENCE_WALK),
    )
    return h, last


class _LinearRecurrenceTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, a: Tensor, b: Tensor, state: Tensor | None, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        h, last = _linear_recurrence_forward(a, b, state, cu_seqlens)
        ctx.save_for_backward(a, h, state, cu_seqlens)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        a, h, state, cu_seqlens = ctx.saved_tensors
        grid, sizes = _linear_recurrence_sizes(h, cu_seqlens)
        sequences, parts, _, _, channels = sizes
        strides = (*a.stride(), *dh.stride())
        da = torch.empty(a.shape, dtype=a.dtype, device=a.device)
        db = torch.empty(h.shape, dtype=h.dtype, device=h.device)
        first = dstate = effect = None
        if state is not None:
            first, dstate = state.contiguous(), torch.empty_like(state.contiguous())
        with launch_on(h):
            if parts > 1:
                rows = sequences * parts
                effect = torch.empty(
                    (2, rows, channels), dtype=torch.float32, device=h.device
                )
                _linear_recurrence_reduce_kernel[grid](
                    *(a, dh, effect, *sizes, *strides),
                    **_linear_recurrence_tile(_LINEAR_RECURRENCE_REDUCE),
                    REVERSE=True,
                )
            _linear_recurrence_backward_kernel[grid](
                *(a, h, dh, da, db, first, dlast.contiguous(), dstate, effect),
                *(cu_seqlens, *sizes, *strides),
                **_linear_recurrence_tile(_LINEAR_RECURRENCE_WALK),
            )
        return da, db, dstate, None


if triton is not None:
    # A tile is (steps, 1, channels): Triton lays a fresh tensor of three axes out with
    # the last one over the threads, so that a thread has one channel and all its steps,
    # and a scan over the steps is a loop in registers. As the first element takes in
    # what came before, nobody uses the products that such scans also make, and the
    # compiler drops them: one fused multiply-add an element is left.

    @triton.jit
    def _linear_recurrence_then(a1, b1, a2, b2):
        """h -> a1 h + b1, then h -> a2 h + b2."""
        return a2 * a1, a2 * b1 + b2

    @triton.jit
    def _linear_recurrence_before(a2, p2, g2, a1, p1, g1):
        """The same for g_t = dh_t + a_{t+1} g_{t+1}, time running back.

        A stretch of time turns a g after its end into p (a g) + g at its start, where
        a is still to be multiplied in by the step before.
        """
        return a1, p1 * a2 * p2, p1 * a2 * g2 + g1

    @triton.jit
    def _linear_recurrence_row(tile, chosen):
        """The row (1, D) that is chosen: by bits, which is free in registers."""
        bits = tl.where(chosen, tile.to(tl.int32, bitcast=True), 0)
        return tl.xor_sum(bits, 0).to(tl.float32, bitcast=True)

    @triton.jit
    def _linear_recurrence_load(pointer, t, d, stride_t, stride_d, mask, other):
        """(T, 1, D) in float32."""
        at = t.to(tl.int64)[:, None] * stride_t + d.to(tl.int64)[None, :] * stride_d
        tile = tl.load(pointer + at, mask=mask, other=other)
        return tile.to(tl.float32)[:, None, :]

    @triton.jit
    def _linear_recurrence_store(pointer, t, d, channels, tile, mask):
        at = t.to(tl.int64)[:, None] * channels + d[None, :]
        tl.store(pointer + at, tl.sum(tile, 1), mask=mask)

    @triton.jit
    def _linear_recurrence_span(cu_seqlens, sequences, parts, size, length, BLOCKS):
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
    def _linear_recurrence_carry(
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
                a = _linear_recurrence_load(effect, p, d, channels, 1, mask, 1.0)
                p += sequences * parts
                b = _linear_recurrence_load(effect, p, d, channels, 1, mask, 0.0)
                b = tl.where(i[:, None, None] == 0, a * carry[None] + b, b)
                _, b = tl.associative_scan((a, b), 0, _linear_recurrence_then)
                carry = _linear_recurrence_row(b, i[:, None, None] == T - 1)
        return carry

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_reduce_kernel(
        a,
        b,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        b_batch,
        b_time,
        b_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t g_t, its b being dh.
        """
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, _, part, start, end, _ = _linear_recurrence_span(
            None, sequences, parts, size, length, blocks
        )
        a += sequence.to(tl.int64) * a_batch
        b += sequence.to(tl.int64) * b_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile, final = k, i[:, None, None] == STEPS - 1
            if REVERSE:
                tile, final = tiles - 1 - k, i[:, None, None] == 0
            t = start + tile * STEPS + i
            mask = (t < end)[:, None] & inside
            x = _linear_recurrence_load(a, t, d, a_time, a_channel, mask, 1.0)
            y = _linear_recurrence_load(b, t, d, b_time, b_channel, mask, 0.0)
            if REVERSE:
                y *= x
            x, y = tl.associative_scan((x, y), 0, _linear_recurrence_then, REVERSE)
            x = _linear_recurrence_row(x, final)
            term = x * term + _linear_recurrence_row(y, final)
            factor *= x
        at = (sequence * parts + part).to(tl.int64) * channels + d[None, :]
        tl.store(effect + at, factor, mask=inside)
        effect += (sequences * parts).to(tl.int64) * channels
        tl.store(effect + at, term, mask=inside)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_forward_kernel(
        a,
        b,
        h,
        state,
        last,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        b_batch,
        b_time,
        b_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, batch, part, start, end, live = _linear_recurrence_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        carry = _linear_recurrence_carry(
            *(state, effect, sequence, sequences, part, parts, channels, d, live),
            *(False, STEPS),
        )
        a += batch.to(tl.int64) * a_batch
        b += batch.to(tl.int64) * b_batch
        h += batch.to(tl.int64) * length * channels
        for t0 in tl.range(start, end, STEPS, num_stages=STAGES):
            t = t0 + i
            mask = (t < end)[:, None] & inside
            x = _linear_recurrence_load(a, t, d, a_time, a_channel, mask & live, 1.0)
            y = _linear_recurrence_load(b, t, d, b_time, b_channel, mask & live, 0.0)
            y = tl.where(i[:, None, None] == 0, x * carry[None] + y, y)
            _, y = tl.associative_scan((x, y), 0, _linear_recurrence_then)
            carry = _linear_recurrence_row(y, i[:, None, None] == STEPS - 1)
            _linear_recurrence_store(h, t, d, channels, y, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, carry, mask=inside & live & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _linear_recurrence_backward_kernel(
        a,
        h,
        dh,
        da,
        db,
        state,
        dlast,
        dstate,
        effect,
        cu_seqlens,
        sequences,
        parts,
        size,
        length,
        channels,
        a_batch,
        a_time,
        a_channel,
        dh_batch,
        dh_time,
        dh_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}, a's is g_t h_{t-1}."""
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, batch, part, start, end, live = _linear_recurrence_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        at = sequence.to(tl.int64) * channels + d[None, :]
        first = tl.zeros([1, BLOCK], tl.float32)
        if state is not None:
            first = tl.load(state + at, mask=inside & live, other=0.0).to(tl.float32)
        carry = _linear_recurrence_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, channels),
            *(d, live, True, STEPS),
        )
        a += batch.to(tl.int64) * a_batch
        dh += batch.to(tl.int64) * dh_batch
        h += batch.to(tl.int64) * length * channels
        da += batch.to(tl.int64) * length * channels
        db += batch.to(tl.int64) * length * channels
        begin = start - part * size  # of the sequence
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + i
            mask = (t < end)[:, None] & inside
            old = mask & live & (t > begin)[:, None]
            x = _linear_recurrence_load(a, t, d, a_time, a_channel, mask & live, 1.0)
            g = _linear_recurrence_load(dh, t, d, dh_time, dh_channel, mask & live, 0.0)
            before = _linear_recurrence_load(h, t - 1, d, channels, 1, old, 0.0)
            before = tl.where((t == begin)[:, None, None], first[None], before)
            g = tl.where(i[:, None, None] == STEPS - 1, g + carry[None], g)
            one = tl.full([STEPS, 1, BLOCK], 1.0, tl.float32)
            _, _, g = tl.associative_scan(
                (x, one, g), 0, _linear_recurrence_before, reverse=True
            )
            carry = _linear_recurrence_row(x * g, i[:, None, None] == 0)
            _linear_recurrence_store(da, t, d, channels, g * before, mask)
            _linear_recurrence_store(db, t, d, channels, g, mask)
        if dstate is not None:
            tl.store(dstate + at, carry, mask=inside & live & (part == 0))

    @triton.jit
    def _linear_recurrence_step_kernel(
        a,
        b,
        h,
        state,
        channels,
        a_batch,
        a_channel,
        b_batch,
        b_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = d < channels
        factor = tl.load(a + row * a_batch + d * a_channel, mask=mask).to(tl.float32)
        term = tl.load(b + row * b_batch + d * b_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d * state_channel
        new = factor * tl.load(state, mask=mask) + term
        tl.store(state, new, mask=mask)
        tl.store(h + row * channels + d, new, mask=mask)
