from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import (
    BOUND,
    agree,
    autocasts,
    compiles,
    exports,
    function_of,
    randn,
    relative,
    with_grads,
)

rotary = function_of(__file__)
DIMS = (None, 2, 6, 12)


def twin(x: Tensor, start: int, theta: float, dims: int | None = None) -> Any:
    """Each pair as a complex number."""
    dims = dims or x.shape[-1]
    half = dims // 2
    frequency = theta ** (-2 * torch.arange(half).double() / dims)
    position = torch.arange(x.shape[-2]).double() + start
    turn = torch.polar(torch.ones(()).double(), position[:, None] * frequency)
    turned = torch.complex(x[..., :half], x[..., half:dims]) * turn
    return torch.cat((turned.real, turned.imag, x[..., dims:]), -1)


def inputs(
    dtype: torch.dtype = torch.float64,
    length: int = 7,
    start: int = 3,
    dims: int | None = None,
    heads: int = 3,
    channels: int = 12,
) -> Any:
    torch.manual_seed(length)
    return [randn(2, heads, length, channels).to(dtype), start, 1e4, dims]


@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_dims(dims: int | None, dtype: torch.dtype) -> None:
    args = inputs(dtype, dims=dims)
    agree(rotary, twin, args, BOUND[dtype])
    assert rotary(*args).dtype == dtype


def test_a_position_for_each_token() -> None:
    x, _, theta, dims = inputs()
    want = rotary(x, 40, theta, dims)
    positions = torch.arange(40, 47)[None]
    assert torch.equal(rotary(x, positions, theta, dims), want)
    rows = torch.cat((positions, positions + 5))
    found = rotary(x, rows, theta, dims)
    assert torch.equal(found[:1], want[:1])
    assert torch.equal(found[1:], rotary(x[1:], 45, theta, dims))
    one = x[:, :, :1]
    want = rotary(one, 40, theta, dims)
    assert torch.equal(rotary(one, torch.tensor([40]), theta, dims), want)


def test_scores_depend_on_the_distance_only() -> None:
    q, k = randn(1, 1, 9, 12), randn(1, 1, 9, 12)
    near, far = (rotary(q, s, 1e4) @ rotary(k, s, 1e4).mT for s in (0, 1000))
    assert relative(far, near) < 1e-12


def test_no_tokens() -> None:
    assert rotary(torch.zeros(2, 3, 0, 8), 0, 1e4).shape == (2, 3, 0, 8)


def test_views() -> None:
    """Heads beside each other in a projection, and a gradient that is expanded."""
    x, *rest = inputs()
    view = x.transpose(1, 2).contiguous().transpose(1, 2)
    outs, grads = with_grads(lambda y: rotary(y, *rest), [view])
    want_outs, want_grads = with_grads(lambda y: rotary(y, *rest), [x])
    for got, want in zip(outs + grads, want_outs + want_grads, strict=True):
        assert got is not None and want is not None and relative(got, want) < 1e-15


def test_compile_export_autocast() -> None:
    compiles(rotary, inputs(torch.float32))
    exports(rotary, inputs(torch.float32))
    autocasts(rotary, inputs(), low=[0])
