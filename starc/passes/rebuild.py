"""How a pass makes new nodes from old ones."""

from collections.abc import Callable
from typing import Any, TypeVar, assert_never

from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
)

Node = TypeVar("Node")


def changed(node: Node, **fields: Any) -> Node:
    """The node with some fields replaced.

    As dataclasses.replace, which checks and sets the fields one by one and takes four
    times as long: it would be most of the time of a pass.
    """
    new: Node = object.__new__(type(node))
    new.__dict__.update(node.__dict__)
    new.__dict__.update(fields)
    return new


def map_layers(model: Model, function: Callable[[Layer], Layer]) -> Model:
    """The model with `function` applied to every layer, in order of depth.

    It is the same object where no layer changed, so that nothing is verified twice.
    """
    body = _mapped(model.body, function)
    return model if body is model.body else changed(model, body=body)


def map_livs(model: Model, function: Callable[[Liv], Liv]) -> Model:
    """The same for every LIV, branches one by one."""

    def layer(layer: Layer) -> Layer:
        match layer:
            case Liv():
                return function(layer)
            case Parallel():
                branches = _kept(layer.branches, tuple(map(function, layer.branches)))
                same = branches is layer.branches
                return layer if same else changed(layer, branches=branches)
            case Again():
                return layer
            case _:
                assert_never(layer)

    return map_layers(model, layer)


def _mapped(
    steps: tuple[Step, ...], function: Callable[[Layer], Layer]
) -> tuple[Step, ...]:
    new: list[Step] = []
    for step in steps:
        match step:
            case Repeat():
                iterations = tuple(
                    _mapped(iteration, function) for iteration in step.iterations
                )
                same = _kept(step.iterations, iterations) is step.iterations
                new.append(step if same else changed(step, iterations=iterations))
            case Section():
                layers = _kept(step.body, tuple(map(function, step.body)))
                same = layers is step.body
                new.append(step if same else changed(step, body=layers))
            case Liv() | Again() | Parallel():
                new.append(function(step))
            case _:
                assert_never(step)
    return _kept(steps, tuple(new))


def _kept(old: tuple[Node, ...], new: tuple[Node, ...]) -> tuple[Node, ...]:
    """`old` itself where `new` holds the same objects."""
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new
