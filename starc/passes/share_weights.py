"""share_weights: keep weights that several LIVs use once, as the model's own."""

from starc.ir.nodes import Model
from starc.ir.sharing import weights_used
from starc.passes.rebuild import changed


def share_weights(model: Model) -> Model:
    """Fills Model.shared with the owners, in order of depth.

    An owner always uses its own weights, so one other LIV makes them shared. A LIV that
    borrows a feature computes nothing with that feature's weights.
    """
    used_by_others: set[str] = set()
    for liv in model.livs():
        label = liv.label
        for feature in liv.features:
            if feature.weights != label:
                break
        else:
            if liv.mixing == label:
                continue
        used_by_others |= weights_used(liv) - {label}
    if not used_by_others:
        return model
    shared = (liv.label for liv in model.livs() if liv.label in used_by_others)
    return changed(model, shared=tuple(shared))
