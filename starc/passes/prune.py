"""prune: a parallel of one branch is that branch, with neither a sum nor a module."""

from typing import assert_never

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel
from starc.ir.residual import BARE
from starc.passes.rebuild import changed, map_layers


def prune(model: Model) -> Model:
    """Unwraps parallels of one added branch, which has the name already."""
    return map_layers(model, _unwrap)


def _unwrap(layer: Layer) -> Layer:
    match layer:
        case Parallel(branches=(branch,), signs=(1,)) if branch.label == layer.label:
            assert branch.residual == BARE  # else it has a name of its own
            return changed(branch, residual=layer.residual)
        case Liv() | Parallel() | Again():
            return layer
        case _:
            assert_never(layer)
