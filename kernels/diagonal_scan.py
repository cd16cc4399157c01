"""Scans of h_t = a_t * h_{t-1} + b_t over time, which the diagonal recurrences share.

Those differ in what a and b are made of, and in whether a channel has one state or
N. Here are the scan of one state and its gradient in plain PyTorch, and for Triton:
how time is split, tiles of steps, and scans over a tile.

A Triton program walks through one part of one sequence, for BD channels. There are
several parts, of `size` steps each, where sequences and channels are too few to fill
a GPU. A first pass then writes to `effect` (S parts, 2, D) what each makes of the
state it is given: a factor and a term. Where the backward recomputes h, the forward
writes the state before each tile to `starts`, unless there are no gradients. With N
states a channel both are (..., D, N).
"""

import torch
from torch import Tensor

from kernels.sequences import _seq_count
from kernels.state_scan import _states_scan

try:
    import triton
    import triton.language as tl

    from kernels.sequences import _seq_span
except ImportError:
    triton = None


def _scan_zeros(x: Tensor, cu_seqlens: Tensor | None, *state: int) -> Tensor:
    """The state before the first token, of this shape for each sequence."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    return x.new_zeros((_seq_count(x, cu_seqlens), *state), dtype=dtype)


def _scan_chunks(a: Tensor, h: Tensor, first: Tensor, reverse: bool = False) -> Tensor:
    """Turn b, given as h, into all h_t = a_t h_{t-1} + b_t, in place; return h.

    Two passes over chunks, all chunks side by side. Pass 1 finds what each chunk adds
    and by what it multiplies the state it is given; a short recurrence over the chunks
    gives those states; pass 2 writes h. With reverse, time runs from end to start.
    """
    if torch.compiler.is_compiling():
        b = torch.cat((first.unsqueeze(1), h), 1)
        return h.copy_(_states_scan(a, b)[:, 1:])
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
        _scan_chunks(product, ends, first, reverse)
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


def _scan_gradients(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}; a's is g_t h_{t-1}."""
    if torch.compiler.is_compiling():
        return _scan_gradients_any_length(a, h, state, dh, dlast)
    g = dh.to(a.dtype, copy=True)
    g[:, -1] += dlast
    _scan_chunks(a[:, 1:], g[:, :-1], g[:, -1], reverse=True)
    da = g.clone()
    da[:, 0] *= state
    da[:, 1:] *= h[:, :-1]
    return da, g, g[:, 0] * a[:, 0]


def _scan_gradients_any_length(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The same with e_t = a_t g_t, of which e_L is dlast and e_0 the state's."""
    e = torch.cat((dlast.unsqueeze(1), (a * dh).flip(1)), 1)
    e = _states_scan(a.flip(1), e).flip(1)
    g = dh + e[:, 1:]
    before = torch.cat((state.unsqueeze(1).to(h.dtype), h), 1)[:, :-1]
    return g * before, g, e[:, 0]


# Triton


def _scan_tile(steps: int) -> dict[str, int]:
    """A thread has one of 64 channels, hence the warps: 32 lanes each, or 64 on AMD."""
    return {"BT": steps, "BD": 64, "num_warps": 2 if torch.version.hip is None else 1}


def _scan_recall_steps(x: Tensor) -> int:
    """Steps of a tile where the backward recomputes h: by ptxas for sm_90 there are
    registers for so many."""
    return 8 if x.element_size() == 4 else 16


def _scan_grid(
    x: Tensor, cu_seqlens: Tensor | None, BD: int, least: int = 128, whole: int = 32
) -> tuple[tuple[int], int]:
    """The grid, and the steps of a part.

    Time is split until there are 512 programs, about 4 a multiprocessor of an H100, but
    a part keeps `least` steps, as each asks for another pass over its input. Its steps
    are a multiple of `whole`, and so of a tile's.
    """
    _, T, D = x.shape
    S, blocks = _seq_count(x, cu_seqlens), -(-D // BD)
    if cu_seqlens is not None:
        return (S * blocks,), T
    parts = max(1, min(512 // (S * blocks), T // least))
    size = -(-T // (parts * whole)) * whole
    return (S * -(-T // size) * blocks,), size


def _scan_empty(x: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device=x.device)


def _scan_effect(x: Tensor, size: int, *state: int) -> Tensor | None:
    """Room for what parts make of their states; None where sequences are whole."""
    parts = -(-x.shape[1] // size)
    return _scan_empty(x, x.shape[0] * parts, 2, *state) if parts > 1 else None


def _scan_last(x: Tensor, state: Tensor | None, keep: bool, *shape: int) -> Tensor:
    """Room for the last states: after one token, without gradients, the given ones."""
    if state is not None and x.shape[1] == 1 and not keep:
        if state.dtype == torch.float32 and state.is_contiguous():
            return state
    return _scan_empty(x, *shape)


if triton is not None:
    # A tile is (T, 1, D), T steps: Triton lays a fresh tensor of three axes out with
    # the last one over the threads, so that a thread has one channel and all its steps,
    # and a scan over the steps is a loop in registers. As the first element takes in
    # what came before, nobody uses the products that such scans also make, and the
    # compiler drops them: one fused multiply-add an element is left. With N states a
    # tile is (T, R, D, S), and what is (1, D) below is (R, D, S).

    @triton.jit
    def _scan_then(a1, b1, a2, b2):
        """h -> a1 h + b1, then h -> a2 h + b2."""
        return a2 * a1, a2 * b1 + b2

    @triton.jit
    def _scan_after(p1, q1, b1, p2, q2, b2):
        """The same for q_t = a_t h_{t-1}, that is h_t without its own b_t."""
        return p2 * p1, p2 * (q1 + b1) + q2, b2

    @triton.jit
    def _scan_steps(STEPS: tl.constexpr, AXES: tl.constexpr):
        """0, 1, ... along the first of so many axes."""
        t = tl.arange(0, STEPS)
        for _ in tl.static_range(1, AXES):
            t = tl.expand_dims(t, -1)
        return t

    @triton.jit
    def _scan_row(tile, t):
        """Row t (1, D) of a tile: by bits, which is free in registers."""
        chosen = _scan_steps(tile.shape[0], len(tile.shape)) == t
        bits = tl.where(chosen, tile.to(tl.int32, bitcast=True), 0)
        return tl.xor_sum(bits, 0).to(tl.float32, bitcast=True)

    @triton.jit
    def _scan_forth(a, b, h):
        """All h_t of a tile, and the last (1, D), from the h (1, D) before them."""
        t = _scan_steps(b.shape[0], len(b.shape))
        b = tl.where(t == 0, a * h[None] + b, b)
        _, b = tl.associative_scan((a, b), 0, _scan_then)
        return b, _scan_row(b, b.shape[0] - 1)

    @triton.jit
    def _scan_back(a, g, carry):
        """Turn a tile of dh into all g_t; and the first a_t g_t (1, D).

        carry is that of the tile after it. Step by step, in registers: to scan in
        reverse Triton moves each value six times between lanes, turning it and back.
        """
        last: tl.constexpr = g.shape[0] - 1
        t = _scan_steps(g.shape[0], len(g.shape))
        g = tl.where(t == last, g + carry[None], g)
        for k in tl.static_range(last, 0, -1):
            g = tl.where(t == k - 1, g + _scan_row(a * g, k)[None], g)
        return g, _scan_row(a * g, 0)

    @triton.jit
    def _scan_recall(a, b, h):
        """All a_t h_{t-1} of a tile, from the h (1, D) before it."""
        t = _scan_steps(b.shape[0], len(b.shape))
        q = tl.where(t == 0, a * h[None], 0.0)
        _, q, _ = tl.associative_scan((a, q, b), 0, _scan_after)
        return q

    @triton.jit
    def _scan_times(a1, a2):
        return a1 * a2

    @triton.jit
    def _scan_reduced(a, b, factor, term, REVERSE: tl.constexpr):
        """The effect of a part, led through one more tile; in reverse b is dh."""
        if REVERSE:
            b, term = _scan_back(a, b, term)
        else:
            b, term = _scan_forth(a, b, term)
        return factor * tl.reduce(a, 0, _scan_times), term

    @triton.jit
    def _scan_read(pointer, t, d, stride, mask, other):
        """(T, D) in float32."""
        at = t.to(tl.int64)[:, None] * stride + d[None, :]
        return tl.load(pointer + at, mask=mask, other=other).to(tl.float32)

    @triton.jit
    def _scan_write(pointer, t, d, stride, tile, mask):
        at = t.to(tl.int64)[:, None] * stride + d[None, :]
        tl.store(pointer + at, tile, mask=mask)

    @triton.jit
    def _scan_load(pointer, t, d, stride, mask, other):
        """A tile, (T, 1, D) in float32."""
        return _scan_read(pointer, t, d, stride, mask, other)[:, None, :]

    @triton.jit
    def _scan_store(pointer, t, d, stride, tile, mask):
        _scan_write(pointer, t, d, stride, tl.sum(tile, 1), mask)

    @triton.jit
    def _scan_span(cu_seqlens, T, D, size, BD: tl.constexpr):
        """Channels; sequence, part of so many; first row; first step and end."""
        blocks = tl.cdiv(D, BD)
        d = tl.program_id(0) % blocks * BD + tl.arange(0, BD)
        row = tl.program_id(0) // blocks
        parts = tl.cdiv(T, size)
        s, part = row // parts, row % parts
        bos, T = _seq_span(cu_seqlens, s, T)
        return d, s, part, parts, bos, part * size, tl.minimum(part * size + size, T)

    # A state is `size` numbers, D or D N; a program has those `at` its offsets, so far
    # as they exist.

    @triton.jit
    def _scan_keep(effect, factor, term, row, size, at, exists):
        """Write the effect of a part, row of so many."""
        effect += row.to(tl.int64) * 2 * size + at
        tl.store(effect, factor, mask=exists)
        tl.store(effect + size, term, mask=exists)

    @triton.jit
    def _scan_carry(
        first, effect, s, part, parts, size, at, exists, REVERSE: tl.constexpr
    ):
        """What a part is given: first, led through the parts before it, or after it."""
        carry = tl.zeros(at.shape, tl.float32)
        if first is not None:
            first += s.to(tl.int64) * size + at
            carry = tl.load(first, mask=exists, other=0.0).to(tl.float32)
        if effect is not None:
            effect += s.to(tl.int64) * parts * 2 * size + at
            many = parts - 1 - part if REVERSE else part
            for k in tl.range(0, many, loop_unroll_factor=4):  # four loads under way
                place = effect + (parts - 1 - k if REVERSE else k) * 2 * size
                factor = tl.load(place, mask=exists, other=0.0)
                carry = factor * carry + tl.load(place + size, mask=exists, other=0.0)
        return carry
