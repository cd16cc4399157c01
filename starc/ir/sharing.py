"""Who owns and who uses the tensors of a resolved model."""

from collections.abc import Container

from starc.ir.nodes import Liv


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
    if liv.operator.has_mixing_tensors:
        used.add(liv.mixing)
    return used
