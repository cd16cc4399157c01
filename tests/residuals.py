"""Residuals of models that tests build by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from starc.ir.nodes import Again, Liv, Loop, Parallel, Repeat, Section, Step
from starc.ir.residual import BARE, Norm, Residual, placed

S = TypeVar("S", bound=Step | Loop)


def around(step: S, residual: Residual) -> S:
    """The step with this residual around each layer that has none of its own said."""
    match step:
        case Liv():
            return replace(step, residual=_of(step, residual))
        case Parallel():
            branches = tuple(replace(branch, residual=BARE) for branch in step.branches)
            return replace(step, residual=_of(step, residual), branches=branches)
        case Section():
            layers = tuple(around(layer, residual) for layer in step.body)
            return replace(step, body=layers)
        case Loop():
            return replace(step, body=tuple(around(s, residual) for s in step.body))
        case Repeat():
            iterations = tuple(
                tuple(around(x, residual) for x in t) for t in step.iterations
            )
            return replace(step, iterations=iterations)
        case Again():
            return step
        case _:
            raise TypeError(step)


def settings_of(
    body: Sequence[Step | Loop],
    norm: Norm = Norm(),  # noqa: B008
    placement: str = "pre",
    scale: float = 1.0,
    **settings: Any,
) -> dict[str, Any]:
    """Fields of a Model in which every layer that says nothing else stands so."""
    residual = placed(placement, norm, scale)
    layers = tuple(around(step, residual) for step in body)
    return {"body": layers, "norm": norm, "residual": residual, **settings}


def _of(layer: Liv | Parallel, residual: Residual) -> Residual:
    return residual if layer.residual == Residual() else layer.residual
