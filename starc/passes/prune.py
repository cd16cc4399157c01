"""prune: a parallel of one side is that side, with neither a sum nor a module."""

from typing import assert_never

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel
from starc.passes.rebuild import changed, map_layers


def prune(model: Model) -> Model:
    """Unwraps parallels of one added side. The names are those of the side already."""
    return map_layers(model, _unwrap)


def _unwrap(layer: Layer) -> Layer:
    match layer:
        case Parallel(sides=(side,), signs=(1,)) if side.label == layer.label:
            return changed(side, residual=layer.residual)
        case Liv() | Parallel() | Again():
            return layer
        case _:
            assert_never(layer)
