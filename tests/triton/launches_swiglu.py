"""The kernel of kernels/swiglu.py: each activation and dtype, forward and backward."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "swiglu"


def training(module: Any, activation: str, kind: torch.dtype, width: int) -> None:
    gate_up = torch.randn(4, 2 * width, dtype=kind, requires_grad=True)
    y = module.swiglu(gate_up, activation)
    y.backward(torch.ones_like(y))


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for activation, dtype, width in itertools.product(
        ("silu", "gelu", "relu", "sigmoid"),
        ("bfloat16", "float16", "float32"),
        (1368, 4608),
    ):
        kind = getattr(torch, dtype)
        title = f"{activation} {dtype} F={width}"
        yield title, partial(training, module, activation, kind, width)


def graph(module: Any) -> Callable[..., Any]:
    return lambda gate_up: (module.swiglu(gate_up),)


def arguments() -> list[torch.Tensor]:
    return [torch.randn(2, 32, 16, requires_grad=True)]
