"""What tests try of an operator's kernel, if there is one of its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Launches of a kernel in chunks that ahead-of-time compilation tries.

    sizes: (states, channels) that choose tiles. packed: the one tried with borders.
    unserved: sizes with a dtype that take plain PyTorch instead. options: of the
    function, each tried with all of these.
    """

    sizes: tuple[tuple[int, int], ...]
    packed: tuple[int, int]
    unserved: tuple[tuple[tuple[int, int], str], ...] = ()
    options: tuple[dict[str, Any], ...] = ({},)


@dataclass(frozen=True, kw_only=True)
class KernelCases:
    """The public function of kernels/<name>.py, which has that name, with arguments.

    shapes: of the arguments for (batch, length, channels, states); what is no tuple is
        an argument itself.
    timed: places of arguments with time in dimension 1. state: the state's place.
    wide: places of arguments that stay in float32 beside bfloat16, as weights do.
    lowest: a place whose numbers start there instead of at 0.
    unit: places of arguments whose last axis has length 1.
    twins: tests/kernels/test_<twins>.py, where it has the twins of several functions.
    graph: Triton kernels in a compiled graph, forward and backward.
    """

    name: str
    shapes: Callable[[int, int, int, int], Sequence[Any]]
    timed: tuple[int, ...]
    state: int | None = None
    wide: tuple[int, ...] = ()
    lowest: tuple[int, float] = (0, 0.0)
    unit: tuple[int, ...] = ()
    twins: str = ""
    graph: int = 2
    tiles: Tiles | None = None

    def arguments(
        self,
        batch: int,
        length: int,
        dtype: torch.dtype = torch.float32,
        channels: int = 8,
        rest: torch.dtype | None = None,
        states: int = 16,
    ) -> list[Any]:
        """Random numbers from 0 to 1 of `dtype`, or of `rest` if kept wide."""
        torch.manual_seed(length)
        made: list[Any] = []
        for n, shape in enumerate(self.shapes(batch, length, channels, states)):
            made.append(shape)
            if isinstance(shape, tuple):
                kind = rest if rest and n in (*self.wide, self.state) else dtype
                start = self.lowest[1] if n == self.lowest[0] else 0.0
                numbers = torch.rand(shape) + start
                if n in self.unit:
                    numbers = F.normalize(numbers, dim=-1)
                made[n] = numbers.to(kind)
        return made
