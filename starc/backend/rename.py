"""Labels of the text as names in the emitted file, where any label must work."""

from keyword import iskeyword

from starc.backend.reserved import RESERVED
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat, Step
from starc.passes.rebuild import changed

_WORDS = frozenset(word.rstrip("_") for word in RESERVED)


def safe(name: str) -> str:
    """The label, with one more `_` behind it where the emitted file uses the word.

    It depends on the label alone, so no other LIV changes it; no two labels become
    one, because those that end in `_` move on by one as well.
    """
    word = name.rstrip("_")
    return f"{name}_" if word in _WORDS or iskeyword(word) else name


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
    """labels: label -> name; stems of sides: (label of the parallel, stem) -> stem."""

    def __init__(self, model: Model) -> None:
        layers = {layer.label: layer for layer in model.layers()}
        self.labels = {label: safe(label) for label in layers}
        self.stems: dict[tuple[str, str], str] = {}
        taken = {*self.labels.values(), *(safe(x.stem) for x in layers.values())}
        for layer in layers.values():
            of = layers[layer.of] if isinstance(layer, Again) else layer
            if isinstance(of, Parallel):
                for side in of.sides:
                    self._side(layer, of, side, taken)

    def _side(self, layer: Layer, of: Parallel, side: Liv, taken: set[str]) -> None:
        """Joined to its parallel's name by `_`, a side's must not be a LIV's."""
        if layer is not of:  # a second use: its sides are called as those it uses
            stem = self.stems[of.label, side.stem]
            label = f"{layer.label}.{side.stem}"
            self.labels[label] = f"{self.labels[layer.label]}.{stem}"
            return
        stem = safe(side.stem)
        while {f"{self.labels[of.label]}_{stem}", f"{safe(of.stem)}_{stem}"} & taken:
            stem += "_"
        self.stems[of.label, side.stem] = stem
        if side.label == f"{of.label}.{side.stem}":
            self.labels[side.label] = f"{self.labels[of.label]}.{stem}"
        elif side.label != of.label:
            self.labels[side.label] = safe(side.label)

    def step(self, step: Step) -> Step:
        if isinstance(step, Repeat):
            return Repeat(tuple(tuple(map(self.layer, turn)) for turn in step.turns))
        assert isinstance(step, Layer)
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
        sides = tuple(
            self.liv(side, self.stems[layer.label, side.stem]) for side in layer.sides
        )
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
