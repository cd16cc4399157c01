"""Every configuration of kernels/gated_conv.py, with and without its options."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "gated_conv"


def training(module: Any, width: int, kind: torch.dtype, packed: bool) -> None:
    bcx = torch.randn(1, 32, 3 * 256, dtype=kind, requires_grad=True)
    weight = torch.randn(256, width, dtype=kind)
    bias = torch.randn(256, dtype=kind) if width not in (3, 7) else None
    state = torch.randn(1, width - 1, 256, dtype=kind) if width in (4, 16) else None
    y, final = module.gated_conv_fused(
        bcx,
        weight,
        bias,
        state,
        width in (4, 8),
        cu_seqlens=torch.tensor([0, 32]) if packed else None,
    )
    outputs = [y] if state is None else [y, final]
    # not sum().backward(): its gradient is expanded, and its loads are not vectors
    torch.autograd.backward(outputs, [torch.ones_like(o) for o in outputs])


@torch.no_grad()
def step(module: Any, width: int, kind: torch.dtype) -> None:
    b, c, x = torch.randn(2, 1, 3 * 256, dtype=kind).chunk(3, -1)
    weight = torch.randn(256, width, dtype=kind)
    bias = torch.randn(256, dtype=kind) if width not in (3, 7) else None
    module.gated_conv(b, c, x, weight, bias, None, width in (4, 8))


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for width, dtype in itertools.product((2, 3, 4, 7, 8, 16), ("bfloat16", "float32")):
        kind, title = getattr(torch, dtype), f"K={width} {dtype}"
        yield title, partial(training, module, width, kind, False)
        if width in (3, 16):
            yield f"{title} packed", partial(training, module, width, kind, True)
        yield f"{title} one token", partial(step, module, width, kind)


def graph(module: Any) -> Callable[..., Any]:
    return lambda x, w, s, t: module.gated_conv_fused(x, w, t[:, 0], s, True)


def arguments() -> list[torch.Tensor]:
    sizes = [(2, 32, 24), (8, 3), (2, 2, 8), (8, 3)]
    return [torch.randn(size, requires_grad=True) for size in sizes]
