"""kernels/swiglu.py in Triton against the twin of tests/kernels, in float64."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import BOUND
from tests.triton.triton_checks import DEVICE, Kernel, poisoned

swiglu = Kernel.of(__file__)
inputs = swiglu.inputs
ACTIVATIONS = swiglu.plain.ACTIVATIONS


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_activations(activation: str, dtype: torch.dtype) -> None:
    for scale in (1, 5):
        args = inputs(activation, dtype, scale=scale)
        with poisoned():
            swiglu.agrees(args)
            assert swiglu(*args).dtype == dtype


@pytest.mark.parametrize("width", [1, 127, 512, 513, 1025, 2736])
def test_widths(width: int) -> None:
    """Below, at and above one block of columns, of either size."""
    for dtype in (torch.float32, torch.bfloat16):
        with poisoned():
            swiglu.agrees(inputs("silu", dtype, width))


def test_large_gates() -> None:
    """Where exp overflows or the gate is shut."""
    gate = torch.tensor([-1e4, -100.0, -30.0, 0.0, 30.0, 100.0, 1e4])
    for activation in ACTIVATIONS:
        args = [torch.cat([gate, torch.ones(7)])[None, None], activation]
        swiglu.agrees(args)


@pytest.mark.parametrize("activation", ["silu", "gelu"])
def test_views(activation: str) -> None:
    """The same bits for slices, turned inputs, turned and expanded gradients."""
    whole = inputs(activation, torch.float32)[0].to(DEVICE)
    wide = torch.cat([whole, whole, whole], -1)
    turned = whole.transpose(0, 2).contiguous().transpose(0, 2)
    dys = torch.randn(2, 5, 3 * 37, device=DEVICE)
    for gate_up in (wide[..., 74:148], turned):
        assert not gate_up.is_contiguous()
        for dy in (dys[..., :37], dys[:1, :1, :1].expand(2, 5, 37), turned[..., :37]):
            want = _with_gradient(whole, activation, dy.contiguous())
            got = _with_gradient(gate_up, activation, dy)
            assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


def _with_gradient(gate_up: Tensor, activation: str, dy: Tensor) -> Any:
    leaf = gate_up.detach().requires_grad_()
    y = swiglu.public(leaf, activation)
    return y, *torch.autograd.grad(y, leaf, dy)


def test_no_tokens() -> None:
    assert swiglu(torch.zeros(2, 0, 8)).shape == (2, 0, 4)


def test_float64_says_so_once() -> None:
    swiglu.falls_back(inputs(), "swiglu runs in plain PyTorch: float64")
