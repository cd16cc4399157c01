"""Labels of the text as names in the emitted file, where any label must work."""

import re
from keyword import iskeyword

from starc.backend.reserved import RESERVED
from starc.ir.nodes import Again, Layer, Liv, Loop, Model, Parallel, Repeat, Step
from starc.passes.rebuild import changed

_BLOCKS = re.compile(r"blocks_\d+")
_WORDS = frozenset(word.rstrip("_") for word in RESERVED)


def safe(name: str) -> str:
    """The label, with one more `_` behind it where the emitted file uses the word.

    It depends on the label alone, so no other LIV changes it; no two labels become
    one, because those that end in `_` move on by one as well. So do those that end as
    the names of norms and of lists of blocks do: attn_norm, blocks_2.
    """
    word = name.rstrip("_")
    used = word in _WORDS or iskeyword(word) or word.endswith(("_norm", "_post"))
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
        layers = {layer.label: layer for layer in model.layers()}
        self.labels = {label: safe(label) for label in layers}
        for layer in layers.values():
            of = layers[layer.of] if isinstance(layer, Again) else layer
            if isinstance(of, Parallel):
                for side in of.sides:
                    self._side(layer, side)

    def _side(self, layer: Layer, side: Liv) -> None:
        """A second use has sides too, which are called as those it uses."""
        inside = f"{layer.label}.{side.stem}"
        if isinstance(layer, Again) or side.label == inside:
            self.labels[inside] = f"{self.labels[layer.label]}.{safe(side.stem)}"
        elif side.label != layer.label:
            self.labels[side.label] = safe(side.label)

    def step(self, step: Step) -> Layer | Repeat:
        if isinstance(step, Repeat):
            return Repeat(tuple(tuple(map(self.step, turn)) for turn in step.turns))
        assert not isinstance(step, Loop)
        return self.layer(step)

    def layer(self, layer: Layer) -> Layer:
        if isinstance(layer, Again):
            return changed(
                layer,
                stem=safe(layer.stem),
                label=self.labels[layer.label],
                of=self.labels[layer.of],
            )
        if isinstance(layer, Liv):
            return self.liv(layer, safe(layer.stem))
        sides = tuple(self.liv(side, safe(side.stem)) for side in layer.sides)
        return changed(
            layer, stem=safe(layer.stem), label=self.labels[layer.label], sides=sides
        )

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
        )
