"""Every configuration of kernels/ssd.py: the sizes that choose tiles, and options."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from sized_launches import sized_calls

KERNEL = "ssd"
SAMPLE = r"bfloat16|P=\d+ \w+$"  # every tile


def inputs(size: int, width: int, kind: torch.dtype, tokens: int) -> list[torch.Tensor]:
    x = torch.randn(1, tokens, 4, width, dtype=kind)
    dt, a_log = torch.rand(1, tokens, 4), torch.randn(4)
    b, c = torch.randn(2, 1, tokens, 2, size, dtype=kind)
    return [x, dt, a_log, b, c, torch.randn(4)]


def state(size: int, width: int) -> torch.Tensor:
    return torch.randn(1, 4, width, size)


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield from sized_calls(
        *(module.ssd, inputs, state),
        sizes=[(16, 32), (32, 32), (64, 64), (128, 64), (128, 128), (256, 64)],
        packed=(128, 64),
        unserved=[((256, 64), "float16"), ((256, 64), "float32")],
    )


def arguments() -> list[torch.Tensor]:
    return [*inputs(64, 64, torch.bfloat16, 64), state(64, 64)]
