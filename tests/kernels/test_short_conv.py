from typing import Any

import pytest
import torch
import torch.nn.functional as F
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

MODULE = load("short_conv")
short_conv = MODULE.short_conv


def twin(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    activation: str | None = None,
) -> Any:
    width = weight.shape[1]
    if state is None:
        state = x.new_zeros(x.shape[0], width - 1, x.shape[2])
    rows = [*state.unbind(1), *x.unbind(1)]
    ys = []
    for t in range(x.shape[1]):
        z = x.new_zeros(())
        for k in range(width):
            z = z + weight[:, k] * rows[t + k]
        z = z if bias is None else z + bias
        ys.append(z / (1 + torch.exp(-z)) if activation else z)
    return torch.stack(ys, 1), torch.stack(rows[len(rows) - width + 1 :], 1)


def inputs(
    length: int,
    width: int = 4,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    state: bool = True,
    act: str | None = "silu",
    dim: int = 5,
) -> Any:
    torch.manual_seed(length * 100 + width)
    batch = 2
    return [
        randn(batch, length, dim, dtype=dtype),
        randn(dim, width, dtype=dtype),
        randn(dim, dtype=dtype) if bias else None,
        randn(batch, width - 1, dim, dtype=dtype) if state else None,
        act,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(short_conv, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("width", [2, 3, 7, 16])
def test_widths_and_short_inputs(width: int) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    for length in sorted({1, 2, 3, width - 2, width - 1, width, width + 1, 40} - {0}):
        for act in (None, "silu"):
            args = inputs(length, width, torch.float32, act=act)
            agree(short_conv, twin, args, 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for bias, state, act in [
        (0, 0, None),
        (1, 0, "silu"),
        (0, 1, None),
        (0, 1, "silu"),
    ]:
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            args = inputs(length, 4, dtype, bool(bias), bool(state), act)
            agree(short_conv, twin, args, BOUND[dtype])
            y, last = short_conv(*args)
            assert y.dtype == last.dtype == dtype


@pytest.mark.parametrize("width", [2, 7, 40])
@pytest.mark.parametrize("act", [None, "silu"])
def test_blocks_of_time(width: int, act: str | None) -> None:
    """Blocks of 16 tokens here, narrower than the widest filter; the last has one."""
    for dtype in (torch.float32, torch.bfloat16):
        args = inputs(49, width, dtype, act=act, dim=4096)
        assert len(MODULE._conv_blocks(args[0])) == 4
        agree(short_conv, twin, args, BOUND[dtype])


def test_is_the_convolution_of_torch() -> None:
    x, weight, bias, _, _ = inputs(20)
    want = F.conv1d(
        F.pad(x.transpose(1, 2), (3, 0)), weight.unsqueeze(1), bias, groups=5
    )
    y, _ = short_conv(x, weight, bias)
    torch.testing.assert_close(y, want.transpose(1, 2))


def test_pieces() -> None:
    for width in (2, 4, 7):
        pieces_agree(short_conv, inputs(9, width), timed=[0], state=3)


def test_views() -> None:
    views_agree(short_conv, inputs(9), timed=[0, 3])
    views_agree(short_conv, inputs(1), timed=[0, 3])


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = [
            a.requires_grad_() if isinstance(a, Tensor) else a for a in inputs(length)
        ]
        assert torch.autograd.gradcheck(short_conv, args)


def test_compile_export_autocast() -> None:
    compiles(short_conv, inputs(6))
    exports(short_conv, inputs(6, dtype=torch.float32))
    for length in (1, 6):
        autocasts(short_conv, inputs(length), low=[0, 3])
