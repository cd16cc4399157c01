"""Every kernel of kernels/selective_scan.py, for every tile: by number of states."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

KERNEL = "selective_scan"


def calls(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    for states in (2, 4, 8, 16, 32, 64):
        for kind in (torch.bfloat16, torch.float16, torch.float32):
            if kind == torch.float16 and states != 16:
                continue
            for title, length, packed in (
                ("whole", 64, False),
                ("split", 1024, False),
                ("packed", 64, True),
            ):
                if title != "whole" and states not in (2, 16):
                    continue

                def training(
                    kind: torch.dtype = kind,
                    states: int = states,
                    length: int = length,
                    packed: bool = packed,
                ) -> None:
                    x, dt = torch.randn(1, length, 2 * 256, dtype=kind).chunk(2, -1)
                    b, c = torch.randn(1, length, 2 * states, dtype=kind).chunk(2, -1)
                    y, last = module.selective_scan(
                        *(x.requires_grad_(), dt, torch.randn(256, states), b, c),
                        torch.randn(256),
                        (
                            torch.randn(1, 256, states, requires_grad=True)
                            if packed
                            else None
                        ),
                        cu_seqlens=torch.tensor([0, length]) if packed else None,
                    )
                    torch.autograd.backward((y, last), (y + 1, last + 1))

                yield f"N={states} {title} {kind}", training

        def generating(length: int, states: int = states) -> None:
            x, dt = torch.randn(2, length, 2 * 256).bfloat16().chunk(2, -1)
            b, c = torch.randn(2, length, 2 * states).bfloat16().chunk(2, -1)
            with torch.no_grad():
                module.selective_scan(
                    *(x, dt, torch.randn(256, states), b, c, torch.randn(256)),
                    torch.zeros(2, 256, states),
                )

        yield f"N={states} prompt", partial(generating, 64)
        yield f"N={states} one token", partial(generating, 1)


def arguments() -> list[torch.Tensor]:
    shapes = ((2, 1024, 64), (2, 1024, 64), (64, 16), (2, 1024, 16), (2, 1024, 16))
    return [
        torch.rand(*shape, requires_grad=True)
        for shape in (*shapes, (64,), (2, 64, 16))
    ]
