"""An emitted file in parts: what stood in another one too is read once a process."""

import ast
import re
from functools import cache

KERNELS = "\n\n\n# kernels/"
"""Begins the file of a kernel, of which each is vendored after the model."""
_BETWEEN = re.compile(r"\n\n\n(?=class |def |@)")


def parts(text: str) -> list[str]:
    """The head, a class or a function each, then a kernel's file each."""
    model, *kernels = text.split(KERNELS)
    return [*_BETWEEN.split(model), *(KERNELS + kernel for kernel in kernels)]


def parsed(text: str) -> list[ast.stmt]:
    """The statements of its top level. SyntaxError: it is no Python."""
    return [statement for part in parts(text) for statement in _parsed(part)]


@cache
def _parsed(part: str) -> list[ast.stmt]:
    return ast.parse(part).body
