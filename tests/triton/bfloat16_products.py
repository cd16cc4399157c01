"""bfloat16 in Triton's interpreter, as a GPU has it.

The interpreter keeps bfloat16 as 16-bit integers; it multiplies those, and it cuts off
where a GPU rounds to the nearest, which makes errors three times as large. Here
products take the values (a tensor core multiplies bfloat16 exactly and adds in
float32), and float32 is rounded.
"""

from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle


def _values(handle: Any) -> Any:
    if handle.dtype.scalar != tl.bfloat16:
        return handle.data
    return (handle.data.astype(np.uint32) << 16).view(np.float32)


def _create_dot(
    self: Any, a: Any, b: Any, d: Any, input_precision: Any, max_num_imprecise_acc: Any
) -> Any:
    out = np.matmul(_values(a), _values(b), dtype=d.data.dtype) + d.data
    return TensorHandle(out, d.dtype.scalar)


_cast = InterpreterBuilder.cast_impl


def _rounding_cast(self: Any, src: Any, dst_type: Any) -> Any:
    if src.dtype.scalar != tl.float32 or dst_type.scalar != tl.bfloat16:
        return _cast(self, src, dst_type)
    bits = np.ascontiguousarray(src.data).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16  # ties to even
    rounded = np.where(np.isnan(src.data), 0x7FC0, rounded)
    return TensorHandle(rounded.astype(np.uint16), tl.bfloat16)


InterpreterBuilder.create_dot = _create_dot
InterpreterBuilder.cast_impl = _rounding_cast
