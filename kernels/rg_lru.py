"""RG-LRU, the real-gated linear recurrent unit of Griffin, for each channel.

    r_t = sigmoid(recurrence_gate_t)    i_t = sigmoid(input_gate_t)
    log a_t = -8 * softplus(decay) * r_t
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)
    y_t = h_t, or h_t * gelu(output_gate_t) with an output gate (gelu by tanh)

    x and the gates (B, L, D)    decay (D)    state (B, D) or None for zeros
    returns y (B, L, D) in the dtype of x, and the last h as state (B, D)

Both gates are logits. Carry and state are float32 (float64 for float64). 1 - a^2
keeps its digits where a rounds to 1, and the slope of the square root is bounded by
1000, as the authors do: arXiv 2402.19427, equations 1 to 4.

With cu_seqlens, (S + 1) offsets on the device, B is 1 and row 0 holds S sequences one
after the other; states are (S, D) then, and rows after the last offset give zeros.

Triton moves 4 tensors (B, L, D) forward and 7 backward, 5 and 9 with an output gate,
and 1 / 8 of one for the state before each 16 steps (8 in float32), from which the
backward recomputes the rest. Where sequences and channels are too few to fill a GPU,
time is split, at 3 tensors more forward and 2 or 3 backward. A single token without
gradients updates a float32 state in place and returns it.
"""

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


def rg_lru(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None = None,
    output_gate: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all y and the last h."""
    inputs = (x, input_gate, recurrence_gate, decay, state, output_gate)
    if kernels_for("rg_lru", *inputs):
        with launch_on(x):
            return _rg_lru_triton(*inputs, cu_seqlens)
    if cu_seqlens is not None:
        return _rg_lru_packed(*inputs, cu_seqlens)
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((x.shape[0], x.shape[2]), dtype=dtype)
    if torch.is_grad_enabled():
        h, last = _RGLRU.apply(  # type: ignore[no-untyped-call]
            x, input_gate, recurrence_gate, decay, state
        )
    else:
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        if x.shape[1] == 1:
            last = a[:, 0] * state + b[:, 0]  # (B, D)
            h = last.to(x.dtype).unsqueeze(1)
        else:
            h = _rg_lru_scan(a, b, state)
            h, last = h.to(x.dtype), h[:, -1].clone()
    if output_gate is not None:
        h = h * F.gelu(output_gate, approximate="tanh")
    return h, last


def _rg_lru_packed(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None,
    output_gate: Tensor | None,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """One sequence after the other."""
    ends = cu_seqlens.tolist()
    if state is None:
        dtype = torch.promote_types(x.dtype, torch.float32)
        state = x.new_zeros((len(ends) - 1, x.shape[2]), dtype=dtype)
    ys, lasts = [], list(state.split(1))
    for n, (start, end) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        if end > start:
            xs, i, r = (z[:, start:end] for z in (x, input_gate, recurrence_gate))
            gate = None if output_gate is None else output_gate[:, start:end]
            y, lasts[n] = rg_lru(xs, i, r, decay, lasts[n], gate)
            ys.append(y)
    ys.append(torch.zeros_like(x[:, ends[-1] :]))
    return torch.cat(ys, 1), torch.cat(lasts)


def _rg_lru_scan(a: Tensor, h: Tensor, first: Tensor, reverse: bool = False) -> Tensor:
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
        _rg_lru_scan(product, ends, first, reverse)
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


def _rg_lru_grads(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}; a's is g_t h_{t-1}."""
    g = dh.to(a.dtype, copy=True)
    g[:, -1] += dlast
    _rg_lru_scan(a[:, 1:], g[:, :-1], g[:, -1], reverse=True)
    da = g.clone()
    da[:, 0] *= state
    da[:, 1:] *= h[:, :-1]
    return da, g, g[:, 0] * a[:, 0]


def _rg_lru_decay(gate: Tensor, decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, sqrt(1 - a^2), r and the rate d log a / dr."""
    r = gate.sigmoid()
    rate = -8 * F.softplus(decay)  # (D)
    log_a = r * rate
    scale = (2 * log_a).expm1_().neg_().sqrt_()  # exact where a rounds to 1
    return log_a.exp_(), scale, r, rate


class _RGLRU(torch.autograd.Function):
    """Saves x, the two gates and h; everything between them is recomputed."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        decay: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        h = _rg_lru_scan(a, b, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, input_gate, recurrence_gate, decay, state, h)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, input_gate, recurrence_gate, decay, state, h = ctx.saved_tensors
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, r, rate = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        i = input_gate.to(dtype).sigmoid()
        da, db, dstate = _rg_lru_grads(a, h, state, dh, dlast)
        # in place from here on: at (1, 2048, 1024) fresh memory takes half the time
        slope = (0.5 / scale).clamp_(max=1000.0)  # of the square root
        dx = db.mul_(i)  # without the factor scale, as dscale needs it
        dscale = dx * x
        dlog_a = da.sub_(slope.mul_(a).mul_(dscale).mul_(2)).mul_(a)
        ddecay = (dlog_a * r).sum((0, 1)) * -8 * decay.to(dtype).sigmoid()
        dgate = dlog_a.mul_(rate).mul_(r).mul_(r.neg_().add_(1))
        dx.mul_(scale)
        dinput_gate = dscale.mul_(scale).mul_(i.neg_().add_(1))
        return (
            dx.to(x.dtype),
            dinput_gate.to(input_gate.dtype),
            dgate.to(recurrence_gate.dtype),
            ddecay.to(decay.dtype),
            dstate.to(state.dtype),
        )


# Triton

# The steps of a tile, by bytes of an element: what the backward has registers for, by
# what ptxas says for sm_90. Tiles on their way, for each kernel: as for
# linear_recurrence, so that there are no spills. Nothing of this is measured.
_RG_LRU_STEPS = {2: 16, 4: 8}
_RG_LRU_STAGES = {"reduce": 4, "forward": 5, "backward": 3}


def _rg_lru_tile(x: Tensor, kernel: str) -> dict[str, int]:
    """A thread has one of 64 channels, hence the warps: 32 lanes each, or 64 on AMD."""
    return {
        "STEPS": _RG_LRU_STEPS[x.element_size()],
        "BLOCK": 64,
        "STAGES": _RG_LRU_STAGES[kernel],
        "num_warps": 2 if torch.version.hip is None else 1,
    }


def _rg_lru_sizes(
    x: Tensor, cu_seqlens: Tensor | None
) -> tuple[tuple[int], int, tuple[int, ...]]:
    """The grid, rows of starts, and (sequences, parts of one, steps of a part, L, D).

    A program walks through one part of one sequence, for 64 channels. Time is split
    until there are 512 programs, about 4 a multiprocessor of an H100, but a part keeps
    128 steps, as each asks for another pass over its input: not measured.
    """
    sequences, length, channels = x.shape
    blocks, steps = -(-channels // 64), _RG_LRU_STEPS[x.element_size()]
    if cu_seqlens is not None:  # one program more writes the zeros after the last
        sequences = cu_seqlens.shape[0] - 1
        sizes = (sequences, 1, length, length, channels)
        return ((sequences + 1) * blocks,), length // steps + sequences + 1, sizes
    parts = max(1, min(512 // max(sequences * blocks, 1), length // 128))
    size = -(-length // (parts * 16)) * 16  # whole tiles
    parts = -(-length // size) if length else 1
    sizes = (sequences, parts, size, length, channels)
    return (sequences * parts * blocks,), sequences * -(-length // steps), sizes


def _rg_lru_strides(*tensors: Tensor | None) -> list[int]:
    """Three for each; of a tensor that is not there, zeros."""
    return [n for z in tensors for n in ((0, 0, 0) if z is None else z.stride())]


def _rg_lru_triton(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None,
    output_gate: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    inputs = (x, input_gate, recurrence_gate, output_gate, decay.contiguous(), state)
    if torch.is_grad_enabled():
        y, last = _RGLRUTriton.apply(  # type: ignore[no-untyped-call]
            *inputs, cu_seqlens
        )
        return y, last
    several = x.shape[1] != 1 or cu_seqlens is not None
    if several or state is None or state.dtype != torch.float32 or 0 in state.stride():
        return _rg_lru_forward(*inputs, cu_seqlens)[:2]
    batch, _, channels = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _rg_lru_step_kernel[(batch * -(-channels // 256),)](
        *(*inputs, y, channels),
        *_rg_lru_strides(x, input_gate, recurrence_gate, output_gate),
        *state.stride(),
        BLOCK=256,
    )
    return y, state


def _rg_lru_forward(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    output_gate: Tensor | None,
    decay: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """y, the last state, and the states before each 16 steps."""
    grid, rows, sizes = _rg_lru_sizes(x, cu_seqlens)
    sequences, parts, _, _, channels = sizes
    gates = (x, input_gate, recurrence_gate, output_gate)
    strides = _rg_lru_strides(*gates)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    last = torch.empty((sequences, channels), dtype=torch.float32, device=x.device)
    starts = torch.empty((rows, channels), dtype=torch.float32, device=x.device)
    effect = None
    if parts > 1:
        effect = torch.empty(
            (2, sequences * parts, channels), dtype=torch.float32, device=x.device
        )
        _rg_lru_reduce_kernel[grid](
            *(*gates, decay, None, effect, *sizes, *strides, 0, 0, 0),
            **_rg_lru_tile(x, "reduce"),
            REVERSE=False,
        )
    if state is not None:
        state = state.contiguous()
    _rg_lru_forward_kernel[grid](
        *(*gates, decay, state, y, last, starts, effect, cu_seqlens),
        *(*sizes, *strides),
        **_rg_lru_tile(x, "forward"),
    )
    return y, last, starts


class _RGLRUTriton(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        output_gate: Tensor | None,
        decay: Tensor,
        state: Tensor | None,
        cu_seqlens: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        inputs = (x, input_gate, recurrence_gate, output_gate, decay)
        y, last, starts = _rg_lru_forward(*inputs, state, cu_seqlens)
        ctx.save_for_backward(*inputs, cu_seqlens, starts)
        ctx.state_dtype = None if state is None else state.dtype
        return y, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        *gates, decay, cu_seqlens, starts = ctx.saved_tensors
        x = gates[0]
        grid, _, sizes = _rg_lru_sizes(x, cu_seqlens)
        sequences, parts, _, _, channels = sizes
        strides = _rg_lru_strides(*gates, dy)
        grads = [
            None if z is None else torch.empty(z.shape, dtype=z.dtype, device=z.device)
            for z in gates
        ]
        rows = grid[0] // -(-channels // 64)
        ddecay = torch.empty((rows, channels), dtype=torch.float32, device=x.device)
        dstate = torch.empty(
            (sequences, channels), dtype=torch.float32, device=x.device
        )
        effect = None
        with launch_on(x):
            if parts > 1:
                effect = torch.empty(
                    (2, rows, channels), dtype=torch.float32, device=x.device
                )
                _rg_lru_reduce_kernel[grid](
                    *(*gates, decay, dy, effect, *sizes, *strides),
                    **_rg_lru_tile(x, "reduce"),
                    REVERSE=True,
                )
            _rg_lru_backward_kernel[grid](
                *(*gates, decay, starts, dy, dlast.contiguous(), *grads),
                *(ddecay, dstate, effect, cu_seqlens, *sizes, *strides),
                **_rg_lru_tile(x, "backward"),
            )
        slope = -8 * decay.float().sigmoid()
        return (
            *grads,
            (ddecay.sum(0) * slope).to(decay.dtype),
            None if ctx.state_dtype is None else dstate.to(ctx.state_dtype),
            None,
        )


if triton is not None:
    # A tile is (steps, 1, channels): Triton lays a fresh tensor of three axes out with
    # the last one over the threads, so that a thread has one channel and all its steps,
    # and a scan over the steps is a loop in registers. As the first element takes in
    # what came before, nobody uses the products that such scans also make, and the
    # compiler drops them: one fused multiply-add an element is left.

    @triton.jit
    def _rg_lru_then(a1, b1, a2, b2):
        """h -> a1 h + b1, then h -> a2 h + b2."""
        return a2 * a1, a2 * b1 + b2

    @triton.jit
    def _rg_lru_before(a2, p2, g2, a1, p1, g1):
        """The same for g_t = dh_t + a_{t+1} g_{t+1}, time running back.

        A stretch of time turns a g after its end into p (a g) + g at its start, where
        a is still to be multiplied in by the step before.
        """
        return a1, p1 * a2 * p2, p1 * a2 * g2 + g1

    @triton.jit
    def _rg_lru_row(tile, chosen):
        """The row (1, D) that is chosen: by bits, which is free in registers."""
        bits = tl.where(chosen, tile.to(tl.int32, bitcast=True), 0)
        return tl.xor_sum(bits, 0).to(tl.float32, bitcast=True)

    @triton.jit
    def _rg_lru_load(pointer, t, d, stride_t, stride_d, mask, other):
        """(T, 1, D) in float32."""
        at = t.to(tl.int64)[:, None] * stride_t + d.to(tl.int64)[None, :] * stride_d
        tile = tl.load(pointer + at, mask=mask, other=other)
        return tile.to(tl.float32)[:, None, :]

    @triton.jit
    def _rg_lru_store(pointer, t, d, channels, tile, mask):
        at = t.to(tl.int64)[:, None] * channels + d[None, :]
        tl.store(pointer + at, tl.sum(tile, 1), mask=mask)

    @triton.jit
    def _rg_lru_span(cu_seqlens, sequences, parts, size, length, BLOCKS):
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
    def _rg_lru_carry(
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
                a = _rg_lru_load(effect, p, d, channels, 1, mask, 1.0)
                p += sequences * parts
                b = _rg_lru_load(effect, p, d, channels, 1, mask, 0.0)
                b = tl.where(i[:, None, None] == 0, a * carry[None] + b, b)
                _, b = tl.associative_scan((a, b), 0, _rg_lru_then)
                carry = _rg_lru_row(b, i[:, None, None] == T - 1)
        return carry

    @triton.jit
    def _rg_lru_slot(cu_seqlens, sequence, start, length, STEPS):
        """The row of starts for the first tile; packed sequences get one more each."""
        if cu_seqlens is None:
            slot = sequence * tl.cdiv(length, STEPS) + start // STEPS
        else:
            slot = sequence + start // STEPS
        return slot

    @triton.jit
    def _rg_lru_after(p1, q1, b1, p2, q2, b2):
        """The same for q_t = a_t h_{t-1}, that is h_t without its own b_t."""
        return p2 * p1, p2 * (q1 + b1) + q2, b2

    @triton.jit
    def _rg_lru_rate(decay, d, channels):
        """-8 softplus(decay) (1, D); 1 + e rounds, and the ratio makes up for it."""
        z = tl.load(decay + d[None, :], mask=d[None, :] < channels, other=0.0)
        z = z.to(tl.float32)
        e = tl.exp(-tl.abs(z))
        u = 1 + e
        log = tl.where(u == 1, e, tl.log(u) * e / tl.where(u == 1, 1.0, u - 1))
        return -8 * (tl.maximum(z, 0.0) + log)

    @triton.jit
    def _rg_lru_factors(gate, rate):
        """a, sqrt(1 - a^2) and r; the series of 1 - exp(z) where a is near 1."""
        r = tl.sigmoid(gate)
        z = 2 * r * rate
        a = tl.exp(0.5 * z)
        s = 1 + z * (1 / 8)
        s = 1 + z * (1 / 7) * s
        s = 1 + z * (1 / 6) * s
        s = 1 + z * (1 / 5) * s
        s = 1 + z * (1 / 4) * s
        s = 1 + z * (1 / 3) * s
        s = 1 + z * (1 / 2) * s
        return a, tl.sqrt(tl.where(z > -0.5, -z * s, 1 - a * a)), r

    @triton.jit
    def _rg_lru_gelu(z):
        """gelu(z) and its slope; 0.5 (1 + tanh(u)) = sigmoid(2 u)."""
        s = tl.sigmoid(1.5957691216057308 * (z + 0.044715 * z * z * z))
        slope = 1.5957691216057308 * (1 + 0.134145 * z * z)
        return z * s, s + z * s * (1 - s) * slope

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_reduce_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        dy,
        effect,
        sequences,
        parts,
        size,
        length,
        channels,
        x_batch,
        x_time,
        x_channel,
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
        dy_batch,
        dy_time,
        dy_channel,
        REVERSE: tl.constexpr,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        """What a part makes of the state it is given: a factor and a term.

        In reverse, what it makes of a_t times the gradient of h_t.
        """
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, _, part, start, end, _ = _rg_lru_span(
            None, sequences, parts, size, length, blocks
        )
        rate = _rg_lru_rate(decay, d, channels)
        recurrence_gate += sequence.to(tl.int64) * r_batch
        if REVERSE:
            dy += sequence.to(tl.int64) * dy_batch
            if output_gate is not None:
                output_gate += sequence.to(tl.int64) * o_batch
        else:
            x += sequence.to(tl.int64) * x_batch
            input_gate += sequence.to(tl.int64) * i_batch
        factor = tl.full([1, BLOCK], 1.0, tl.float32)
        term = tl.zeros([1, BLOCK], tl.float32)
        tiles = tl.cdiv(end - start, STEPS)
        for k in tl.range(0, tiles, num_stages=STAGES):
            tile, final = k, i[:, None, None] == STEPS - 1
            if REVERSE:
                tile, final = tiles - 1 - k, i[:, None, None] == 0
            t = start + tile * STEPS + i
            mask = (t < end)[:, None] & inside
            gate = _rg_lru_load(
                recurrence_gate, t, d, r_time, r_channel, mask, float("-inf")
            )
            a, scale, r = _rg_lru_factors(gate, rate[None])
            if REVERSE:
                b = a * _rg_lru_load(dy, t, d, dy_time, dy_channel, mask, 0.0)
                if output_gate is not None:
                    gate = _rg_lru_load(output_gate, t, d, o_time, o_channel, mask, 0.0)
                    b *= _rg_lru_gelu(gate)[0]
            else:
                b = scale * _rg_lru_load(x, t, d, x_time, x_channel, mask, 0.0)
                gate = _rg_lru_load(input_gate, t, d, i_time, i_channel, mask, 0.0)
                b *= tl.sigmoid(gate)
            a, b = tl.associative_scan((a, b), 0, _rg_lru_then, REVERSE)
            a = _rg_lru_row(a, final)
            term = a * term + _rg_lru_row(b, final)
            factor *= a
        at = (sequence * parts + part).to(tl.int64) * channels + d[None, :]
        tl.store(effect + at, factor, mask=inside)
        effect += (sequences * parts).to(tl.int64) * channels
        tl.store(effect + at, term, mask=inside)

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_forward_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
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
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
        STEPS: tl.constexpr,
        BLOCK: tl.constexpr,
        STAGES: tl.constexpr,
    ):
        blocks = tl.cdiv(channels, BLOCK)
        d = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
        inside = (d < channels)[None, :]
        i = tl.arange(0, STEPS)
        sequence, batch, part, start, end, live = _rg_lru_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        h = _rg_lru_carry(
            *(state, effect, sequence, sequences, part, parts, channels, d, live),
            *(False, STEPS),
        )
        rate = _rg_lru_rate(decay, d, channels)
        x += batch.to(tl.int64) * x_batch
        input_gate += batch.to(tl.int64) * i_batch
        recurrence_gate += batch.to(tl.int64) * r_batch
        if output_gate is not None:
            output_gate += batch.to(tl.int64) * o_batch
        y += batch.to(tl.int64) * length * channels
        slot = _rg_lru_slot(cu_seqlens, sequence, start, length, STEPS)
        starts += slot.to(tl.int64) * channels + d[None, :]
        for k in tl.range(0, tl.cdiv(end - start, STEPS), num_stages=STAGES):
            t = start + k * STEPS + i
            mask = (t < end)[:, None] & inside
            read = mask & live
            gate = _rg_lru_load(
                recurrence_gate, t, d, r_time, r_channel, read, float("-inf")
            )
            a, b, r = _rg_lru_factors(gate, rate[None])
            b *= _rg_lru_load(x, t, d, x_time, x_channel, read, 0.0)
            gate = _rg_lru_load(input_gate, t, d, i_time, i_channel, read, 0.0)
            b *= tl.sigmoid(gate)
            tl.store(starts, h, mask=inside & live)
            starts += channels
            b = tl.where(i[:, None, None] == 0, a * h[None] + b, b)
            _, b = tl.associative_scan((a, b), 0, _rg_lru_then)
            h = _rg_lru_row(b, i[:, None, None] == STEPS - 1)
            if output_gate is not None:
                gate = _rg_lru_load(output_gate, t, d, o_time, o_channel, read, 0.0)
                b *= _rg_lru_gelu(gate)[0]
            _rg_lru_store(y, t, d, channels, b, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(last + at, h, mask=inside & live & (part == parts - 1))

    @triton.jit(do_not_specialize=["sequences", "parts", "size", "length"])
    def _rg_lru_backward_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        starts,
        dy,
        dlast,
        dx,
        dinput_gate,
        drecurrence_gate,
        doutput_gate,
        ddecay,
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
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
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
        sequence, batch, part, start, end, live = _rg_lru_span(
            cu_seqlens, sequences, parts, size, length, blocks
        )
        carry = _rg_lru_carry(
            *(dlast, effect, sequence, sequences, parts - 1 - part, parts, channels),
            *(d, live, True, STEPS),
        )
        rate = _rg_lru_rate(decay, d, channels)
        x += batch.to(tl.int64) * x_batch
        input_gate += batch.to(tl.int64) * i_batch
        recurrence_gate += batch.to(tl.int64) * r_batch
        dy += batch.to(tl.int64) * dy_batch
        base = batch.to(tl.int64) * length * channels
        if output_gate is not None:
            output_gate += batch.to(tl.int64) * o_batch
            doutput_gate += base
        slot = _rg_lru_slot(cu_seqlens, sequence, start, length, STEPS)
        tiles = tl.cdiv(end - start, STEPS)
        starts += (slot + tiles).to(tl.int64) * channels + d[None, :]
        total = tl.zeros([1, BLOCK], tl.float32)
        one = tl.full([STEPS, 1, BLOCK], 1.0, tl.float32)
        for k in tl.range(0, tiles, num_stages=STAGES):
            t = start + (tiles - 1 - k) * STEPS + i
            mask = (t < end)[:, None] & inside
            read = mask & live
            gate = _rg_lru_load(
                recurrence_gate, t, d, r_time, r_channel, read, float("-inf")
            )
            a, scale, r = _rg_lru_factors(gate, rate[None])
            xt = _rg_lru_load(x, t, d, x_time, x_channel, read, 0.0)
            gate = _rg_lru_load(input_gate, t, d, i_time, i_channel, read, 0.0)
            it = tl.sigmoid(gate)
            g = _rg_lru_load(dy, t, d, dy_time, dy_channel, read, 0.0)
            starts -= channels
            h = tl.load(starts, mask=inside & live, other=0.0)
            q = tl.where(first, a * h[None], 0.0)
            b = scale * it * xt
            _, q, _ = tl.associative_scan((a, q, b), 0, _rg_lru_after)
            if output_gate is not None:
                gate = _rg_lru_load(output_gate, t, d, o_time, o_channel, read, 0.0)
                gelu, slope = _rg_lru_gelu(gate)
                do = g * (q + b) * slope
                _rg_lru_store(doutput_gate, t, d, channels, do, mask)
                g *= gelu
            g = tl.where(final, g + carry[None], g)
            _, _, g = tl.associative_scan((a, one, g), 0, _rg_lru_before, True)
            carry = _rg_lru_row(a * g, first)
            dscale = g * it * xt
            slope = tl.minimum(0.5 / scale, 1000.0)  # of the square root
            dlog = g * q - 2 * slope * a * a * dscale
            total += tl.sum(dlog * r, 0)
            dr = dlog * rate[None] * r * (1 - r)
            _rg_lru_store(dx + base, t, d, channels, g * scale * it, mask)
            _rg_lru_store(
                dinput_gate + base, t, d, channels, dscale * scale * (1 - it), mask
            )
            _rg_lru_store(drecurrence_gate + base, t, d, channels, dr, mask)
        at = sequence.to(tl.int64) * channels + d[None, :]
        tl.store(dstate + at, carry, mask=inside & live & (part == 0))
        at = (sequence * parts + part).to(tl.int64) * channels + d[None, :]
        tl.store(ddecay + at, total, mask=inside)

    @triton.jit
    def _rg_lru_step_kernel(
        x,
        input_gate,
        recurrence_gate,
        output_gate,
        decay,
        state,
        y,
        channels,
        x_batch,
        x_time,
        x_channel,
        i_batch,
        i_time,
        i_channel,
        r_batch,
        r_time,
        r_channel,
        o_batch,
        o_time,
        o_channel,
        state_batch,
        state_channel,
        BLOCK: tl.constexpr,
    ):
        """One token; the state is updated in place."""
        blocks = tl.cdiv(channels, BLOCK)
        row = (tl.program_id(0) // blocks).to(tl.int64)
        d = (tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        mask = (d < channels)[None, :]
        d1 = d[None, :]
        gate = tl.load(recurrence_gate + row * r_batch + d1 * r_channel, mask=mask)
        rate = _rg_lru_rate(decay, d, channels)
        a, b, _ = _rg_lru_factors(gate.to(tl.float32), rate)
        gate = tl.load(input_gate + row * i_batch + d1 * i_channel, mask=mask)
        b *= tl.sigmoid(gate.to(tl.float32))
        b *= tl.load(x + row * x_batch + d1 * x_channel, mask=mask).to(tl.float32)
        state += row * state_batch + d1 * state_channel
        h = a * tl.load(state, mask=mask) + b
        tl.store(state, h, mask=mask)
        if output_gate is not None:
            gate = tl.load(output_gate + row * o_batch + d1 * o_channel, mask=mask)
            h *= _rg_lru_gelu(gate.to(tl.float32))[0]
        tl.store(y + row * channels + d1, h, mask=mask)
