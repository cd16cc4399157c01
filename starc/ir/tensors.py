"""Every tensor of a model by (label, name), with its shape."""

from starc.ir.nodes import Liv, Model
from starc.ir.operator import Parameter, Shape

Key = tuple[str, str]


def tensors(model: Model) -> dict[Key, Shape]:
    """Every tensor that something in a resolved model uses, once, in order of depth.

    A key is (label of the layer or LIV, `Parameter.name`), for a residual's norms
    "norm.weight", "norm.bias" (LayerNorm), "post_norm.weight" (after the LIV), of a
    branch under its own label; "" is the model's label.
    What several LIVs share stands under its owner's label, what is of one use alone
    under that of the use.
    """
    return {key: parameter.shape for key, parameter in parameters(model).items()}


def parameters(model: Model) -> dict[Key, Parameter]:
    """The same with all that is known of each tensor."""
    found: dict[Key, Parameter] = {("", p.name): p for p in model.before}
    owners = {liv.label: liv for liv in model.livs()}
    for layer in model.made():
        for p in layer.around:
            found[layer.label, p.name] = p
        for liv in layer.livs:
            for p in liv.around:
                found[liv.label, p.name] = p
            found |= _liv(liv, owners)
    for label, streams in model.sections().items():
        found |= {(label, p.name): p for p in streams.parameters(model.width)}
    for label, adapters in model.adapters():
        found |= {(label, p.name): p for p in adapters}
    return found | {("", p.name): p for p in model.after}


def _liv(liv: Liv, owners: dict[str, Liv]) -> dict[Key, Parameter]:
    found: dict[Key, Parameter] = {}
    for feature in liv.features:
        if not feature.input:
            continue  # the model's
        for p in owners[feature.weights].operator.all_parameters():
            if p.group == feature.group:
                found[feature.weights, p.name] = p
    for p in liv.operator.all_parameters():
        if not p.group:
            found[liv.mixing if p.featurizer else liv.label, p.name] = p
    return found
