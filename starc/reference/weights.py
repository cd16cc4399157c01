"""Random values for the tensors of a model."""

import math

import torch
from torch import Generator, Tensor

from starc.ir.init import InverseSoftplus, Normal, Trial, Uniform
from starc.ir.nodes import Model
from starc.ir.operator import Shape
from starc.ir.tensors import Key, parameters


def random_weights(model: Model, generator: Generator) -> dict[Key, Tensor]:
    """Leaves in float64 that require gradients, so chosen that each one matters.

    Projections keep the size of what they read, norms stand around 1, biases are not
    zero, decays forget within a few tokens to a few hundred: `Init.trial` of each.
    """
    return {
        key: _random(parameter.init.trial, parameter.shape, generator).requires_grad_()
        for key, parameter in parameters(model).items()
    }


def _random(trial: Trial, shape: Shape, generator: Generator) -> Tensor:
    """Both kinds of numbers are drawn, so that no tensor depends on another's kind."""
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    match trial:
        case Normal(mean, std, by_inputs):
            return mean + std * normal / (math.sqrt(shape[-1]) if by_inputs else 1.0)
        case Uniform(low, high):
            return low + (high - low) * uniform
        case InverseSoftplus(low, high):
            return _inverse_softplus(low * (high / low) ** uniform)


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))
