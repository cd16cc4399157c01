"""How a pass makes new nodes from old ones."""

from collections.abc import Callable
from typing import Any, TypeVar

from starc.ir.nodes import Liv, Loop, Model, Parallel, Repeat, Step

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


def map_livs(model: Model, function: Callable[[Liv], Liv]) -> Model:
    """The flat model with `function` applied to every LIV, sides one by one.

    It is the same object where no LIV changed, so that nothing is verified twice.
    """
    body: list[Step] = []
    same = True
    for step in model.body:
        new: Step
        if isinstance(step, Liv):
            new = function(step)
        elif isinstance(step, Parallel):
            sides = tuple(map(function, step.sides))
            kept = all(a is b for a, b in zip(sides, step.sides, strict=True))
            new = step if kept else changed(step, sides=sides)
        elif isinstance(step, (Loop, Repeat)):
            raise TypeError("map_livs() needs a flat model")
        else:
            new = step
        same = same and new is step
        body.append(new)
    return model if same else changed(model, body=tuple(body))
