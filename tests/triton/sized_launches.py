"""Calls of a chunked kernel: sizes that choose tiles, dtypes, packed, one token."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from starc.reference.kernel_cases import KernelCases

KINDS = ("bfloat16", "float16", "float32")
Size = tuple[int, int]
Calls = Iterator[tuple[str, Callable[[], Any]]]


class SizedLaunches:
    """What a file `launches_*.py` has, made of the cases of an operator's kernel."""

    def __init__(self, kernel: KernelCases) -> None:
        self.KERNEL = kernel.name
        self.kernel = kernel

    def arguments(
        self,
        size: Size = (64, 64),
        kind: torch.dtype = torch.bfloat16,
        tokens: int = 64,
    ) -> list[Tensor]:
        """All of them, the state last."""
        states, channels = size
        return self.kernel.arguments(1, tokens, kind, channels, torch.float32, states)

    def calls(self, module: Any) -> Calls:
        """Titles and calls: every size and dtype, one size with borders as well."""
        tiles = self.kernel.tiles
        assert tiles is not None
        for options in tiles.options:
            function = partial(getattr(module, self.KERNEL), **options)
            for size in tiles.sizes:
                for dtype in KINDS:
                    if (size, dtype) not in tiles.unserved:
                        yield from self._of(function, size, dtype, size == tiles.packed)

    def _of(
        self, function: Callable[..., Any], size: Size, dtype: str, packed: bool
    ) -> Calls:
        kind, title = getattr(torch, dtype), f"N={size[0]} P={size[1]} {dtype}"

        def training() -> None:
            *inputs, state = self.arguments(size, kind)
            backward(function(*leaves(inputs), state))

        def with_borders() -> None:
            borders = torch.tensor([0, 32, 64], dtype=torch.int32)
            inputs = leaves(self.arguments(size, kind)[:-1])
            backward(function(*inputs, None, cu_seqlens=borders))

        @torch.no_grad()
        def step() -> None:
            function(*self.arguments(size, kind, 1))

        yield title, training
        if packed:
            yield f"{title} packed", with_borders
        yield f"{title} one token", step


def leaves(inputs: list[Tensor]) -> list[Tensor]:
    return [a.requires_grad_() for a in inputs]


def backward(outputs: tuple[Tensor, Tensor]) -> None:
    y, last = outputs
    (y.float().sum() + last.sum()).backward()
