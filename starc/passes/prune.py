"""prune: a parallel of one side is that side, with neither a sum nor a module."""

from starc.ir.nodes import Layer, Model, Parallel
from starc.passes.rebuild import changed, map_layers


def prune(model: Model) -> Model:
    """Unwraps parallels of one added side. The names are those of the side already."""
    return map_layers(model, _unwrap)


def _unwrap(layer: Layer) -> Layer:
    if isinstance(layer, Parallel) and layer.signs == (1,):
        (side,) = layer.sides
        if side.label == layer.label:
            return changed(side, residual=layer.residual)
    return layer
