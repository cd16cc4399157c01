"""`starc show --tree`: an architecture as it is written, with what each LIV costs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from starc.ir.cost import Cost, Costs
from starc.ir.descriptions import around, inside, name_of, sharing
from starc.ir.nodes import (
    Again,
    Liv,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    branches,
    iterations,
)
from starc.numerals import shortened

COLUMNS = 80


def as_tree(model: Model, found: Costs) -> str:
    """Each LIV, and each repeat with its first iteration, within 80 columns."""
    costs = {layer.total.label: layer.total for layer in found.layers}
    lines = [f"{model.name}  {_numbers(found.total)}"]
    lines += _below(model, model.whole(), model.body, costs, "")
    return "\n".join(lines)


def _below(
    model: Model,
    whole: Mapping[str, Liv | Parallel],
    steps: Sequence[Step],
    costs: Mapping[str, Cost],
    indent: str,
) -> Iterator[str]:
    for step in steps:
        last = step is steps[-1]
        deeper = indent + ("   " if last else "│  ")
        inner: Sequence[Step] = ()
        match step:
            case Repeat():
                inner = iterations(step)[0]
            case Section() if len(step.body) == 1:
                (step,) = step.body
                inner = branches(step)
            case Section():
                inner = step.body
            case Parallel():
                inner = step.branches
            case Liv() | Again():
                pass
            case _:
                assert_never(step)
        more = deeper + ("│  " if inner else "   ")
        parts = _parts(model, whole, step, costs)
        first, *rest = _folded(parts, COLUMNS - len(more))
        yield indent + ("└─ " if last else "├─ ") + first
        yield from (more + line for line in rest)
        yield from _below(model, whole, inner, costs, deeper)


def _folded(parts: Sequence[str], room: int) -> list[str]:
    """Beside each other, on as many lines as they need."""
    lines = [parts[0]]
    for part in parts[1:]:
        beside = f"{lines[-1]}  {part}"
        if len(beside) <= room:
            lines[-1] = beside
        else:
            lines.append(part)
    return lines


def _parts(
    model: Model,
    whole: Mapping[str, Liv | Parallel],
    step: Step,
    costs: Mapping[str, Cost],
) -> list[str]:
    match step:
        case Repeat():
            return [f"{len(step.iterations)} x"]
        case Section():
            return ["block"]
        case Again():
            name, shared, stands = "", sharing(step), ""
        case Liv():
            name, shared, stands = name_of(step), sharing(step), inside(step)
        case Parallel():
            name, shared, stands = name_of(step), [], ""
        case _:
            assert_never(step)
    if step.label in whole:  # not a branch of a parallel
        stands = around(whole[step.label], model)
    found = [f"{step.label}: {name}".rstrip(), *filter(None, (stands, *shared))]
    if step.label in costs:
        found.append(_numbers(costs[step.label]))
    return found


def _numbers(cost: Cost) -> str:
    cache = f", {shortened(cost.cache_bytes, 'B')} cache" if cost.cache_bytes else ""
    return f"({shortened(cost.params)} parameters{cache})"
