"""Every configuration of kernels/gated_linear_attention.py, and its options."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from sized_launches import sized_calls

KERNEL = "gated_linear_attention"
SAMPLE = r"bfloat16|P=\d+ \w+$"  # every tile


def inputs(size: int, width: int, kind: torch.dtype, tokens: int) -> list[torch.Tensor]:
    q, k = torch.randn(2, 1, tokens, 4, size, dtype=kind)
    v = torch.randn(1, tokens, 4, width, dtype=kind)
    return [q, k, v, -torch.rand(1, tokens, 4, size)]


def state(size: int, width: int) -> torch.Tensor:
    return torch.randn(1, 4, size, width)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield from sized_calls(
        *(module.gated_linear_attention, inputs, state),
        sizes=[(16, 16), (32, 32), (64, 64), (128, 128)],
        packed=(128, 128),
    )


def arguments() -> list[torch.Tensor]:
    return [*inputs(64, 64, torch.bfloat16, 64), state(64, 64)]
