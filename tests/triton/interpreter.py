"""Repairs of Triton 3.9's interpreter, which numpy runs without a GPU; and haste."""

import inspect
from functools import cache
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

from tests.triton import bfloat16_products, interpreter_haste  # noqa: F401

_splat = InterpreterBuilder.create_splat


def _splat_keeps_bool(self: Any, shape: Any, arg: Any) -> Any:
    """A comparison of numbers carries their dtype; as a mask it has to be a bool."""
    if arg.data.dtype == np.bool_:
        arg = TensorHandle(arg.data, tl.int1)
    return _splat(self, shape, arg)


InterpreterBuilder.create_splat = _splat_keeps_bool


# A launch patches the names that its kernel sees, and so did each call of a function in
# it, again: two fifths of the time of a kernel with many small functions.
class _Everything:
    """Sees what kernels see, and the functions of Triton's own library."""

    __globals__ = {"tl": tl, "core": tl.core}


_patch = interpreter._patch_lang


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    return self.rewrite()(*args, **kwargs)


@cache
def _builtins(package: Any) -> list[tuple[str, Any]]:
    """Of a module or a class as it is without patches."""
    return [(n, m) for n, m in inspect.getmembers(package) if tl.core.is_builtin(m)]


def _patch_builtin(package: Any, builder: Any, scope: Any) -> None:
    for name, member in _builtins(package):
        interpreter._patch_attr(package, name, member, builder, scope)


interpreter._patch_lang = lambda kernel: _patch(_Everything)
interpreter._patch_builtin = _patch_builtin
interpreter.InterpretedFunction.__call__ = _call
