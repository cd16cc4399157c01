"""Traces calls of many sizes with torch.compile(dynamic=True, fullgraph=True).

    python tests/triton/any_length.py gated_conv ssd

As one_graph.py does, without a GPU. Prints for each name how many graphs there are
after each call, forward and backward. A threshold between two ways to launch makes
two more; a size that is no symbol makes two more with every size.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SIZES = [(3, 64), (3, 65), (5, 70), (3, 130), (4, 33), (5, 200), (7, 600), (3, 2)]
"""Batch and length; no batch is one of the other sizes of the arguments."""


def trace(name: str) -> list[int]:
    import torch
    import torch.utils._triton
    import triton
    from torch._dynamo.backends.common import aot_autograd
    from torch._subclasses.fake_tensor import FakeTensorMode

    from tests.triton.every_kernel import FUNCTIONS, leaves
    from tests.triton.one_graph import Driver

    setattr(torch.utils._triton, "has_triton", lambda: True)  # noqa: B010
    triton.runtime.driver.set_active(Driver())
    (function,) = (f for f in FUNCTIONS if f.name == name)
    module: Any = importlib.import_module(f"kernels.{name}")
    module.kernels_for = lambda name, *tensors, why_not="": not why_not
    torch._dynamo.reset()
    graphs = 0

    def receive(graph: Any, inputs: Any) -> Any:
        nonlocal graphs
        graphs += 1

        def zeros(args: list[Any]) -> list[Any]:
            mode = FakeTensorMode(allow_non_fake_inputs=True)
            given = [
                mode.from_tensor(a) if isinstance(a, torch.Tensor) else a for a in args
            ]
            with mode:
                outs = graph(*given)
            return [
                (
                    torch.zeros(o.shape, dtype=o.dtype)
                    if isinstance(o, torch.Tensor)
                    else o
                )
                for o in outs
            ]

        zeros._boxed_call = True  # type: ignore[attr-defined]
        return zeros

    backend = aot_autograd(fw_compiler=receive, bw_compiler=receive)
    public = getattr(module, name)
    compiled: Any = torch.compile(public, fullgraph=True, dynamic=True, backend=backend)
    found = []
    for batch, length in SIZES:
        outs = compiled(*leaves(function.arguments(batch, length)))
        outs = outs if isinstance(outs, tuple) else (outs,)
        backward: Any = torch.autograd.backward  # without types in torch
        backward(outs, [torch.ones_like(out) for out in outs])
        found.append(graphs)
    return found


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1])]
    print(json.dumps({name: trace(name) for name in sys.argv[1:]}))
