"""Traces calls of one kernel file with torch.compile(fullgraph=True), without a GPU.

    python tests/triton/one_graph.py gated_conv ssd

A backend that receives graphs and runs nothing: what it receives has to be one graph
forward and one backward with the Triton kernels in them. Prints their number and that
of the kernels, for each name. `launches_<file>.py` gives the tensors,
`arguments()`, and `graph(module)` where it is not the public function.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Driver:
    """What the analysis of a kernel asks for: the GPU it is for."""

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


def trace(name: str) -> dict[str, int]:
    import torch
    import torch.utils._triton
    import triton
    from torch._dynamo.backends.common import aot_autograd

    from tests.triton.all_launches import launches_of

    # Without these Dynamo traces Triton's launcher, and takes all tensors for written.
    setattr(torch.utils._triton, "has_triton", lambda: True)  # noqa: B010
    triton.runtime.driver.set_active(Driver())
    calls = launches_of(name)
    module = importlib.import_module(f"kernels.{calls.KERNEL}")
    vars(module)["kernels_for"] = lambda name, *tensors, why_not="": not why_not
    torch._dynamo.reset()
    found = {"graphs": 0, "kernels": 0}

    def receive(graph: Any, inputs: Any) -> Any:
        found["graphs"] += 1
        nodes = [n for n in graph.graph.nodes if "triton_kernel" in str(n.target)]
        found["kernels"] += len(nodes)
        outputs = graph.graph.find_nodes(op="output")[0].args[0]
        metas = [None if o is None else o.meta["val"] for o in outputs]

        def zeros(args: list[Any]) -> list[Any]:
            return [None if m is None else torch.zeros(m.shape) for m in metas]

        zeros._boxed_call = True  # type: ignore[attr-defined]
        return zeros

    backend = aot_autograd(fw_compiler=receive, bw_compiler=receive)
    public = getattr(module, calls.KERNEL)
    graph = calls.graph(module) if hasattr(calls, "graph") else public
    compiled: Any = torch.compile(graph, fullgraph=True, backend=backend)
    outputs = compiled(*(a.requires_grad_() for a in calls.arguments()))
    torch.autograd.backward(outputs, [torch.ones_like(o) for o in outputs])
    return found


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1])]
    print(json.dumps({name: trace(name) for name in sys.argv[1:]}))
