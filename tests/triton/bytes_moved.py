"""Bytes of memory that each kernel touches, counted by Triton's interpreter.

Distinct ones of a launch, read and written: what has to move if the cache holds what
several programs read. torch's own operations between launches are not seen.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from triton.runtime.interpreter import GridExecutor, InterpreterBuilder

from tests.triton.triton_checks import DEVICE, SLOW

by_interpreter = pytest.mark.skipif(
    DEVICE != "cpu" or not SLOW, reason="counted by the interpreter: make test-kernels"
)
BATCH, LENGTH = 8, 4096


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Yields a table that fills as kernels run: bytes by the name of a kernel."""
    table: dict[str, int] = {}
    touched: dict[str, list[Any]] = {"read": [], "written": []}
    builder, executor = InterpreterBuilder, GridExecutor
    load, store = builder.create_masked_load, builder.create_masked_store
    call = executor.__call__

    def addresses(pointers: Any, mask: Any) -> Any:
        size = pointers.get_element_ty().primitive_bitwidth // 8
        first = np.asarray(pointers.data)[np.asarray(mask.data)].ravel()
        return (first[:, None] + np.arange(size, dtype=first.dtype)).ravel()

    def counting_load(self: Any, pointers: Any, mask: Any, *rest: Any) -> Any:
        touched["read"].append(np.unique(addresses(pointers, mask)))
        return load(self, pointers, mask, *rest)

    def counting_store(
        self: Any, pointers: Any, value: Any, mask: Any, *rest: Any
    ) -> Any:
        touched["written"].append(np.unique(addresses(pointers, mask)))
        return store(self, pointers, value, mask, *rest)

    def counting_call(self: Any, *args: Any, **named: Any) -> Any:
        for seen in touched.values():
            seen.clear()
        out = call(self, *args, **named)
        name = self.fn.__name__
        moved = sum(len(np.unique(np.concatenate(s))) for s in touched.values() if s)
        table[name] = table.get(name, 0) + moved
        return out

    builder.create_masked_load = counting_load
    builder.create_masked_store = counting_store
    executor.__call__ = counting_call
    try:
        yield table
    finally:
        builder.create_masked_load, builder.create_masked_store = load, store
        executor.__call__ = call


def of(function: Callable[..., Any], *given: torch.Tensor) -> tuple[int, int]:
    """Bytes that its kernels move, forward and backward."""
    given = tuple(a.requires_grad_() for a in given)
    with counted() as forward:
        out = function(*given)
    with counted() as backward:
        torch.autograd.backward(out, [torch.zeros_like(o) for o in out])
    return sum(forward.values()), sum(backward.values())


def in_all(count: Callable[[int], tuple[int, int]]) -> list[float]:
    """Of count(tokens) of one sequence: linear, so two small ones give a large one."""
    few, more = count(256), count(512)
    tiles = LENGTH // 256
    return [
        BATCH * (one + (two - one) * (tiles - 1))
        for one, two in zip(few, more, strict=True)
    ]
