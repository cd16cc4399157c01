"""`starc show --tree`: an architecture as it is written, with what each LIV costs."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from starc.ir.cost import Cost, Costs
from starc.ir.descriptions import around, name_of, sharing
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat, Step, iterations
from starc.numerals import shortened


def as_tree(model: Model, found: Costs) -> str:
    """A line for each LIV, and for each repeat with its first iteration."""
    costs = {layer.total.label: layer.total for layer in found.layers}
    lines = [f"{model.name}  {_numbers(found.total)}"]
    lines += _below(model, model.body, costs, "")
    return "\n".join(lines)


def _below(
    model: Model, steps: Sequence[Step], costs: dict[str, Cost], indent: str
) -> Iterator[str]:
    for step in steps:
        last = step is steps[-1]
        yield indent + ("└─ " if last else "├─ ") + _line(model, step, costs)
        inner: Sequence[Step] = ()
        match step:
            case Repeat():
                inner = iterations(step)[0]
            case Parallel():
                inner = step.branches
            case Liv() | Again():
                pass
            case _:
                assert_never(step)
        yield from _below(model, inner, costs, indent + ("   " if last else "│  "))


def _line(model: Model, step: Step, costs: dict[str, Cost]) -> str:
    if isinstance(step, Repeat):
        return f"{len(step.iterations)} x"
    found = [f"{step.label}: {_name(step)}"]
    whole = model.whole().get(step.label)
    said = [around(whole, model)] if whole is not None else []
    said += [] if isinstance(step, Parallel) else sharing(step)
    found += filter(None, said)
    if step.label in costs:
        found.append(_numbers(costs[step.label]))
    return "  ".join(found)


def _name(layer: Layer) -> str:
    return "" if isinstance(layer, Again) else name_of(layer)


def _numbers(cost: Cost) -> str:
    cache = f", {shortened(cost.cache_bytes, 'B')} cache" if cost.cache_bytes else ""
    return f"({shortened(cost.params)} parameters{cache})"
