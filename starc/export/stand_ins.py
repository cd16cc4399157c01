"""Functions of the emitted file as a graph of ONNX has them, with its arguments.

The file's own make one graph for any length too, but of many operations; of these some
have no counterpart in ONNX, and some sizes torch cannot prove. Here a recurrence is one
operator, `Scan`, and what the file does in blocks is done at once. Needs torch.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._higher_order_ops.scan import scan


def _states(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    """All h_t = a_t * h_{t-1} + b_t, (B, L + 1, ...), from first on."""

    def step(h: Tensor, at: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        factor, more = at
        h = factor * h + more
        return h, h.clone()

    _, states = scan(step, first, (a.transpose(0, 1), b.transpose(0, 1)))
    return torch.cat((first.unsqueeze(1), states.transpose(0, 1)), 1)


def _delta_graph(
    asks: Tensor,
    knows: Tensor,
    adds: Tensor,
    v: Tensor,
    beta: Tensor,
    keys: Tensor,
    reads: Tensor,
    keep: Tensor,
    state: Tensor,
) -> tuple[Tensor, Tensor]:
    """y and the last state of the delta rules, a chunk a step."""
    system = _inverse(keys * beta) @ (torch.cat((v, knows), 4) * beta)
    told, known = system.split((v.shape[4], knows.shape[4]), 4)

    def step(
        state: Tensor, at: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        told, known, adds, keep = at
        written = told - known @ state
        return keep * state + adds @ written, (state.clone(), written)

    chunks = (told, known, adds.transpose(3, 4), keep)
    last, (starts, written) = scan(step, state, chunks)
    return asks @ starts + reads @ written, last


def _inverse(below: Tensor) -> Tensor:
    """Of I + below (..., Q, Q), which has numbers below the diagonal only; Q a power of
    two. Inverses of blocks on the diagonal become those of pairs of blocks."""
    row = torch.arange(below.shape[-1], device=below.device)
    found = torch.eye(below.shape[-1], dtype=below.dtype, device=below.device)
    found = found.expand_as(below)
    size = 1
    while size < below.shape[-1]:
        block = row // size
        between = (block[:, None] == block + 1) & (block[:, None] % 2 == 1)
        found = found - found @ (below * between) @ found
        size *= 2
    return found


def extend_ring(buffer: Tensor, new: Tensor, length: int) -> Tensor:
    """The first tokens of a ring buffer: each slot takes one of them, or none."""
    slots = torch.arange(buffer.shape[2], device=new.device)
    last = new.shape[2] - 1
    token = last - (last - slots) % buffer.shape[2]
    taken = new.index_select(2, token.clamp(min=0)).type_as(buffer)
    buffer.copy_(torch.where((token >= 0)[:, None], taken, buffer))
    return new


def sliding_attention(
    q: Tensor, k: Tensor, v: Tensor, state: Any, window: int
) -> Tensor:
    """With a mask (T, S), where the file goes block by block."""
    key = torch.arange(k.shape[2], device=k.device)
    if isinstance(state.length, Tensor):  # of one token: a ring buffer, in any order
        seen = (key <= state.length)[None]
    else:
        before = key[:, None] - key
        seen = (before >= 0) & (before < window)
    return F.scaled_dot_product_attention(q, k, v, seen, enable_gqa=True)


def long_conv_cached(
    u: Tensor, kernel: Tensor, buffer: Tensor, length: int, added: Any, **_: Any
) -> tuple[Tensor, Tensor, Any]:
    """The first tokens, as a convolution: onnxruntime 1.32 gives an FFT of some lengths
    the wrong shape. Or one token, of which `added` is the position, as a sum over all
    before it."""
    tokens = u.shape[1]
    if tokens > 1:
        past = F.pad(u.type_as(kernel).transpose(1, 2), (tokens - 1, 0))
        taps = kernel[:tokens].flip(0).t().unsqueeze(1)  # (D, 1, T)
        y = F.conv1d(past, taps, groups=u.shape[2]).transpose(1, 2)
        buffer[:, :tokens] = u
        return y.type_as(u), buffer, 0
    places = torch.arange(len(kernel), device=u.device)
    buffer = torch.where((places == added)[:, None], u.type_as(buffer), buffer)
    lag = added - places
    taps = kernel[lag.clamp(min=0)] * (lag >= 0)[:, None]
    return (buffer * taps).sum(1, keepdim=True).type_as(u), buffer, 0


def by_expert(chosen: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """The choices (B, T, top) in order of expert, and where those of each end."""
    expert = chosen.flatten()
    place = torch.arange(expert.shape[0], device=chosen.device)
    numbers = torch.arange(experts, device=chosen.device)
    order = (expert * expert.shape[0] + place).argsort()  # none are alike: it is stable
    return order, (expert[:, None] == numbers).sum(0).cumsum(0)


def expert_biases(bias: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
    """That of its expert for each row; none for rows behind the last expert's."""
    return F.pad(bias, (0, 0, 0, 1))[_expert(rows.shape[0], ends[: len(bias)])]


def _expert(rows: int, ends: Tensor) -> Tensor:
    """Of each row: how many experts have theirs before it."""
    row = torch.arange(rows, device=ends.device)
    return (ends <= row[:, None]).sum(1)


def _product(tile: int, x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Each row of x (N, K) by the matrix of its expert, zero behind these: a tile of
    rows of one expert a step, the last of an expert not full. (N, V)"""
    rows, experts = x.shape[0], len(weight)
    ends = ends[:experts]
    tiles = (ends.diff(prepend=ends.new_zeros(1)) + tile - 1) // tile
    last = tiles.cumsum(0)  # behind the last tile of an expert
    first, start = last - tiles, F.pad(ends[:-1], (1, 0))
    number = rows if tile == 1 else rows // tile + experts
    expert = _expert(number, last).clamp(max=experts - 1)
    row = torch.arange(number, device=x.device) - first[expert]
    row = (start[expert] + row * tile)[:, None] + torch.arange(tile, device=x.device)

    def step(none: Tensor, at: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        some, expert = at
        matrix = weight.index_select(0, expert).squeeze(0)
        return none.clone(), some @ matrix.t()

    given = x[row.clamp(max=rows - 1)], expert[:, None]
    _, y = scan(step, x.new_zeros(1), given)
    expert = _expert(rows, ends)
    inside, expert = expert < experts, expert.clamp(max=experts - 1)
    place = torch.arange(rows, device=x.device) - start[expert]
    y = y.flatten(0, 1)[(first[expert] * tile + place).clamp(max=number * tile - 1)]
    return torch.where(inside[:, None], y, 0.0)


def stand_in(file: Any, tile: int) -> None:
    """Puts them into the file. tile: rows that an expert computes at a time."""
    for one in (
        *(_states, _delta_graph, extend_ring, sliding_attention, long_conv_cached),
        *(by_expert, expert_biases),
    ):
        if hasattr(file, one.__name__):
            setattr(file, one.__name__, one)
    if hasattr(file, "_product"):
        file._product = partial(_product, tile)
