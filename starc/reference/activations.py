"""Activations by the names that the IR uses, from their definitions."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def gelu(x: Tensor) -> Tensor:
    """The tanh form of arXiv 1606.08415, section 2."""
    return x * GATES["gelu"](x)


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.0)


def gelu_erf(x: Tensor) -> Tensor:
    """x times the share of a normal distribution below it."""
    return x * GATES["gelu_erf"](x)


def relu2(x: Tensor) -> Tensor:
    return relu(x) ** 2


def elu_plus_one(x: Tensor) -> Tensor:
    # expm1's argument is bounded so that the branch not taken has a finite gradient.
    return torch.where(x > 0, x + 1, torch.exp(x.clamp(max=0.0)))


def softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros_like(x))


def identity(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": silu,
    "gelu": gelu,
    "gelu_erf": gelu_erf,
    "relu": relu,
    "relu2": relu2,
    "sigmoid": torch.sigmoid,
    "elu": elu_plus_one,  # as a feature map: elu + 1
    "none": identity,
}

GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": torch.sigmoid,
    "gelu": lambda x: (
        0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "gelu_erf": lambda x: 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "relu": lambda x: (x > 0).to(x.dtype),
    "relu2": relu,
}
"""What an activation multiplies its argument with: activation(x) / x."""
