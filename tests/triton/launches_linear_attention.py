"""Every configuration of kernels/linear_attention.py, and its options."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "linear_attention"
SAMPLE = r"bfloat16|P=\d+ \w+$"  # every tile


def inputs(size: int, width: int, kind: torch.dtype, tokens: int) -> list[torch.Tensor]:
    q = torch.rand(1, tokens, 4, size, dtype=kind)
    k = torch.rand(1, tokens, 2, size, dtype=kind)
    return [q, k, torch.randn(1, tokens, 2, width, dtype=kind)]


def training(
    module: Any, size: int, width: int, kind: torch.dtype, packed: bool
) -> None:
    given = [a.requires_grad_() for a in inputs(size, width, kind, 64)]
    state = None if packed else torch.rand(1, 2, size, width + 1)
    borders = torch.tensor([0, 32, 64], dtype=torch.int32) if packed else None
    for normalize in (True, False):
        y, last = module.linear_attention(*given, state, normalize, cu_seqlens=borders)
        (y.float().sum() + last.sum()).backward()


@torch.no_grad()
def step(module: Any, size: int, width: int, kind: torch.dtype) -> None:
    state = torch.rand(1, 2, size, width + 1)
    for normalize in (True, False):
        module.linear_attention(*inputs(size, width, kind, 1), state, normalize)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    kinds = ("bfloat16", "float16", "float32")
    sizes = [(16, 16), (32, 32), (64, 64), (128, 128)]
    for (size, width), dtype in itertools.product(sizes, kinds):
        if size == 128 and dtype == "float32":
            continue  # not served
        kind, title = getattr(torch, dtype), f"N={size} P={width} {dtype}"
        yield title, partial(training, module, size, width, kind, False)
        if size == 128:
            yield f"{title} packed", partial(training, module, size, width, kind, True)
        yield f"{title} one token", partial(step, module, size, width, kind)


def graph(module: Any) -> Callable[..., Any]:
    def call(*tensors: torch.Tensor) -> Any:
        return module.linear_attention(*tensors)

    return call


def arguments() -> list[torch.Tensor]:
    given = [*inputs(64, 64, torch.bfloat16, 64), torch.rand(1, 2, 64, 65)]
    return [a.requires_grad_() for a in given]
