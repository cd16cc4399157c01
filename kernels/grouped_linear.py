"""Linear maps by expert, on the way to the experts of each token and on the way back.

    grouped_linear    y[n] = weight[e] x[rows[n]]         ends[e - 1] <= n < ends[e]
    grouped_sum       y[t] = sum of p weight[e] h[n] over the places n of token t

    x (M, K)    h (N, K)    weight (E, V, K)    rows, order (N,)    p (B, T, top)
    ends (E or more,): where the places of each expert end
    returns y (N, V), or (B, T, V), in the dtype of weight

Places are in order of expert. Behind those of the E experts there may be others, as
where `ends` has more: what these give is zero, and so is the gradient that they get.

Exact: no capacity, no row left out; an expert without rows is not read, so that one
token reads its own experts only. On a GPU torch's grouped product does it in one
launch (bfloat16, torch 2.8 on), where K and V are whole pieces of 16 bytes; else of
bfloat16 it takes tiles, as a compiled graph does. Elsewhere it is a product for each
expert that has rows, on a CPU faster than torch's: only its rows are fetched, and
what it gives is added to its tokens at once, so that nothing of N x K or N x V is
made of tokens.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kernels.dispatch import autograd


def by_expert(chosen: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """The choices (B, T, top) in order of expert, and where those of each end.

    order (N,): places in `chosen`, flat; earlier tokens first. ends (E,).
    """
    expert, order = chosen.flatten().sort(stable=True)
    numbers = torch.arange(experts, device=chosen.device)
    return order, torch.searchsorted(expert, numbers, right=True)


def grouped_linear(x: Tensor, weight: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
    """A row of x for each place, by the matrix of its expert."""
    x = x.to(weight.dtype)  # autocast has narrowed what a projection gave
    if _at_once(x):
        return _product(x[rows], weight, ends)
    y: Tensor = autograd(_GroupedLinear, x, weight, ends, rows)
    return y


def grouped_sum(
    h: Tensor, weight: Tensor, ends: Tensor, order: Tensor, p: Tensor
) -> Tensor:
    """What the experts of a token give, times p; order: as `by_expert` gives it."""
    h, each = h.to(weight.dtype), p.flatten()[order].to(weight.dtype)
    y: Tensor
    if _at_once(h):
        y = _product(h * each[:, None], weight, ends)
        return y[order.argsort().view_as(p)].sum(-2)
    top = p.shape[-1]
    rows, tokens = order // top, order.shape[0] // top
    y = autograd(_GroupedSum, h, weight, ends, rows, each, tokens)
    return y.view(*p.shape[:-1], weight.shape[1])


def _at_once(x: Tensor) -> bool:
    """Whether all products are made together: of a copy of the rows."""
    return _grouped_is_faster(x) or torch.compiler.is_compiling()


def _grouped_is_faster(x: Tensor) -> bool:
    """Than a product for each expert: where it is one launch."""
    return x.is_cuda and x.dtype == torch.bfloat16 and hasattr(torch, "_grouped_mm")


def _grouped_takes(weight: Tensor) -> bool:
    """Forward and backward read rows of K and of V, 16 bytes at a time."""
    return all(n * weight.element_size() % 16 == 0 for n in weight.shape[1:])


def _product(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Each row of x (N, K) by the matrix of its expert; zero behind these."""
    rows, behind = torch.arange(x.shape[0], device=x.device), len(ends) > len(weight)
    ends = ends[: len(weight)]
    inside = (rows < ends[-1])[:, None]
    x = torch.where(inside, x, 0.0) if behind else x  # and so is its gradient
    if _grouped_is_faster(x) and _grouped_takes(weight):
        y = torch._grouped_mm(x, weight.transpose(1, 2), offs=ends.int())
    else:
        y = _grouped_linear_tiles(x, weight, ends)
    return torch.where(inside, y, 0.0) if behind else y


def _grouped_linear_tiles(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """By tiles of rows of one expert each, the last of an expert not full: no size
    depends on the numbers in `ends`, as a graph asks. Twice the reads of weight."""
    tile, rows, experts = 32, x.shape[0], weight.shape[0]
    counts = ends.diff(prepend=ends.new_zeros(1))
    tiles = (counts + tile - 1) // tile
    first = tiles.cumsum(0) - tiles  # of each expert, its first tile and its first row
    start = ends - counts
    number = torch.arange(rows // tile + experts, device=x.device)
    expert = torch.searchsorted(first + tiles, number, right=True).clamp(
        max=experts - 1
    )
    row = start[expert] + (number - first[expert]) * tile
    row = row[:, None] + torch.arange(tile, device=x.device)
    y = torch.bmm(x[row.clamp(max=rows - 1)], weight[expert].transpose(1, 2))
    row = torch.arange(rows, device=x.device)
    expert = torch.searchsorted(ends, row, right=True).clamp(max=experts - 1)
    place = first[expert] * tile + row - start[expert]
    return y.flatten(0, 1)[place.clamp(max=y.shape[0] * tile - 1)]


class _GroupedLinear(torch.autograd.Function):
    """A product for each expert that has rows."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, ends: Tensor, rows: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, weight, rows)
        ctx.parts = parts = _Parts(weight, ends)
        y = x.new_empty(rows.shape[0], weight.shape[1])
        fetched = x.new_empty(parts.most, x.shape[1])
        for e, part, size in parts.each:
            torch.index_select(x, 0, rows[part], out=fetched[:size])
            torch.mm(fetched[:size], weight[e].t(), out=y[part])
        y[parts.end :] = 0
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, rows = ctx.saved_tensors
        dx = _total(x) if ctx.needs_input_grad[0] else None
        dw = ctx.parts.gradient(weight) if ctx.needs_input_grad[1] else None
        buffer = x.new_empty(ctx.parts.most, x.shape[1])
        for e, part, size in ctx.parts.each:
            if dw is not None:
                torch.index_select(x, 0, rows[part], out=buffer[:size])
                torch.mm(dy[part].t(), buffer[:size], out=dw[e])
            if dx is not None:
                torch.mm(dy[part], weight[e], out=buffer[:size])
                dx.index_add_(0, rows[part], buffer[:size].to(dx.dtype))
        return None if dx is None else dx.to(x.dtype), dw, None, None


class _GroupedSum(torch.autograd.Function):
    """The same from rows to tokens; p has a number for each place."""

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        weight: Tensor,
        ends: Tensor,
        rows: Tensor,
        p: Tensor,
        tokens: int,
    ) -> Tensor:
        ctx.save_for_backward(h, weight, rows, p)
        ctx.parts = parts = _Parts(weight, ends)
        given = h.new_empty(parts.most, weight.shape[1])
        y = _total(given.new_empty(tokens, weight.shape[1]))
        for e, part, size in parts.each:
            torch.mm(h[part] * p[part, None], weight[e].t(), out=given[:size])
            y.index_add_(0, rows[part], given[:size].to(y.dtype))
        return y.to(h.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        h, weight, rows, p = ctx.saved_tensors
        dh, dp = torch.empty_like(h), torch.zeros_like(p)
        dw = ctx.parts.gradient(weight) if ctx.needs_input_grad[1] else None
        fetched = dy.new_empty(ctx.parts.most, dy.shape[1])
        for e, part, size in ctx.parts.each:
            torch.index_select(dy, 0, rows[part], out=fetched[:size])
            torch.mm(fetched[:size], weight[e], out=dh[part])
            dp[part] = (dh[part] * h[part]).sum(-1)
            dh[part] *= p[part, None]
            if dw is not None:
                torch.mm(fetched[:size].t(), h[part] * p[part, None], out=dw[e])
        dh[ctx.parts.end :] = 0
        return dh, dw, None, None, dp, None


class _Parts:
    """Which places are of which expert.

    each: (expert, its places, how many) of those that have any; most: the largest
    number of places; end: where those of the last expert end.
    """

    def __init__(self, weight: Tensor, ends: Tensor) -> None:
        borders = [0, *ends[: len(weight)].tolist()]
        self.each = [
            (e, slice(start, end), end - start)
            for e, (start, end) in enumerate(pairwise(borders))
            if end > start
        ]
        self.most = max((size for _, _, size in self.each), default=0)
        self.end = borders[-1]

    def gradient(self, weight: Tensor) -> Tensor:
        """Room for that of weight: zero for an expert without places, else to be
        written, since to fill all of it takes as long as to read it."""
        found = torch.empty_like(weight)
        used = {e for e, _, _ in self.each}
        for e in range(len(weight)):
            if e not in used:
                found[e] = 0
        return found


def _total(like: Tensor) -> Tensor:
    """Zeros that sums are made in: a sum of few numbers of bfloat16 is not in it."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    return torch.zeros_like(like, dtype=dtype)
