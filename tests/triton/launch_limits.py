"""What the launches of functions grow with, without a GPU.

    python tests/triton/launch_limits.py gated_conv short_conv

Calls of many sizes, whose launches are written down instead of made. Prints the number
of compiled variants that a few typical lengths take, the kernels of which other lengths
would compile more, and the largest grid of a large batch and of a long sequence.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Alone and in a tile; whole and in parts; multiples of 16, on which Triton specialises.
TYPICAL = (1, 2, 16, 1000, 1024, 4096)
OTHERS = (
    *(3, 4, 5, 7, 31, 48, 63, 65, 127, 130, 151, 200, 255, 512, 777, 1134, 1500),
    *(2048, 3000, 4095),
)


def limits(name: str) -> dict[str, Any]:
    import torch

    from tests.triton.ahead_of_time import recorded
    from tests.triton.every_kernel import FUNCTIONS, leaves

    (function,) = (f for f in FUNCTIONS if f.name == name)
    module, made = recorded(name)
    public = getattr(module, name)

    def launched(batch: int, length: int) -> tuple[set[Any], list[tuple[int, ...]]]:
        """Training and generation with (batch, length)."""
        made.clear()
        with torch.device("meta"):  # shapes are all that a launch asks for
            args = function.arguments(
                batch, length, torch.bfloat16, 64, rest=torch.float32
            )
        with torch.no_grad():
            public(*args)
        outs = public(*leaves(args))
        outs = outs if isinstance(outs, tuple) else (outs,)
        torch.autograd.backward(outs, [torch.ones_like(o) for o in outs])
        return {launch for launch, _ in made}, [grid for _, grid in made]

    typical = set().union(*(launched(2, length)[0] for length in TYPICAL))
    lengths = OTHERS if os.environ.get("STAR_TEST_ALL") else OTHERS[::3]
    others = set().union(*(launched(2, length)[0] for length in lengths))
    grids = [*launched(70_000, 1)[1], *launched(1, 1_200_000)[1]]
    return {
        "variants": len(typical),
        "more": sorted(launch.kernel.__name__ for launch in others - typical),
        "grid": [
            max(axis) for axis in zip(*((*g, 1, 1)[:3] for g in grids), strict=True)
        ],
    }


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1])]
    print(json.dumps({name: limits(name) for name in sys.argv[1:]}))
