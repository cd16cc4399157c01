"""prune: a parallel of one side is that side, with neither a sum nor a module."""

from starc.ir.nodes import Model, Parallel, Step
from starc.passes.rebuild import changed


def prune(model: Model) -> Model:
    """Unwraps parallels of one added side. The names are those of the side already."""
    body = tuple(map(_unwrap, model.body))
    if all(a is b for a, b in zip(body, model.body, strict=True)):
        return model
    return changed(model, body=body)


def _unwrap(step: Step) -> Step:
    if isinstance(step, Parallel) and step.signs == (1,):
        (side,) = step.sides
        if side.label == step.label:
            return changed(side, residual=step.residual)
    return step
