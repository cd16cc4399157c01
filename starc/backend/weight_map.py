"""Emitted tensor -> the canonical tensors it is made of, one under the other."""

from starc.backend.features import Projection
from starc.backend.wiring import Owner, Wiring, key
from starc.ir.nodes import Again, Liv, Model, Parallel
from starc.ir.operator import Operator, Parameter

Piece = tuple[str, str]
"""(label of the LIV that owns it, name of the parameter), as in starc.reference."""


def weight_map(
    model: Model, wiring: Wiring, out_names: dict[str, str]
) -> dict[str, tuple[Piece, ...]]:
    """For each key of the emitted state dict: the pieces that torch.cat makes it of.

    `out_names`: kind of operator -> name of its output projection.
    """
    found: dict[str, tuple[Piece, ...]] = {
        "embedding.weight": (("", "embedding.weight"),)
    }
    for owner in wiring.owners.values():
        found.update(_owner(owner))
    for layer in model.layers():
        if isinstance(layer, Again):
            continue
        prefix = f"layers.{layer.label}"
        for parameter in layer.residual.parameters(model.width):
            found[f"{prefix}.{parameter.name}"] = ((layer.label, parameter.name),)
        if isinstance(layer, Liv):
            found.update(_liv(layer, f"{prefix}.mixer", wiring, out_names))
            continue
        for side in layer.sides:
            path = f"{prefix}.mixer.{side.stem}"
            found.update(_liv(side, path, wiring, out_names, layer.fused))
        if layer.fused:
            found.update(_fused(layer, f"{prefix}.mixer.in_proj"))
    for parameter in model.norm.parameters("norm", model.width):
        found[parameter.name] = (("", parameter.name),)
    if not model.tied:
        found["head.weight"] = (("", "head.weight"),)
    return found


def _owner(owner: Owner) -> dict[str, tuple[Piece, ...]]:
    prefix = f"shared.{key(owner.label)}"
    found = {}
    for projection in owner.projections:
        labels = {group: owner.label for group in projection.groups}
        found.update(_projection(prefix, projection, labels, owner.operator))
    held = {group for projection in owner.projections for group in projection.groups}
    for parameter in owner.operator.parameters:
        wanted = parameter.group in held if parameter.group else owner.with_mixing
        if parameter.featurizer and wanted:
            found[f"{prefix}.{parameter.name}"] = ((owner.label, parameter.name),)
    return found


def _projection(
    prefix: str, projection: Projection, owner: dict[str, str], operator: Operator
) -> dict[str, tuple[Piece, ...]]:
    groups = projection.groups
    linear = f"{prefix}.{projection.linear}"
    found = {f"{linear}.weight": tuple((owner[g], f"{g}.weight") for g in groups)}
    if operator.bias:
        found[f"{linear}.bias"] = tuple((owner[g], f"{g}.bias") for g in groups)
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
    liv: Liv,
    prefix: str,
    wiring: Wiring,
    out_names: dict[str, str],
    fused: bool = False,
) -> dict[str, tuple[Piece, ...]]:
    found: dict[str, tuple[Piece, ...]] = {}
    owner = {feature.group: feature.weights for feature in liv.features}
    held: set[str] = set()
    for projection in wiring.variant(liv, dict.fromkeys(wiring.shared, "")).projections:
        if projection.weights != "self":
            continue
        held.update(projection.groups)
        make = _convolution if fused else _projection
        found.update(make(prefix, projection, owner, liv.operator))
    own_mixing = liv.mixing not in wiring.shared
    for parameter in liv.operator.parameters:
        if not parameter.featurizer:
            found[f"{prefix}.{parameter.name}"] = ((liv.label, parameter.name),)
        elif _held(parameter, held, own_mixing):
            source = owner[parameter.group] if parameter.group else liv.mixing
            found[f"{prefix}.{parameter.name}"] = ((source, parameter.name),)
    for parameter in liv.operator.output:
        group, dot, rest = parameter.name.partition(".")
        name = out_names[liv.operator.kind] if group == "out" else group
        found[f"{prefix}.{name}{dot}{rest}"] = ((liv.label, parameter.name),)
    return found


def _held(parameter: Parameter, held: set[str], own_mixing: bool) -> bool:
    return parameter.group in held if parameter.group else own_mixing


def _fused(layer: Parallel, prefix: str) -> dict[str, tuple[Piece, ...]]:
    groups = [
        (side.feature(group).weights, group)
        for side in layer.sides
        for group in side.projections[0]
    ]
    found = {f"{prefix}.weight": tuple((label, f"{g}.weight") for label, g in groups)}
    if layer.sides[0].operator.bias:
        found[f"{prefix}.bias"] = tuple((label, f"{g}.bias") for label, g in groups)
    return found
