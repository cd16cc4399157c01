"""`layers` of the emitted file: what may be wrapped, in order of depth."""

from typing import assert_never

from starc.backend.code import Expression
from starc.backend.paths import item, within
from starc.backend.tree import Blocks, Border, Tree, Use
from starc.backend.wiring import Wiring
from starc.ir.nodes import again


def layers(tree: Tree, wiring: Wiring) -> list[Expression]:
    """Blocks, and LIVs outside of blocks, in order of depth, as expressions.

    Without those of whose inside others read weights: they cannot stand alone.
    """
    lent = set()
    for scope in tree.root.scopes():
        for use in scope.uses():
            here = item(scope.path + use.name)
            for liv in wiring.module(use.layer).livs:
                used = wiring.weight_arguments(liv)
                lent |= {item(tree.livs[label]) for label in used} - {here}
    found: list[Expression] = []
    for step in tree.root.steps:
        match step:
            case Use(layer, name):
                if not again(layer) and name not in lent:
                    found.append(f"model.{name}")
            case Blocks(name, iterations):
                paths = [each.path.removesuffix(".") for each in iterations]
                alone = [path for path in paths if item(path) not in lent]
                whole = alone == paths
                found += [within("model", path) for path in alone if not whole]
                found += [f"*model.{name}"] if whole else []
            case Border():
                pass
            case _:
                assert_never(step)
    return found
