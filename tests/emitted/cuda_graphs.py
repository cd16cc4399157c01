"""CUDA graphs without a GPU: what was done at the capture is done again, no more."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast
from unittest import mock

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode


class OnGpu(Tensor):
    """A tensor that says it is on a GPU; what is computed from it does not."""

    is_cuda = True
    __torch_function__ = cast(Any, torch._C._disabled_torch_function_impl)


class Graph:
    """Work on given memory, to be repeated; a capture only notes it."""

    replays = 0

    def __init__(self) -> None:
        self.work: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        type(self).replays += 1
        for operation, given, named, out in self.work:
            found = operation(*given, **named)
            for old, new in zip(
                pytree.tree_leaves(out), pytree.tree_leaves(found), strict=True
            ):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)  # views and changes in place are there


class Capture(TorchDispatchMode):
    def __init__(self, graph: Graph, stream: Any) -> None:
        """`stream` has to be given: torch keeps its own, of one device, for all."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = graph
        self.changed: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        assert operation is not torch.ops.aten._local_scalar_dense.default, "host sync"
        for argument, value in zip(operation._schema.arguments, given, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self.changed.append((value, value.clone()))
        out = operation(*given, **(named or {}))
        self.graph.work.append((operation, given, named or {}, out))
        return out

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)  # type: ignore[no-untyped-call]
        for tensor, before in reversed(self.changed):
            tensor.copy_(before)


@contextmanager
def without_gpu() -> Iterator[type[Graph]]:
    """In it `torch.cuda` makes and captures such graphs; yields their class."""
    Graph.replays = 0
    names: dict[str, Any] = {
        "CUDAGraph": Graph,
        "graph": Capture,
        "Stream": mock.Mock(),
    }
    quiet = ("current_stream", "stream", "device")
    names |= {name: mock.Mock(return_value=nullcontext()) for name in quiet}
    names["current_stream"] = mock.Mock()
    with mock.patch.multiple(torch.cuda, **names):
        yield Graph
