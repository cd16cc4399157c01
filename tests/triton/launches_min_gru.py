"""Every kernel of kernels/min_gru.py: whole, split and packed, a prompt, one token."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "min_gru"


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
                fused = torch.randn(1, length, 2 * 64, dtype=kind, requires_grad=True)
                h, last = module.min_gru(
                    *fused.chunk(2, -1),
                    torch.randn(1, 64, requires_grad=True) if state else None,
                    cu_seqlens=torch.tensor([0, length]) if packed else None,
                )
                torch.autograd.backward((h, last), (h + 1, last + 1))

            yield f"{title} {kind}", training

        def generating(length: int, kind: torch.dtype = kind) -> None:
            x, gate = torch.randn(2, length, 2 * 64, dtype=kind).chunk(2, -1)
            with torch.no_grad():
                module.min_gru(x, gate, torch.zeros(2, 64))

        yield f"prompt {kind}", partial(generating, 64)
        yield f"one token {kind}", partial(generating, 1)


def arguments() -> list[torch.Tensor]:
    fused = torch.randn(2, 512, 2 * 64, requires_grad=True)
    return [*fused.chunk(2, -1), torch.randn(2, 64, requires_grad=True)]
