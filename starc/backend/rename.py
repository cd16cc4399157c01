"""Labels of the text as names in the emitted file, where any label must work."""

import re
from keyword import iskeyword
from typing import assert_never

from starc.backend.reserved import RESERVED
from starc.backend.tree import BRANCHED
from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    again,
    branches,
)
from starc.passes.rebuild import changed

_BLOCKS = re.compile(r"blocks_\d+")
_ENDS = (
    *("_norm", "_post", "_input", "_scale", "_skip", "_plus", "_lora", "_streams"),
    BRANCHED,
)
_WORDS = frozenset(word.rstrip("_") for word in RESERVED)


def safe(name: str) -> str:
    """The label, with one more `_` behind it where the emitted file uses the word.

    It depends on the label alone, so no other LIV changes it; no two labels become
    one, because those that end in `_` move on by one as well. So do those that end as
    the names of norms, of factors, of parallels and of lists of blocks do: attn_norm,
    attn_parallel, blocks_2.
    """
    word = name.rstrip("_")
    used = word in _WORDS or iskeyword(word) or word.endswith(_ENDS)
    return f"{name}_" if used or _BLOCKS.fullmatch(word) else name


def renamed(model: Model) -> tuple[Model, dict[str, str]]:
    """The model with safe labels, and for each new label that of the text."""
    names = _Names(model)
    if all(label == name for label, name in names.labels.items()):
        return model, {}
    new = changed(
        model,
        body=tuple(names.step(step) for step in model.body),
        shared=tuple(names.labels[label] for label in model.shared),
    )
    return new, {name: label for label, name in names.labels.items()}


class _Names:
    """labels: label -> name."""

    def __init__(self, model: Model) -> None:
        whole = model.whole()
        self.labels = {label: safe(label) for label in ("", *whole)}
        for layer in model.layers():
            for branch in branches(whole[layer.label]):
                self._branch(layer, branch)

    def _branch(self, layer: Layer, branch: Liv) -> None:
        """A second use has branches too, which are called as those it uses."""
        inside = f"{layer.label}.{branch.stem}"
        if again(layer) or branch.label == inside:
            self.labels[inside] = f"{self.labels[layer.label]}.{safe(branch.stem)}"
        elif branch.label != layer.label:
            self.labels[branch.label] = safe(branch.label)

    def step(self, step: Step) -> Step:
        match step:
            case Repeat():
                iterations = (
                    tuple(map(self.step, iteration)) for iteration in step.iterations
                )
                return Repeat(tuple(iterations))
            case Section():
                layers = [self.layer(layer) for layer in step.body]
                return changed(step, body=tuple(layers))
            case Liv() | Again() | Parallel():
                return self.layer(step)
            case _:
                assert_never(step)

    def layer(self, step: Layer) -> Layer:
        match step:
            case Again():
                return changed(
                    step,
                    stem=safe(step.stem),
                    label=self.labels[step.label],
                    of=self.labels[step.of],
                    source=self.labels[step.source] if step.source else "",
                )
            case Liv():
                return self.liv(step, safe(step.stem))
            case Parallel():
                new = tuple(self.liv(x, safe(x.stem)) for x in step.branches)
                label = self.labels[step.label]
                return changed(step, stem=safe(step.stem), label=label, branches=new)
            case _:
                assert_never(step)

    def liv(self, liv: Liv, stem: str) -> Liv:
        features = tuple(
            changed(f, weights=self.labels[f.weights], input=self.labels[f.input])
            for f in liv.features
        )
        return changed(
            liv,
            stem=stem,
            label=self.labels[liv.label],
            features=features,
            mixing=self.labels.get(liv.mixing, liv.mixing),
            source=self.labels[liv.source] if liv.source else "",
        )
