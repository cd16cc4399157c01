"""Triton's interpreter, in less time: what it works out for each value, kept by type.

Numpy adds two blocks in a microsecond; around it the interpreter writes the name of
their type, its shape as constants, a table of all dtypes, and every check of an integer
as six operations on tensors. Nothing here changes what a kernel computes.
"""

from typing import Any

import numpy as np
import triton.language as tl
from triton.language.semantic import TritonSemantic
from triton.runtime import interpreter

_block_init, _tensor_init = tl.block_type.__init__, tl.tensor.__init__
_broadcast = TritonSemantic.broadcast_impl_value
_blocks: dict[Any, dict[str, Any]] = {}
_shapes: dict[Any, tuple[Any, Any]] = {}


def _block(self: Any, element_ty: Any, shape: Any) -> None:
    key = (element_ty.name, *(getattr(size, "value", size) for size in shape))
    if key not in _blocks:
        _block_init(self, element_ty, shape)
        _blocks[key] = dict(vars(self))
    vars(self).update(_blocks[key])
    self.element_ty = element_ty  # two kinds of pointers have one name


def _tensor(self: Any, handle: Any, type: Any) -> None:
    sizes = type.shape if type.is_block() else ()
    if sizes not in _shapes:
        _tensor_init(self, handle, type)
        _shapes[sizes] = self.shape, self.numel
    self.handle, self.type, self.dtype = handle, type, type.scalar
    self.shape, self.numel = _shapes[sizes]


def _broadcast_once(self: Any, lhs: Any, rhs: Any) -> Any:
    """As it is where both have one shape, which is copied otherwise."""
    if lhs.type.is_block() and rhs.type.is_block() and lhs.type.shape == rhs.type.shape:
        return lhs, rhs
    return _broadcast(self, lhs, rhs)


_numpy_of = interpreter._get_np_dtype
_numbers: dict[str, Any] = {}


def _numpy(kind: Any) -> Any:
    name = kind.scalar.name
    if name not in _numbers:
        _numbers[name] = _numpy_of(kind.scalar)
    return _numbers[name]


_EXACT = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def _overflow(self: Any, lhs: Any, rhs: Any, operation: Any) -> None:
    """A whole number beyond its bits is an error, which the interpreter works out and
    then does not say unless Triton is debugged."""
    kind = lhs.type.scalar
    if kind.int_bitwidth >= 64:
        return
    a, b = (side.handle.data.astype(np.int64) for side in (lhs, rhs))
    found = _EXACT[operation.__name__](a, b)
    least, most = kind.get_int_min_value(), kind.get_int_max_value()
    assert found.size == 0 or (found.min() >= least and found.max() <= most), (
        f"int{kind.int_bitwidth} overflow in {operation.__name__}"
    )


tl.block_type.__init__ = _block
tl.tensor.__init__ = _tensor
TritonSemantic.broadcast_impl_value = _broadcast_once
TritonSemantic.binary_op_sanitize_overflow_impl = _overflow
interpreter._get_np_dtype = _numpy
