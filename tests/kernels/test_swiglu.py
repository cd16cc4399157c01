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
