"""What decoding keeps of a scope, field by field: of its lines and of its loops."""

from typing import assert_never

from starc.backend.block_class import BlockClass
from starc.backend.code import Call, Expression, List
from starc.backend.crossing import Crossing
from starc.backend.paths import within
from starc.backend.states import KEPT, Kept, state_name
from starc.backend.tree import Blocks, Scope, Use, runs
from starc.ir.nodes import Liv, Parallel


def kept_of_line(crossing: Crossing, scope: Scope, use: Use, holder: str) -> list[Kept]:
    """What one line keeps: nothing, or the state of its LIV or parallel."""
    module = crossing.wiring.module(use.layer)
    made = crossing.classes.layers[module.label].made_of
    if not made.has_state:
        return []
    path = crossing.path_of(module.label, "")
    where = crossing.state_inputs[scope.path].get(path)
    where = where or within(holder, path.removeprefix(scope.path))
    match module:
        case Parallel():
            name = state_name(made.name)
            return [(use.name, name, Call(f"{name}.new", (where, "new")))]
        case Liv():
            return [(use.name, KEPT, Call("new", (where,)))]
        case _:
            assert_never(module)


def kept_of_blocks(
    crossing: Crossing,
    scope: Scope,
    step: Blocks,
    made: list[BlockClass],
    holder: str,
) -> list[Kept]:
    """What a loop keeps: a list of what its blocks do, "None" where one does not."""
    if not any(block.stateful for block in made):
        return []
    names = [state_name(b.name) if b.stateful else "None" for b in made]
    kind = f"list[{' | '.join(dict.fromkeys(names))}]"
    where = f"{holder}.{step.name}"
    inner = "inner" if holder == "block" else "block"
    given = [
        tuple(
            crossing.state_inputs[scope.path].get(path)
            or within(holder, path.removeprefix(scope.path))
            for path in crossing.state_inputs[iteration.path]
        )
        for iteration in step.iterations
    ]
    found = runs(list(zip(names, given, strict=True)))
    items: list[Expression] = []
    for (name, modules), start, stop in found:
        if name == "None":
            items += ["None"] * (stop - start)
        elif stop - start == 1:
            one = (f"{where}[{start}]", *modules, "new")
            items.append(Call(f"{name}.new", one))
        else:
            part = where if len(found) == 1 else f"{where}[{start}:{stop}]"
            each = f"for {inner} in {part}"
            new = Call(f"{name}.new", (inner, *modules, "new"))
            if len(found) == 1:
                return [(step.name, kind, List((new,), each))]
            items.append(f"*({new} {each})")
    return [(step.name, kind, List(tuple(items)))]
