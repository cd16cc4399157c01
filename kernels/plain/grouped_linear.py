"""Linear maps by expert, on the way to the experts of each token and on the way back.

    grouped_linear    y[n] = weight[e] x[rows[n]]         ends[e - 1] <= n < ends[e]
    grouped_sum       y[t] = sum of p weight[e] h[n] over the places n of token t

    x (M, K)    h (N, K)    weight (E, V, K)    rows, order (N,)    p (B, T, top)
    ends (E or more,): where the places of each expert end
    returns y (N, V), zero behind the places of the E experts; or (B, T, V)

Exact: no capacity, no row left out. A compiled graph takes tiles.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.grouped_linear import _grouped_linear_tiles


def grouped_linear(x: Tensor, weight: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
    """A row of x for each place, by the matrix of its expert."""
    return _product(x[rows], weight, ends)


def grouped_sum(
    h: Tensor, weight: Tensor, ends: Tensor, order: Tensor, p: Tensor
) -> Tensor:
    """What the experts of a token give, times p; order: as `by_expert` gives it."""
    each = p.flatten()[order, None].type_as(h)
    y = _product(each * h, weight, ends)
    return y[order.argsort().view_as(p)].sum(-2)


def _product(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Each row of x by the matrix of its expert; zero behind these."""
    ends = ends[: len(weight)]
    if torch.compiler.is_compiling():
        y = _grouped_linear_tiles(x, weight, ends)
        inside = torch.arange(x.shape[0], device=x.device) < ends[-1]
        return torch.where(inside[:, None], y, 0.0)
    *rows, rest = x.tensor_split(ends.tolist())
    y = torch.cat([part @ w.t() for part, w in zip(rows, weight, strict=True)])
    return F.pad(y, (0, 0, 0, len(rest)))
