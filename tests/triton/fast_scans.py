"""Scans and reductions of Triton's interpreter, by rows: it goes element by element."""

from typing import Any

import numpy as np
from triton.runtime import interpreter


def _tensor(operation: Any, values: Any, like: Any) -> Any:
    values = np.asarray(values, dtype=like.handle.data.dtype)
    return operation.to_tensor(values, like.dtype)


def _scan(self: Any, given: Any) -> Any:
    rows = [np.moveaxis(tensor.handle.data, self.axis, 0) for tensor in given]
    done = [np.empty_like(row) for row in rows]
    total = None
    for t in range(rows[0].shape[0]):
        new = tuple(_tensor(self, r[t], g) for r, g in zip(rows, given, strict=True))
        total = new if total is None else self.combine_fn.fn(*total, *new)
        total = total if isinstance(total, tuple) else (total,)
        for out, value in zip(done, total, strict=True):
            out[t] = value.handle.data
    return [
        _tensor(self, np.ascontiguousarray(np.moveaxis(out, 0, self.axis)), g)
        for out, g in zip(done, given, strict=True)
    ]


def _reduce(self: Any, given: Any) -> Any:
    if self.axis is None or self.keep_dims:
        return _slow_reduce(self, given)
    return [
        _tensor(self, np.take(out.handle.data, -1, self.axis), g)
        for out, g in zip(_scan(self, given), given, strict=True)
    ]


_slow_reduce = interpreter.ReduceOps.generic_reduce
interpreter.ScanOps.generic_scan = _scan
interpreter.ReduceOps.generic_reduce = _reduce
