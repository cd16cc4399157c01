"""Two repairs of Triton 3.9's interpreter, which numpy runs without a GPU."""

from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

from tests.triton import bfloat16_products  # noqa: F401

_splat = InterpreterBuilder.create_splat


def _splat_keeps_bool(self: Any, shape: Any, arg: Any) -> Any:
    """A comparison of numbers carries their dtype; as a mask it has to be a bool."""
    if arg.data.dtype == np.bool_:
        arg = TensorHandle(arg.data, tl.int1)
    return _splat(self, shape, arg)


InterpreterBuilder.create_splat = _splat_keeps_bool
