"""Which LIV gives what to which: the variant of every LIV, read off its features."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from starc.backend.features import Projection, projections
from starc.backend.mixers import Variant
from starc.ir.nodes import Feature, Layer, Liv, Model, Parallel, again, branches, lender

Value = tuple[str, str]
"""(label of the LIV that computes it, group or "input" for its normed input)."""


class Wiring:
    """What is lent, borrowed and shared in a model after the passes.

    lent: for the label of each module, what it returns besides its output; lent_out:
    without what only other branches of the same parallel take.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.whole = model.whole()
        self.shared = frozenset(model.shared)
        self._module = self._second_uses()
        self._wide = {liv.label for liv in model.livs() if liv.operator.reads}
        self._siblings = {
            branch.label: {other.label: other.stem for other in branches(layer)}
            for layer in self.whole.values()
            for branch in branches(layer)
        }
        # By identity: the model keeps its LIVs alive, and to hash one is slow.
        self._weight_arguments: dict[int, dict[str, str]] = {}
        self._foreign_inputs: dict[int, dict[Value, str]] = {}
        self.lent = self._lent(inside=True)
        self.lent_out = self._lent(inside=False)

    def _second_uses(self) -> dict[str, str]:
        """Label of a second use, or of a branch of it -> label of the LIV used."""
        found = {}
        for layer in self.model.layers():
            of = again(layer)
            if of:
                found[layer.label] = of
                for liv in self.module(layer).livs:
                    found[lender(layer, liv)] = liv.label
        return found

    def _lent(self, inside: bool) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = defaultdict(set)
        for liv in self.model.livs():
            for feature in liv.features:
                if feature.input == liv.label or not feature.input:
                    continue
                value = feature.group if feature.borrowed else self.read(liv, feature)
                if self.sibling(liv, feature.input) and not (
                    value != "input" and inside
                ):
                    continue
                found[self._module.get(feature.input, feature.input)].add(value)
        return {label: tuple(sorted(values)) for label, values in found.items()}

    def module(self, layer: Layer) -> Liv | Parallel:
        """The layer whose tensors this one has: another for `same as`."""
        return self.whole[layer.label]

    def sibling(self, liv: Liv, label: str) -> str:
        """The stem of another branch of the LIV's parallel, "" if it is none."""
        return self._siblings.get(liv.label, {}).get(label, "")

    def weight_arguments(self, liv: Liv) -> dict[str, str]:
        """The other LIVs with whose tensors it computes, and the argument for each."""
        found = self._weight_arguments.get(id(liv))
        if found is None:
            found = self._weight_arguments[id(liv)] = self._other_weights(liv)
        return found

    def _other_weights(self, liv: Liv) -> dict[str, str]:
        used = [f.weights for f in liv.features if not f.borrowed]
        if liv.operator.has_mixing_tensors:
            used.append(liv.mixing)
        labels = [x for x in dict.fromkeys(used) if x in self.shared and x != liv.label]
        if len(labels) == 1:
            return {labels[0]: "weights"}
        return {label: f"weights_{i}" for i, label in enumerate(labels, 1)}

    def projections(self, liv: Liv) -> list[Projection]:
        """What the LIV multiplies, in names of variables of its class."""
        arguments = self.weight_arguments(liv)
        labels = {feature.weights for feature in liv.features if feature.input}
        weights = {label: arguments.get(label, "self") for label in labels}
        foreign = self.foreign_inputs(liv)
        read = {}
        for f in liv.features:
            if not f.input:
                continue
            value = self.read(liv, f)
            own = "u" if value == "input" else value  # a sibling's input is one's own
            read[f.group] = foreign.get((f.input, value), own)
        return projections(liv, weights, read, self._wide)

    def read(self, liv: Liv, feature: Feature) -> str:
        """What a feature is projected from: "input", or a group, its source."""
        return liv.operator.group(feature.group).source or "input"

    def foreign_inputs(self, liv: Liv) -> dict[Value, str]:
        """What of other LIVs this one multiplies (share_features is off), and the
        argument for each: `u_1` for the first normed input, `x_2` for a feature."""
        found = self._foreign_inputs.get(id(liv))
        if found is None:
            found = self._foreign_inputs[id(liv)] = self._from_others(liv)
        return found

    def _from_others(self, liv: Liv) -> dict[Value, str]:
        found: dict[Value, str] = {}
        for f in liv.features:
            if f.borrowed or f.input == liv.label:
                continue
            value = self.read(liv, f)
            if (f.input, value) in found:
                continue
            if value == "input" and self.sibling(liv, f.input):
                continue
            letter = "u" if value == "input" else value
            found[f.input, value] = f"{letter}_{len(found) + 1}"
        return found

    def variant(self, liv: Liv, classes: Mapping[str, str]) -> Variant:
        """How the LIV gets its features; `classes`: those of the LIVs before it."""
        arguments = self.weight_arguments(liv)
        return Variant(
            projections=tuple(self.projections(liv)),
            mixing=arguments.get(liv.mixing, "self"),
            borrowed=tuple(f.group for f in liv.features if f.borrowed),
            embedded=tuple(f.group for f in liv.features if f.embedded),
            lent=self.lent.get(liv.label, ()),
            inputs=tuple(self.foreign_inputs(liv).values()),
            weights=tuple((name, classes[label]) for label, name in arguments.items()),
            lora=liv.operator.lora > 0,
        )

    def from_siblings(self, liv: Liv) -> dict[str, str]:
        """Argument -> what in the same parallel it is: a variable, or a module."""
        found = {}
        for feature in liv.features:
            stem = self.sibling(liv, feature.input)
            if feature.borrowed and stem:
                found[feature.group] = f"{stem}_{feature.group}"
        for (label, value), argument in self.foreign_inputs(liv).items():
            stem = self.sibling(liv, label)
            if stem:
                found[argument] = f"{stem}_{value}"
        for label, argument in self.weight_arguments(liv).items():
            stem = self.sibling(liv, label)
            if stem:
                found[argument] = f"self.{stem}"
        return found

    def values(self, liv: Liv) -> Iterator[Value]:
        """What the LIV is called with besides its normed input, siblings' left out.
        The label is "" of what comes of the embedding."""
        for label, value in self.foreign_inputs(liv):
            if not self.sibling(liv, label):
                yield label, value
        for feature in liv.features:
            if feature.borrowed and not self.sibling(liv, feature.input):
                yield feature.input, feature.group

    def owners(self, liv: Liv) -> list[str]:
        """Other LIVs whose modules it is called with, siblings left out."""
        labels = self.weight_arguments(liv)
        return [label for label in labels if not self.sibling(liv, label)]
