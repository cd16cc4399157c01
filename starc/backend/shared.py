"""What lines of a block have of other lines, in words."""

from collections.abc import Iterable, Iterator

from starc.backend.paths import short
from starc.backend.tree import Scope, Tree
from starc.backend.wiring import Wiring
from starc.ir.nodes import again
from starc.ir.sharing import borrowed


def sharing(scope: Scope, tree: Tree, wiring: Wiring) -> Iterator[str]:
    """`a and b are used again.`, `attn takes k, v from a.`: a sentence each."""

    def where(label: str) -> str:
        path = tree.livs.get(label)
        return short(path, ".") if path else label or "the embedding"

    uses = list(scope.uses())
    used = dict.fromkeys(where(of) for use in uses if (of := again(use.layer)))
    if used:
        yield f"{_enumerated(used)} {'are' if len(used) > 1 else 'is'} used again."
    for use in uses:
        if again(use.layer):
            continue
        for liv in wiring.module(use.layer).livs:
            name = (
                use.name if liv.label == use.layer.label else f"{use.name}.{liv.stem}"
            )
            for label, groups in borrowed(liv).items():
                yield f"{name} takes {', '.join(groups)} from {where(label)}."
            for label in wiring.weight_arguments(liv):
                yield f"{name} uses the featurizer weights of {where(label)}."


def _enumerated(words: Iterable[str]) -> str:
    """`a, b and c`"""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
