"""Emitted tensor -> the canonical tensors it is made of, one under the other."""

from starc.backend.features import Projection
from starc.backend.residuals import LORA
from starc.backend.tree import Tree
from starc.backend.wiring import Wiring
from starc.ir.nodes import Liv, Model
from starc.ir.operator import Operator, Parameter

Piece = tuple[str, str]
"""(label of the LIV that owns it, name of the parameter), as in starc.reference."""


def weight_map(
    model: Model, tree: Tree, wiring: Wiring, out_names: dict[str, str]
) -> dict[str, tuple[Piece, ...]]:
    """For each key of the emitted state dict: the pieces that torch.cat makes it of.

    `out_names`: label of a LIV -> name of its output projection.
    """
    found: dict[str, tuple[Piece, ...]] = {
        p.name: (("", p.name),) for p in model.before
    }
    for layer in model.made():
        path = tree.layers[layer.label]
        for parameter in layer.around:
            found[f"{path}_{parameter.name}"] = ((layer.label, parameter.name),)
        for liv in layer.livs:
            for parameter in liv.around:
                name = f"{tree.livs[liv.label]}_{parameter.name}"
                found[name] = ((liv.label, parameter.name),)
            found.update(_liv(liv, tree.livs[liv.label], wiring, out_names))
    for label, streams in model.sections().items():
        path = tree.layers[label]
        for parameter in streams.parameters(model.width):
            found[f"{path}_{parameter.name}"] = ((label, parameter.name),)
    for label, adapters in model.adapters():
        downs = tuple((label, p.name) for p in adapters if p.name.endswith("down"))
        ups = tuple((label, p.name) for p in adapters if p.name.endswith("up"))
        path = f"{tree.layers[label]}_{LORA}"
        found |= {f"{path}.down.weight": downs, f"{path}.up": ups}
    tied_bias = {"head.bias": "head_bias.weight"} if model.tied else {}
    last = {tied_bias.get(p.name, p.name): (("", p.name),) for p in model.after}
    return found | last


def _projection(
    prefix: str, projection: Projection, owner: dict[str, str], operator: Operator
) -> dict[str, tuple[Piece, ...]]:
    groups = projection.groups
    linear = f"{prefix}.{projection.linear}"
    found = {f"{linear}.weight": tuple((owner[g], f"{g}.weight") for g in groups)}
    if operator.biased(groups[0]) and not projection.made_of:
        found[f"{linear}.bias"] = tuple((owner[g], f"{g}.bias") for g in groups)
    if projection.step:
        (group,) = groups
        found[f"{prefix}.{projection.share}"] = ((owner[group], f"{group}.shift"),)
    found.update(_convolution(prefix, projection, owner, operator))
    return found


def _convolution(
    prefix: str, projection: Projection, owner: dict[str, str], operator: Operator
) -> dict[str, tuple[Piece, ...]]:
    convolved = projection.convolved
    if not convolved:
        return {}
    name = f"{prefix}.{projection.convolution}"
    found = {name: tuple((owner[g], f"{g}.conv.weight") for g in convolved)}
    if operator.convolution_bias:
        found[f"{name}_bias"] = tuple((owner[g], f"{g}.conv.bias") for g in convolved)
    return found


def _liv(
    liv: Liv, prefix: str, wiring: Wiring, out_names: dict[str, str]
) -> dict[str, tuple[Piece, ...]]:
    found: dict[str, tuple[Piece, ...]] = {}
    owner = {feature.group: feature.weights for feature in liv.features}
    held: set[str] = set()
    for projection in wiring.projections(liv):
        if projection.weights != "self":
            continue
        held.update(projection.groups)
        found.update(_projection(prefix, projection, owner, liv.operator))
    own_mixing = liv.mixing == liv.label or liv.mixing not in wiring.shared
    for parameter in liv.operator.parameters:
        if not parameter.featurizer:
            found[f"{prefix}.{parameter.name}"] = ((liv.label, parameter.name),)
        elif _held(parameter, held, own_mixing):
            source = owner[parameter.group] if parameter.group else liv.mixing
            found[f"{prefix}.{parameter.name}"] = ((source, parameter.name),)
    for parameter in liv.operator.output:
        group, dot, rest = parameter.name.partition(".")
        name = out_names[liv.label] if group == "out" else group
        found[f"{prefix}.{name}{dot}{rest}"] = ((liv.label, parameter.name),)
    return found


def _held(parameter: Parameter, held: set[str], own_mixing: bool) -> bool:
    return parameter.group in held if parameter.group else own_mixing
