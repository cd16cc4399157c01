"""Calls of a chunked kernel: sizes that choose tiles, dtypes, packed, one token."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

Size = tuple[int, int]
KINDS = ("bfloat16", "float16", "float32")


def sized_calls(
    function: Callable[..., Any],
    inputs: Callable[[int, int, torch.dtype, int], list[Tensor]],
    state: Callable[[int, int], Tensor],
    sizes: Sequence[Size],
    packed: Size,
    unserved: Sequence[tuple[Size, str]] = (),
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Titles and calls function(*inputs, state): of one size with borders as well."""

    def training(size: Size, kind: torch.dtype) -> None:
        backward(function(*leaves(*size, kind), state(*size)))

    def with_borders(size: Size, kind: torch.dtype) -> None:
        borders = torch.tensor([0, 32, 64], dtype=torch.int32)
        backward(function(*leaves(*size, kind), None, cu_seqlens=borders))

    def leaves(*size_and_kind: Any) -> list[Tensor]:
        return [a.requires_grad_() for a in inputs(*size_and_kind, 64)]

    def backward(outputs: tuple[Tensor, Tensor]) -> None:
        y, last = outputs
        (y.float().sum() + last.sum()).backward()

    @torch.no_grad()
    def step(size: Size, kind: torch.dtype) -> None:
        function(*inputs(*size, kind, 1), state(*size))

    for size in sizes:
        for dtype in KINDS:
            if (size, dtype) in unserved:
                continue
            kind, title = getattr(torch, dtype), f"N={size[0]} P={size[1]} {dtype}"
            yield title, partial(training, size, kind)
            if size == packed:
                yield f"{title} packed", partial(with_borders, size, kind)
            yield f"{title} one token", partial(step, size, kind)
