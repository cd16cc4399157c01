"""share_features: take over what an earlier LIV computes anyway, do not compute it."""

from starc.ir.nodes import Liv, Model
from starc.passes.rebuild import changed, map_livs


def share_features(model: Model) -> Model:
    """Marks features of another LIV's input as borrowed; their projections go.

    After resolve, `input` is always the LIV that really computes the feature.
    """
    return map_livs(model, _borrow)


def _borrow(liv: Liv) -> Liv:
    label = liv.label
    features = liv.features
    if all(feature.input == label for feature in features):
        return liv
    features = tuple(
        changed(f, borrowed=True) if f.input != label else f for f in features
    )
    borrowed = {feature.group for feature in features if feature.borrowed}
    kept = tuple(p for p in liv.projections if not borrowed.intersection(p))
    return changed(liv, features=features, projections=kept)
