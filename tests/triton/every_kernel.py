"""Every public function that has Triton kernels, with arguments of any size.

Those with the name of an operator stand in its `cases.py`; here are the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from starc import operators
from starc.reference.cases import cases_of
from starc.reference.kernel_cases import KernelCases

OF_OPERATORS = [
    kernel for kind in operators.NAMES if (kernel := cases_of(kind).kernel) is not None
]

(HEAD_DELTA,) = (kernel for kernel in OF_OPERATORS if kernel.name == "gated_delta")

FUNCTIONS = [
    *OF_OPERATORS,
    KernelCases(
        name="short_conv",
        shapes=lambda b, t, c, n: [(b, t, c), (c, 4), (c,), (b, 3, c), "silu"],
        timed=(0,),
        state=3,
        wide=(1, 2),
    ),
    KernelCases(
        name="linear_recurrence",
        shapes=lambda b, t, c, n: [(b, t, c), (b, t, c), (b, c)],
        timed=(0, 1),
        state=2,
        wide=(0,),
        twins="linear_recurrence",
        graph=4,
    ),
    replace(  # a decay for each channel
        HEAD_DELTA,
        name="channel_delta",
        shapes=lambda b, t, c, n: [
            *((b, t, 4, n), (b, t, 4, n), (b, t, 4, c), (b, t, 4, n), (b, t, 4)),
            (b, 4, n, c),
        ],
    ),
    # Left to Inductor in a graph.
    KernelCases(
        name="rotary",
        shapes=lambda b, t, c, n: [(b, 4, t, c), 3, 1e4],
        timed=(0,),
        graph=0,
    ),
    KernelCases(
        name="swiglu",
        shapes=lambda b, t, c, n: [(b, t, 2 * c)],
        timed=(0,),
        graph=0,
    ),
]


def leaves(arguments: Sequence[Any]) -> list[Any]:
    """The same memory and strides, with gradients."""
    return [
        a.detach().requires_grad_() if isinstance(a, Tensor) else a for a in arguments
    ]
