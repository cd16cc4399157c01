"""The tensors of a model by (label, name), and random values for them."""

import math

import torch
from torch import Generator, Tensor

from starc.ir.nodes import Again, Liv, Model
from starc.ir.operator import Shape

Key = tuple[str, str]


def tensors(model: Model) -> dict[Key, Shape]:
    """Every tensor that something in a resolved model uses, once, in order of depth.

    A key is (label of the layer or LIV, `Parameter.name`), for norms "norm.weight",
    "norm.bias" (LayerNorm), "post_norm.weight" (sandwich), and "" is the model's label.
    What several LIVs share stands under its owner's label.
    """
    found: dict[Key, Shape] = {("", "embedding.weight"): (model.vocab, model.width)}
    owners = {liv.label: liv for liv in model.livs()}
    for layer in model.layers():
        if isinstance(layer, Again):
            continue
        found |= _norm(model, layer.label, "norm")
        if model.norm.sandwich:
            found |= _norm(model, layer.label, "post_norm")
        for liv in (layer,) if isinstance(layer, Liv) else layer.sides:
            found |= _liv(liv, owners)
    found |= _norm(model, "", "norm")
    if not model.tied:
        found["", "head.weight"] = (model.vocab, model.width)
    return found


def _norm(model: Model, label: str, name: str) -> dict[Key, Shape]:
    kinds = ("weight", "bias") if model.norm.kind == "layer" else ("weight",)
    return {(label, f"{name}.{kind}"): (model.width,) for kind in kinds}


def _liv(liv: Liv, owners: dict[str, Liv]) -> dict[Key, Shape]:
    found: dict[Key, Shape] = {}
    for feature in liv.features:
        for p in owners[feature.weights].operator.all_parameters():
            if p.group == feature.group:
                found[feature.weights, p.name] = p.shape
    for p in liv.operator.all_parameters():
        if not p.group:
            found[liv.mixing if p.featurizer else liv.label, p.name] = p.shape
    return found


def random_weights(model: Model, generator: Generator) -> dict[Key, Tensor]:
    """Leaves in float64 that require gradients, so chosen that each one matters.

    Projections keep the size of what they read, norms stand around 1, biases are not
    zero, decays forget within a few tokens to a few hundred.
    """
    return {
        key: _random(key[1], shape, generator).requires_grad_()
        for key, shape in tensors(model).items()
    }


def _random(name: str, shape: Shape, generator: Generator) -> Tensor:
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    if "norm" in name and not name.endswith("bias"):
        return 1 + 0.2 * normal
    if name == "skip":
        return 0.5 + 0.5 * normal
    if name == "a_log":
        return 2 * uniform  # rates 1 to 7.4
    if name == "dt_bias":
        return _inverse_softplus(_logarithmic(uniform, 0.05, 0.8))  # steps
    if name == "decay":
        return _inverse_softplus(_logarithmic(uniform, 0.005, 0.3))  # -log(a) / 8 r
    if name.endswith("bias"):
        return 0.2 * normal
    if name == "dt_weight":
        return 0.5 * normal / math.sqrt(shape[-1])
    if name.endswith("conv.weight"):
        return 1.7 * normal / math.sqrt(shape[-1])  # silu, which often follows, halves
    if name == "embedding.weight":
        return 0.5 * normal
    return normal / math.sqrt(shape[-1])


def _logarithmic(uniform: Tensor, low: float, high: float) -> Tensor:
    """From [0, 1) to [low, high), evenly in the logarithm."""
    return low * (high / low) ** uniform


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))
