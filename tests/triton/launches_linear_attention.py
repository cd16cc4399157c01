"""Every configuration of kernels/linear_attention.py, and its options."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from sized_launches import sized_calls

KERNEL = "linear_attention"
SAMPLE = r"bfloat16|P=\d+ \w+$"  # every tile


def inputs(size: int, width: int, kind: torch.dtype, tokens: int) -> list[torch.Tensor]:
    q = torch.rand(1, tokens, 4, size, dtype=kind)
    k = torch.rand(1, tokens, 2, size, dtype=kind)
    return [q, k, torch.randn(1, tokens, 2, width, dtype=kind)]


def state(size: int, width: int) -> torch.Tensor:
    return torch.rand(1, 2, size, width + 1)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for normalize in (True, False):
        yield from sized_calls(
            partial(module.linear_attention, normalize=normalize),
            *(inputs, state),
            sizes=[(16, 16), (32, 32), (64, 64), (128, 128)],
            packed=(128, 128),
            unserved=[((128, 128), "float32")],
        )


def arguments() -> list[torch.Tensor]:
    return [*inputs(64, 64, torch.bfloat16, 64), state(64, 64)]
