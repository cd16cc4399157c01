"""Every kernel of kernels/linear_recurrence.py: whole, split and packed, one token."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

KERNEL = "linear_recurrence"


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for kind in (torch.bfloat16, torch.float16, torch.float32):
        for title, length, state, packed in (
            ("whole", 64, False, False),
            ("split", 512, True, False),
            ("packed", 64, True, True),
        ):

            def training(
                kind: torch.dtype = kind,
                length: int = length,
                state: bool = state,
                packed: bool = packed,
            ) -> None:
                ab = torch.randn(1, length, 2 * 64, dtype=kind, requires_grad=True)
                h, last = module.linear_recurrence(
                    *ab.chunk(2, -1),
                    torch.randn(1, 64, requires_grad=True) if state else None,
                    cu_seqlens=torch.tensor([0, length]) if packed else None,
                )
                torch.autograd.backward((h, last), (h + 1, last + 1))

            yield f"{title} {kind}", training

        def step(kind: torch.dtype = kind) -> None:
            a, b = torch.randn(2, 1, 2 * 64, dtype=kind).chunk(2, -1)
            with torch.no_grad():
                module.linear_recurrence(a, b, torch.zeros(2, 64))

        yield f"one token {kind}", step


def arguments() -> list[torch.Tensor]:
    ab = torch.rand(2, 512, 2 * 64, requires_grad=True)
    return [*ab.chunk(2, -1), torch.randn(2, 64, requires_grad=True)]
