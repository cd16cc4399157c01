"""resolve: turn sharing as written into where every feature comes from."""

from typing import assert_never

from starc.ir.nodes import Again, Feature, Layer, Liv, Model, Parallel
from starc.passes.rebuild import changed, map_layers


def resolve(model: Model) -> Model:
    """Fills features, mixing and projections, one projection for each group.

    Chains end at the LIV that owns the weights, or that really computes the feature:
    if c2 has `weights from c1`, then `weights from c2` means c1's.
    """
    computed: dict[str, Liv] = {}  # label -> the LIV whose features it has
    groups_of: dict[int, tuple[str, ...]] = {}  # by identity: operators are shared

    def one(liv: Liv) -> Liv:
        names = groups_of.get(id(liv.operator))
        if names is None:
            names = tuple(group.name for group in liv.operator.groups)
            groups_of[id(liv.operator)] = names
        label, mixing = liv.label, liv.label
        if liv.weights_from:
            owner = computed[liv.weights_from]
            mixing = owner.mixing
            weights = {f.group: f.weights for f in owner.features}
            features = [Feature(n, weights[n] or label, label) for n in names]
        else:
            features = [Feature(name, label, label) for name in names]
        for group, reference in liv.features_from:
            taken = Feature(group, "", "", borrowed=True)  # of the embedding
            if reference:
                taken = _taken(group, reference, computed[reference])
            features[names.index(group)] = taken
        made_here = (feature.group for feature in features if feature.input)
        resolved = changed(
            liv,
            weights_from="",
            features_from=(),
            features=tuple(features),
            mixing=mixing,
            projections=tuple((name,) for name in made_here),
        )
        computed[label] = resolved
        return resolved

    branches: dict[str, tuple[str, ...]] = {}  # of a parallel: what follows its label

    def layer(layer: Layer) -> Layer:
        match layer:
            case Liv():
                return one(layer)
            case Parallel():
                start = len(layer.label)
                branches[layer.label] = tuple(
                    branch.label[start:] for branch in layer.branches
                )
                return changed(layer, branches=tuple(map(one, layer.branches)))
            case Again():
                # It computes the features anew: the same weights, its own input.
                for branch in branches.get(layer.of, ("",)):
                    computed[layer.label + branch] = computed[layer.of + branch]
                return layer
            case _:
                assert_never(layer)

    return map_layers(model, layer)


def _taken(group: str, reference: str, source: Liv) -> Feature:
    """The feature that is taken from `reference`, which computes as `source` does."""
    feature = source.feature(group)
    own_input = feature.input == source.label
    return Feature(group, feature.weights, reference if own_input else feature.input)
