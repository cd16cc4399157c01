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

swiglu = function_of(__file__)
ACTIVATIONS = ("silu", "gelu", "relu", "sigmoid")


def twin(gate_up: Tensor, activation: str = "silu") -> Any:
    width = gate_up.shape[-1] // 2
    gate, up = gate_up[..., :width], gate_up[..., width:]
    if activation == "relu":
        return gate * (gate > 0) * up
    inner = gate
    if activation == "gelu":
        inner = (8 / torch.pi) ** 0.5 * (gate + 0.044715 * gate**3)
    y = torch.sigmoid(inner) * up
    return y if activation == "sigmoid" else gate * y


def inputs(
    activation: str = "silu",
    dtype: torch.dtype = torch.float64,
    width: int = 37,
    scale: float = 1.0,
) -> Any:
    torch.manual_seed(width)
    return [(scale * randn(2, 5, 2 * width)).to(dtype), activation]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_activations(activation: str, dtype: torch.dtype) -> None:
    for scale in (1, 5):
        args = inputs(activation, dtype, scale=scale)
        agree(swiglu, twin, args, BOUND[dtype])
        assert swiglu(*args).dtype == dtype


def test_no_tokens() -> None:
    assert swiglu(torch.zeros(2, 0, 8)).shape == (2, 0, 4)


def test_unknown_activation() -> None:
    with pytest.raises(KeyError, match="tanh"):
        swiglu(torch.zeros(1, 8), "tanh")


def test_views() -> None:
    """A slice of a wider projection, and a gradient that is one number expanded."""
    whole, _ = inputs()
    part = torch.cat([whole, whole, whole], -1)[..., 74:148]
    outs, grads = with_grads(swiglu, [part])
    want_outs, want_grads = with_grads(swiglu, [whole])
    for got, want in zip(outs + grads, want_outs + want_grads, strict=True):
        assert got is not None and want is not None and relative(got, want) < 1e-15


def test_compile_export_autocast() -> None:
    for activation in ACTIVATIONS:
        compiles(swiglu, inputs(activation, torch.float32))
        exports(swiglu, inputs(activation, torch.float32))
    autocasts(swiglu, inputs(), low=[0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_training_keeps_the_input_alone(activation: str) -> None:
    """activation(gate) is computed again, where PyTorch's own gradient keeps it."""
    gate_up, _ = inputs()
    leaf = gate_up.requires_grad_()
    y = swiglu(leaf, activation)
    assert [saved.data_ptr() for saved in y.grad_fn.saved_tensors] == [leaf.data_ptr()]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_gradients_and_of_many(activation: str) -> None:
    """The plain gradient is written by hand: it can do what PyTorch's own could."""
    gate_up, _ = inputs(activation, width=2)
    leaf = gate_up.requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: swiglu(x, activation), [leaf])

    def total(row: Tensor) -> Tensor:
        found: Tensor = swiglu(row, activation).sin().sum()
        return found

    each = torch.func.vmap(torch.func.grad(total))(gate_up.detach()[0])
    (whole,) = torch.autograd.grad(total(leaf[0]), leaf)
    assert relative(each, whole[0]) < 1e-15
