"""The tensors of a model by (label, name), and random values for them."""

import math

import torch
from torch import Generator, Tensor

from starc.ir.init import (
    EMBEDDING,
    LINEAR,
    InverseSoftplus,
    Normal,
    Trial,
    Uniform,
)
from starc.ir.nodes import Liv, Model
from starc.ir.operator import Parameter, Shape

Key = tuple[str, str]


def tensors(model: Model) -> dict[Key, Shape]:
    """Every tensor that something in a resolved model uses, once, in order of depth.

    A key is (label of the layer or LIV, `Parameter.name`), for a residual's norms
    "norm.weight", "norm.bias" (LayerNorm), "post_norm.weight" (after the LIV); "" is
    the model's label.
    What several LIVs share stands under its owner's label.
    """
    return {key: parameter.shape for key, parameter in parameters(model).items()}


def parameters(model: Model) -> dict[Key, Parameter]:
    """The same with all that is known of each tensor."""
    vocab = (model.vocab, model.width)
    embedding = Parameter("embedding.weight", vocab, EMBEDDING)
    found: dict[Key, Parameter] = {("", embedding.name): embedding}
    owners = {liv.label: liv for liv in model.livs()}
    for layer in model.made():
        for p in layer.residual.parameters(model.width):
            found[layer.label, p.name] = p
        for liv in layer.livs:
            found |= _liv(liv, owners)
    for p in model.norm.parameters("norm", model.width):
        found["", p.name] = p
    if not model.tied:
        found["", "head.weight"] = Parameter("head.weight", vocab, LINEAR)
    return found


def _liv(liv: Liv, owners: dict[str, Liv]) -> dict[Key, Parameter]:
    found: dict[Key, Parameter] = {}
    for feature in liv.features:
        for p in owners[feature.weights].operator.all_parameters():
            if p.group == feature.group:
                found[feature.weights, p.name] = p
    for p in liv.operator.all_parameters():
        if not p.group:
            found[liv.mixing if p.featurizer else liv.label, p.name] = p
    return found


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
