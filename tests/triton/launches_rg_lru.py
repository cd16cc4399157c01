"""Every kernel of kernels/rg_lru.py: whole, split, packed, gated; prompt, one token."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "rg_lru"


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for kind in (torch.bfloat16, torch.float16, torch.float32):
        for title, length, gated, packed in (
            ("whole", 64, False, False),
            ("whole, gated", 64, True, False),
            ("split", 512, False, False),
            ("split, gated", 512, True, False),
            ("packed", 64, True, True),
        ):

            def training(
                kind: torch.dtype = kind,
                length: int = length,
                gated: bool = gated,
                packed: bool = packed,
            ) -> None:
                fused = torch.randn(1, length, 4 * 64, dtype=kind, requires_grad=True)
                x, i, r, gate = fused.chunk(4, -1)
                y, last = module.rg_lru(
                    *(x, i, r, torch.randn(64, requires_grad=True)),
                    torch.randn(1, 64, requires_grad=True) if packed else None,
                    gate if gated else None,
                    cu_seqlens=torch.tensor([0, length]) if packed else None,
                )
                torch.autograd.backward((y, last), (y + 1, last + 1))

            yield f"{title} {kind}", training

        def generating(length: int, kind: torch.dtype = kind) -> None:
            x, i, r, gate = torch.randn(2, length, 4 * 64, dtype=kind).chunk(4, -1)
            with torch.no_grad():
                module.rg_lru(x, i, r, torch.randn(64), torch.zeros(2, 64), gate)

        yield f"prompt {kind}", partial(generating, 64)
        yield f"one token {kind}", partial(generating, 1)


def arguments() -> list[torch.Tensor]:
    fused = torch.randn(2, 512, 4 * 64, requires_grad=True)
    x, i, r, gate = fused.chunk(4, -1)
    state = torch.randn(2, 64, requires_grad=True)
    return [x, i, r, torch.randn(64, requires_grad=True), state, gate]
