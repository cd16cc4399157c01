"""Activations by the names that the IR uses, from their definitions."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def gelu(x: Tensor) -> Tensor:
    """The tanh form of arXiv 1606.08415, section 2."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.0)


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
    "relu": relu,
    "sigmoid": torch.sigmoid,
    "elu": elu_plus_one,  # as a feature map: elu + 1
    "none": identity,
}
