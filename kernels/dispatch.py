"""Whether a kernel runs in Triton or in plain PyTorch.

Triton runs on CUDA and HIP tensors in float32, bfloat16 or float16. The environment
variable STAR_KERNELS=off selects plain PyTorch everywhere. STAR_KERNELS=interpret
with TRITON_INTERPRET=1 runs the Triton kernels on CPU tensors, for tests: slowly. A
case on a GPU that the kernels do not serve runs in plain PyTorch and says why, once.
"""

import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

try:
    import triton
except ImportError:
    triton = None


Function = TypeVar("Function", bound=Callable[..., Any])

_reasons_given: set[tuple[str, str]] = set()


def _triton_lacks(version: str | None) -> str:
    """Why this Triton cannot compile the kernels; empty where it can."""
    if version is None:
        return "Triton is not installed"
    major, minor = (int(number) for number in version.split(".")[:2])
    return "" if (major, minor) >= (3, 3) else f"Triton {version} is older than 3.3"


_TRITON_LACKS = _triton_lacks(None if triton is None else triton.__version__)


def kernels_for(name: str, *tensors: Tensor | None, why_not: str = "") -> bool:
    """True where the Triton kernels of `name` are to run on these tensors.

    `why_not` is the caller's own reason against them, empty where there is none.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    mode = os.environ.get("STAR_KERNELS", "")
    if mode == "off" or torch.compiler.is_exporting():
        return False
    if any(tensor.device != given[0].device for tensor in given):
        return False  # PyTorch says so better
    if any(tensor.numel() == 0 for tensor in given):
        return False  # no tokens, or no rows: nothing to launch
    if given[0].is_cuda:
        why_not = why_not or _TRITON_LACKS or _device_lacks(given[0].get_device())
    elif mode != "interpret" or os.environ.get("TRITON_INTERPRET") != "1":
        return False
    for tensor in given:
        if tensor.dtype == torch.float64 and not why_not:
            why_not = "float64"
    if why_not:
        _say_once(name, why_not)
    return not why_not


def autograd(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """function.apply(*inputs); torch gives `apply` no types."""
    apply: Callable[..., Any] = function.apply
    return apply(*inputs)


def launch_on(tensor: Tensor) -> AbstractContextManager[object]:
    """Triton launches on the current device: make the tensor's device that one."""
    if tensor.is_cuda and not torch.compiler.is_compiling():
        return torch.cuda.device(tensor.device)
    return nullcontext()


def warp_group_products(tensor: Tensor) -> bool:
    """Whether four warps multiply together, from shared memory: tiles may be larger."""
    return not tensor.is_cuda or _capability(tensor.get_device()) in (9, 10)


def _constant(function: Function) -> Function:
    """torch.compile takes the result as it is; torch gives the decorator no types."""
    mark: Callable[[Function], Function] = torch.compiler.assume_constant_result
    return mark(function)


@_constant
def _capability(index: int) -> int:
    return torch.cuda.get_device_capability(index)[0]


@_constant
def _device_lacks(index: int) -> str:
    if torch.version.hip is None and torch.cuda.get_device_capability(index) < (8, 0):
        return "the GPU is older than compute capability 8.0"
    return ""


@_constant
def _say_once(name: str, why_not: str) -> None:
    if (name, why_not) not in _reasons_given:
        _reasons_given.add((name, why_not))
        warnings.warn(f"{name} runs in plain PyTorch: {why_not}", stacklevel=4)
