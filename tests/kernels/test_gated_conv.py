from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import (
    BOUND,
    LENGTHS,
    agree,
    autocasts,
    compiles,
    exports,
    load,
    pieces_agree,
    randn,
    views_agree,
)

MODULE = load("gated_conv")
gated_conv = MODULE.gated_conv


def twin(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    sigmoid: bool = False,
) -> Any:
    width = weight.shape[1]
    if state is None:
        state = x.new_zeros(x.shape[0], width - 1, x.shape[2])
    if sigmoid:
        b, c = 1 / (1 + torch.exp(-b)), 1 / (1 + torch.exp(-c))
    rows = [*state.unbind(1), *(b * x).unbind(1)]
    ys = []
    for t in range(x.shape[1]):
        z = sum(weight[:, k] * rows[t + k] for k in range(width))
        ys.append(c[:, t] * (z if bias is None else z + bias))
    return torch.stack(ys, 1), torch.stack(rows[len(rows) - width + 1 :], 1)


def inputs(
    length: int,
    width: int = 3,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    state: bool = True,
    sigmoid: bool = False,
    dim: int = 5,
) -> Any:
    torch.manual_seed(length * 100 + width)
    batch = 2
    return [
        *(randn(batch, length, dim, dtype=dtype) for _ in "bcx"),
        randn(dim, width, dtype=dtype),
        randn(dim, dtype=dtype) if bias else None,
        randn(batch, width - 1, dim, dtype=dtype) if state else None,
        sigmoid,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(gated_conv, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("width", [2, 3, 7, 16])
def test_widths_and_short_inputs(width: int) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    for length in sorted({1, 2, 3, width - 2, width - 1, width, width + 1, 40} - {0}):
        for sigmoid in (False, True):
            args = inputs(length, width, torch.float32, sigmoid=sigmoid)
            agree(gated_conv, twin, args, 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for bias, state, sigmoid in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1), (1, 1, 1)]:
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            args = inputs(length, 3, dtype, bool(bias), bool(state), bool(sigmoid))
            agree(gated_conv, twin, args, BOUND[dtype])
            y, last = gated_conv(*args)
            assert y.dtype == last.dtype == dtype


def test_wide_filter_in_bfloat16() -> None:
    """Sums of 16 taps are kept in float32, so width does not add to the error."""
    agree(gated_conv, twin, inputs(200, 16, torch.bfloat16), BOUND[torch.bfloat16])


@pytest.mark.parametrize("width", [2, 7, 40])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_blocks_of_time(width: int, sigmoid: bool) -> None:
    """Blocks of 16 tokens here, narrower than the widest filter; the last has one."""
    for dtype in (torch.float32, torch.bfloat16):
        args = inputs(49, width, dtype, sigmoid=sigmoid, dim=4096)
        assert len(MODULE._conv_blocks(args[0])) == 4
        agree(gated_conv, twin, args, BOUND[dtype])


@pytest.mark.parametrize("length", [1, 2, 49])
def test_side_by_side(length: int) -> None:
    """b, c, x as one tensor, and its gradient as one."""

    def apart(bcx: Tensor, *rest: Any) -> Any:
        b, c, x = bcx.chunk(3, dim=-1)
        return twin(b, c, x, *rest)

    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            b, c, x, *rest = inputs(length, 3, dtype, state=state, dim=4096)
            args = [torch.cat([b, c, x], -1), *rest]
            agree(MODULE.gated_conv_fused, apart, args, BOUND[dtype])
    args = [a.double() if isinstance(a, Tensor) else a for a in args]
    compiles(MODULE.gated_conv_fused, args)


def test_pieces() -> None:
    for width in (2, 3, 7):
        pieces_agree(gated_conv, inputs(9, width), timed=[0, 1, 2], state=5)
    pieces_agree(gated_conv, inputs(5, sigmoid=True), timed=[0, 1, 2], state=5)


def test_views() -> None:
    for length in (1, 9):
        for sigmoid in (False, True):
            args = inputs(length, sigmoid=sigmoid)
            views_agree(gated_conv, args, timed=[0, 1, 2, 5])


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = inputs(length, sigmoid=length == 6)
        args = [a.requires_grad_() if isinstance(a, Tensor) else a for a in args]
        assert torch.autograd.gradcheck(gated_conv, args)


def test_compile_export_autocast() -> None:
    compiles(gated_conv, inputs(6))
    compiles(gated_conv, inputs(6, bias=False, state=False, sigmoid=True))
    exports(gated_conv, inputs(6, dtype=torch.float32))
    for length in (1, 6):
        autocasts(gated_conv, inputs(length), low=[0, 1, 2, 5])
