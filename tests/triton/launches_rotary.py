"""The kernel of kernels/rotary.py: heads of several sizes, turned and turned back."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "rotary"


def training(
    module: Any, kind: torch.dtype, heads: int, channels: int, dims: int
) -> None:
    q = torch.randn(2, 64, heads, channels, dtype=kind, requires_grad=True)
    y = module.rotary(q.transpose(1, 2), 0, 1e4, dims)
    y.backward(torch.ones_like(y))


def decode(module: Any, kind: torch.dtype, start: Any) -> None:
    with torch.no_grad():
        module.rotary(torch.randn(1, 16, 1, 64, dtype=kind), start, 1e4)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for dtype, (heads, channels, dims) in itertools.product(
        ("bfloat16", "float16", "float32"),
        ((16, 64, 64), (8, 64, 64), (32, 128, 128), (1, 256, 64), (4, 20, 20)),
    ):
        kind = getattr(torch, dtype)
        title = f"{dtype} H={heads} K={channels} dims={dims}"
        yield title, partial(training, module, kind, heads, channels, dims)
    for start in (5, torch.tensor([5])):
        yield f"one token at {start}", partial(decode, module, torch.bfloat16, start)


def graph(module: Any) -> Callable[..., Any]:
    return lambda x: (module.rotary(x, 3, 1e4),)


def arguments() -> list[torch.Tensor]:
    return [torch.randn(2, 4, 32, 16, requires_grad=True)]
