"""Bytes of memory that each kernel touches, counted by Triton's interpreter.

Distinct ones of a launch, read and written: what has to move if the cache holds what
several programs read. torch's own operations between launches are not seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from triton.runtime.interpreter import GridExecutor, InterpreterBuilder


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
