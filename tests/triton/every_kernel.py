"""Every public function that has Triton kernels, with arguments of any size.

A shape is a tuple; anything else is an argument itself. Arguments kept wide stay in
float32 beside bfloat16 activations, as weights do under autocast.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Function:
    """A public function of kernels/<name>.py, of the same name."""

    name: str
    shapes: Callable[[int, int, int], Sequence[Any]]
    timed: tuple[int, ...]
    state: int | None
    wide: tuple[int, ...] = ()
    lowest: tuple[int, float] = (0, 0.0)
    """An argument whose numbers start there instead of at 0."""
    twins: str = ""
    """tests/kernels/test_<twins>.py, where it has the twins of several functions."""

    def arguments(
        self,
        batch: int,
        length: int,
        dtype: torch.dtype = torch.float32,
        channels: int = 8,
        rest: torch.dtype | None = None,
    ) -> list[Any]:
        """Random numbers from 0 to 1 of `dtype`, or of `rest` if kept wide."""
        torch.manual_seed(length)
        made: list[Any] = []
        for n, shape in enumerate(self.shapes(batch, length, channels)):
            made.append(shape)
            if isinstance(shape, tuple):
                kind = rest if rest and n in (*self.wide, self.state) else dtype
                start = self.lowest[1] if n == self.lowest[0] else 0.0
                made[n] = (torch.rand(shape) + start).to(kind)
        return made


FUNCTIONS = [
    Function(
        "gated_conv",
        lambda b, t, c: [*[(b, t, c)] * 3, (c, 3), (c,), (b, 2, c)],
        *((0, 1, 2), 5, (3, 4)),
    ),
    Function(
        "short_conv",
        lambda b, t, c: [(b, t, c), (c, 4), (c,), (b, 3, c), "silu"],
        *((0,), 3, (1, 2)),
    ),
    Function(
        "linear_recurrence",
        lambda b, t, c: [(b, t, c), (b, t, c), (b, c)],
        *((0, 1), 2, (0,)),
        twins="linear_recurrence",
    ),
    Function(
        "rg_lru",
        lambda b, t, c: [*[(b, t, c)] * 3, (c,), (b, c)],
        *((0, 1, 2), 4, (3,)),
        twins="linear_recurrence",
    ),
    Function(
        "min_gru",
        lambda b, t, c: [(b, t, c), (b, t, c), (b, c)],
        *((0, 1), 2),
        twins="linear_recurrence",
    ),
    Function(
        "selective_scan",
        lambda b, t, c: [
            *((b, t, c), (b, t, c), (c, 16), (b, t, 16), (b, t, 16), (c,), (b, c, 16))
        ],
        *((0, 1, 3, 4), 6, (2, 5)),
    ),
    Function(
        "ssd",
        lambda b, t, c: [
            *((b, t, 4, c), (b, t, 4), (4,), (b, t, 2, 16), (b, t, 2, 16), (4,)),
            (b, 4, c, 16),
        ],
        *((0, 1, 3, 4), 6, (1, 2, 5)),
    ),
    Function(
        "gated_linear_attention",
        lambda b, t, c: [
            *((b, t, 4, 16), (b, t, 4, 16), (b, t, 4, c), (b, t, 4, 16)),
            (b, 4, 16, c),
        ],
        *((0, 1, 2, 3), 4, (3,), (3, -1.0)),
    ),
    Function(
        "linear_attention",
        lambda b, t, c: [(b, t, 4, 16), (b, t, 2, 16), (b, t, 2, c), (b, 2, 16, c + 1)],
        *((0, 1, 2), 3, (), (2, -0.5)),
    ),
    Function("rotary", lambda b, t, c: [(b, 4, t, c), 3, 1e4], (0,), None),
    Function("swiglu", lambda b, t, c: [(b, t, 2 * c)], (0,), None),
]


def leaves(arguments: Sequence[Any]) -> list[Any]:
    """The same memory and strides, with gradients."""
    return [
        a.detach().requires_grad_() if isinstance(a, Tensor) else a for a in arguments
    ]
