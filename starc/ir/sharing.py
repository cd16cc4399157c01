"""Who owns and who uses the tensors of a resolved model."""

from collections.abc import Container
from functools import lru_cache

from starc.ir.nodes import Liv
from starc.ir.operator import Operator


@lru_cache(maxsize=4096)
def has_mixing_tensors(operator: Operator) -> bool:
    """Whether T(x) has tensors of its own besides those that make the features."""
    return any(p.featurizer and not p.group for p in operator.parameters)


def featurizer(operator: Operator) -> tuple[object, ...]:
    """The tensors that make T(x), which `weights from` shares, and what uses them."""
    tensors = ((p.name, p.shape) for p in operator.all_parameters() if p.featurizer)
    return operator.kind, operator.groups, tuple(tensors)


def owner(liv: Liv, weights: str, shared: Container[str]) -> str:
    """Whose copy of tensors `liv` uses that are written as those of LIV `weights`.

    Another LIV's copy only where pass share_weights made it the model's; without that
    pass every LIV has a copy of its own.
    """
    return weights if weights in shared else liv.label


def borrowed(liv: Liv) -> dict[str, list[str]]:
    """Label of each LIV whose features are taken over -> the groups of these."""
    found: dict[str, list[str]] = {}
    for feature in liv.features:
        if feature.borrowed:
            found.setdefault(feature.input, []).append(feature.group)
    return found


def weights_used(liv: Liv) -> set[str]:
    """The LIVs, itself included, with whose tensors `liv` computes."""
    used = {feature.weights for feature in liv.features if not feature.borrowed}
    if has_mixing_tensors(liv.operator):
        used.add(liv.mixing)
    return used
