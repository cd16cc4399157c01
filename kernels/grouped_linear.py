"""Linear maps of rows that lie expert by expert: the products of a mixture's experts.

    y[n] = weight[e] x[n]        ends[e - 1] <= n < ends[e]

    x (N, K)    weight (E, V, K)    ends (E,): where the rows of each expert end
    returns y (N, V) in the dtype of weight

Rows behind the last of ends are of no expert: what they give is not said, and no
weight gets a gradient of them.

Exact: no capacity, no row left out; an expert without rows is not read, so that one
token reads its own experts only. On a GPU torch's grouped product does it in one
launch (bfloat16, torch 2.8 on). Elsewhere it is a product for each expert that has
rows, on its part of x, y and the gradients: nothing is copied. A compiled graph takes
tiles.
"""

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


def grouped_linear(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Each row by the matrix of its expert."""
    x = x.to(weight.dtype)  # autocast has narrowed what a projection gave
    if x.is_cuda and x.dtype == torch.bfloat16 and hasattr(torch, "_grouped_mm"):
        return torch._grouped_mm(x, weight.transpose(1, 2), offs=ends.int())
    if torch.compiler.is_compiling():
        return _grouped_linear_tiles(x, weight, ends)
    y: Tensor = autograd(_GroupedLinear, x, weight, ends)
    return y


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
    return y.flatten(0, 1)[place.clamp(max=len(y) * tile - 1)]


def weighted(y: Tensor, order: Tensor, p: Tensor) -> Tensor:
    """What the experts give, (N, D), times p (B, T, top), in the order of the tokens:
    (B, T, D)."""
    place = order.argsort()  # of each choice among the rows
    return (p[..., None, :].type_as(y) @ y[place.view_as(p)]).squeeze(-2)


class _GroupedLinear(torch.autograd.Function):
    """A product for each expert that has rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.spans = _spans(ends)
        y = x.new_empty(len(x), weight.shape[1])
        for e, start, end in ctx.spans:
            torch.mm(x[start:end], weight[e].t(), out=y[start:end])
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        dw = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        for e, start, end in ctx.spans:
            if dx is not None:
                torch.mm(dy[start:end], weight[e], out=dx[start:end])
            if dw is not None:
                torch.mm(dy[start:end].t(), x[start:end], out=dw[e])
        return dx, dw, None


def _spans(ends: Tensor) -> list[tuple[int, int, int]]:
    """(expert, start, end) of each expert that has rows."""
    found, start = [], 0
    for e, end in enumerate(ends.tolist()):
        if end > start:
            found.append((e, start, end))
        start = end
    return found
