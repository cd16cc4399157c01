"""Every configuration of kernels/short_conv.py, with and without its options."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "short_conv"


def training(module: Any, width: int, kind: torch.dtype, packed: bool) -> None:
    x = torch.randn(1, 32, 256, dtype=kind, requires_grad=True)
    weight = torch.randn(256, width, dtype=kind)
    bias = torch.randn(256, dtype=kind) if width != 4 else None
    state = torch.randn(1, width - 1, 256, dtype=kind) if width in (3, 16) else None
    y, final = module.short_conv(
        x,
        weight,
        bias,
        state,
        "silu" if width != 3 else None,
        cu_seqlens=torch.tensor([0, 32]) if packed else None,
    )
    outputs = [y] if state is None else [y, final]
    # not sum().backward(): its gradient is expanded, and its loads are not vectors
    torch.autograd.backward(outputs, [torch.ones_like(o) for o in outputs])


@torch.no_grad()
def step(module: Any, width: int, kind: torch.dtype) -> None:
    x, weight = torch.randn(2, 1, 256, dtype=kind), torch.randn(256, width, dtype=kind)
    bias = torch.randn(256, dtype=kind) if width != 4 else None
    module.short_conv(x, weight, bias, None, "silu" if width != 3 else None)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for width, dtype in itertools.product((2, 3, 4, 7, 8, 16), ("bfloat16", "float32")):
        kind, title = getattr(torch, dtype), f"K={width} {dtype}"
        yield title, partial(training, module, width, kind, False)
        if width in (4, 16):
            yield f"{title} packed", partial(training, module, width, kind, True)
        yield f"{title} one token", partial(step, module, width, kind)


def graph(module: Any) -> Callable[..., Any]:
    return lambda x, w, s, t: module.short_conv(x, w, t[:, 0], s, "silu")


def arguments() -> list[torch.Tensor]:
    sizes = [(2, 32, 8), (8, 4), (2, 3, 8), (8, 4)]
    return [torch.randn(size, requires_grad=True) for size in sizes]
