"""kernels/rotary.py in Triton against the twin of tests/kernels, in float64."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import BOUND
from tests.triton.triton_checks import DEVICE, Kernel, close, poisoned

rotary = Kernel.of(__file__)
inputs = rotary.inputs


@pytest.mark.parametrize("dims", rotary.plain.DIMS)
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_dims(dims: int | None, dtype: torch.dtype) -> None:
    args = inputs(dtype, dims=dims)
    with poisoned():
        rotary.agrees(args)
        assert rotary(*args).dtype == dtype


@pytest.mark.parametrize(
    "heads,channels,dims", [(1, 2, 2), (1, 128, 128), (5, 256, 64), (40, 128, 128)]
)
def test_tiles(heads: int, channels: int, dims: int) -> None:
    """One tile and several, of 16 tokens and of 8 or 16 heads, on both sides of their
    borders."""
    for length in (1, 2, 16, 17):
        args = inputs(torch.float32, length, 0, dims, heads, channels)
        with poisoned():
            rotary.agrees(args)


def test_far_positions() -> None:
    """Angles are exact where float32 would be 0.06 beside them."""
    rotary.agrees(inputs(torch.float32, start=1_000_000))


def test_positions_on_the_device() -> None:
    x, _, theta, dims = inputs(torch.float32)
    rows = torch.tensor([[40], [5]]) + torch.arange(x.shape[2])
    for positions in (rows[:1], rows):
        got = rotary.public(x.to(DEVICE), positions.to(DEVICE), theta, dims)
        for row, start in enumerate(positions.expand(2, -1)[:, 0].tolist()):
            assert torch.equal(got[row].cpu(), rotary(x, start, theta, dims)[row])
    one = x[:, :, :1].to(DEVICE)
    got = rotary.public(one, torch.tensor([40], device=DEVICE), theta, dims)
    assert torch.equal(got.cpu(), rotary(x[:, :, :1], 40, theta, dims))


def test_views() -> None:
    """The same bits for heads beside each other, strided channels, turned gradients."""
    x, *rest = inputs(torch.float32)
    x = x.to(DEVICE)
    for order in ((0, 2, 1, 3), (3, 2, 1, 0)):
        back = [order.index(n) for n in range(4)]
        view = x.permute(order).contiguous().permute(back)
        assert not view.is_contiguous()
        for dy in (view, torch.ones_like(x[:1, :1, :1, :1]).expand(x.shape)):
            want = _with_gradient(x, rest, dy.contiguous())
            got = _with_gradient(view, rest, dy)
            assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


def _with_gradient(x: Tensor, rest: Tensor, dy: Tensor) -> Any:
    leaf = x.detach().requires_grad_()
    y = rotary.public(leaf, *rest)
    return y, *torch.autograd.grad(y, leaf, dy)


def test_gradient_of_the_gradient() -> None:
    """It is linear: the second derivative of its square is 2."""
    x, *rest = inputs(torch.float32)
    leaf = x.to(DEVICE).requires_grad_()
    energy = rotary.public(leaf, *rest).square().sum()
    (first,) = torch.autograd.grad(energy, leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    close([first, second], [2 * leaf, torch.full_like(leaf, 2)], 1e-6)


def test_no_tokens() -> None:
    assert rotary(torch.zeros(2, 3, 0, 8), 0, 1e4).shape == (2, 3, 0, 8)


def test_float64_says_so_once() -> None:
    rotary.falls_back(inputs(), "rotary runs in plain PyTorch: float64")
