"""Which LIV gives what to which: the variant of every LIV, read off its features."""

from collections import defaultdict
from dataclasses import dataclass

from starc.backend.features import Projection, projections
from starc.backend.mixers import Variant
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat
from starc.ir.operator import Operator
from starc.ir.sharing import has_mixing_tensors


def key(label: str) -> str:
    """A label as a key of an nn.ModuleDict and as part of a variable: no dots."""
    return label.replace(".", "_")


@dataclass(frozen=True)
class Owner:
    """Tensors of a featurizer that belong to the model: `shared[label]`."""

    label: str
    operator: Operator
    projections: tuple[Projection, ...]
    with_mixing: bool


class Wiring:
    """What is lent, borrowed and shared in a model after the passes."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layers = {layer.label: layer for layer in model.layers()}
        self.shared = frozenset(model.shared)
        self._module = self._second_uses()
        self._siblings = {
            side.label: {other.stem: other.label for other in layer.sides}
            for layer in model.layers()
            if isinstance(layer, Parallel)
            for side in layer.sides
        }
        self.lent = self._lent(inside=True)
        self.lent_out = self._lent(inside=False)
        self.prefix = self._prefixes()
        self.owners = self._owners()

    def _second_uses(self) -> dict[str, str]:
        """Label of a second use, or of a side of it -> label of the LIV used."""
        found = {}
        for layer in self.layers.values():
            if isinstance(layer, Again):
                found[layer.label] = layer.of
                used = self.layers[layer.of]
                if isinstance(used, Parallel):
                    for side in used.sides:
                        found[_side(layer, side)] = side.label
        return found

    def _lent(self, inside: bool) -> dict[str, tuple[str, ...]]:
        """For the label of each module: what it returns besides its output.

        `inside`: also what only other sides of the same parallel take. The turns of a
        loop are one class, so they all return what one of them lends.
        """
        found: dict[str, set[str]] = defaultdict(set)
        for liv in self.model.livs():
            for feature in liv.features:
                if feature.input == liv.label:
                    continue
                if self._sibling(liv, feature.input) and not (
                    feature.borrowed and inside
                ):
                    continue
                value = feature.group if feature.borrowed else "input"
                found[self._module.get(feature.input, feature.input)].add(value)
        for step in self.model.body:
            if isinstance(step, Repeat):
                turns = [
                    [label for layer in turn for label in labels_of(layer)]
                    for turn in step.turns
                ]
                for labels in zip(*turns, strict=True):
                    every = set().union(*(found.get(label, ()) for label in labels))
                    found.update((label, every) for label in labels if every)
        return {label: tuple(sorted(values)) for label, values in found.items()}

    def _sibling(self, liv: Liv, label: str) -> str:
        """The stem of another side of the LIV's parallel, "" if it is none."""
        siblings = self._siblings.get(liv.label, {})
        return next((stem for stem, other in siblings.items() if other == label), "")

    def _prefixes(self) -> dict[str, str]:
        """What variables with lent values start with: the name as written in a loop."""
        found: dict[str, str] = {}
        for step in self.model.body:
            turns = step.turns if isinstance(step, Repeat) else ((step,),)
            for turn in turns:
                for layer in turn:
                    assert isinstance(layer, Layer)
                    looped = isinstance(step, Repeat)
                    name = layer.stem if looped else layer.label
                    found[layer.label] = name
                    used = self.layers[layer.of] if isinstance(layer, Again) else layer
                    if isinstance(used, Parallel):
                        for side in used.sides:
                            label = side.label if used is layer else _side(layer, side)
                            found[label] = f"{name}_{side.stem}"
        return found

    def _owners(self) -> dict[str, Owner]:
        users: dict[str, list[Liv]] = defaultdict(list)
        by_label: dict[str, Liv] = {}
        for liv in self.model.livs():
            by_label[liv.label] = liv
            owners = {f.weights for f in liv.features if not f.borrowed} | {liv.mixing}
            for owner in owners & self.shared:
                users[owner].append(liv)
        found = {}
        for label in self.model.shared:
            operator = by_label[label].operator
            groups: dict[tuple[str, ...], Projection] = {}
            for liv in users[label]:
                for projection in self._projections(liv):
                    feature = liv.feature(projection.groups[0])
                    if feature.weights == label:
                        groups[projection.groups] = projection
            order = [group.name for group in operator.groups]
            ordered = sorted(groups, key=lambda names: order.index(names[0]))
            mixing = any(liv.mixing == label for liv in users[label])
            found[label] = Owner(
                label, operator, tuple(groups[names] for names in ordered), mixing
            )
        return found

    def _sources(self, liv: Liv) -> list[str]:
        """The owners of shared tensors that a LIV uses, in order of use."""
        found = [f.weights for f in liv.features if not f.borrowed]
        found = [*found, liv.mixing] if has_mixing_tensors(liv.operator) else found
        return [label for label in dict.fromkeys(found) if label in self.shared]

    def weight_arguments(self, liv: Liv) -> dict[str, str]:
        """For each owner: the name of the argument that brings its tensors."""
        sources = self._sources(liv)
        if len(sources) == 1:
            return {sources[0]: "weights"}
        return {label: f"weights_{i}" for i, label in enumerate(sources, 1)}

    def _projections(self, liv: Liv) -> list[Projection]:
        arguments = self.weight_arguments(liv)
        labels = {feature.weights for feature in liv.features}
        weights = {label: arguments.get(label, "self") for label in labels}
        inputs = {f.input: "u" for f in liv.features}  # a sibling's is one's own
        for number, label in enumerate(self.foreign_inputs(liv), 1):
            inputs[label] = f"u_{number}"
        return projections(liv, weights, inputs)

    def foreign_inputs(self, liv: Liv) -> list[str]:
        """LIVs whose normed input this one multiplies (share_features is off)."""
        found = [
            f.input
            for f in liv.features
            if not f.borrowed
            and f.input != liv.label
            and not self._sibling(liv, f.input)
        ]
        return list(dict.fromkeys(found))

    def variant(
        self, liv: Liv, weights_classes: dict[str, str], projected: bool = False
    ) -> Variant:
        """How the LIV gets its features; `weights_classes`: of each owner."""
        arguments = self.weight_arguments(liv)
        return Variant(
            projections=tuple(self._projections(liv)),
            mixing=arguments.get(liv.mixing, "self"),
            borrowed=tuple(f.group for f in liv.features if f.borrowed),
            lent=self.lent.get(liv.label, ()),
            inputs=tuple(f"u_{n}" for n, _ in enumerate(self.foreign_inputs(liv), 1)),
            weights=tuple(
                (name, weights_classes[label]) for label, name in arguments.items()
            ),
            projected=projected,
        )

    def variable(self, lender: str, value: str) -> str:
        """The variable of the model's forward that holds a lent value."""
        return f"{self.prefix[lender]}_{value}"

    def from_siblings(self, liv: Liv) -> dict[str, str]:
        """Group -> stem of the side of the same parallel that computes it."""
        found = {
            f.group: self._sibling(liv, f.input) for f in liv.features if f.borrowed
        }
        return {group: stem for group, stem in found.items() if stem}

    def given(self, liv: Liv) -> list[tuple[str, str]]:
        """What a LIV is called with, as (kind, what): "value" and a variable, or
        "shared" and a label; in the order of Variant.given, siblings' values left out.
        """
        values = [
            ("value", self.variable(label, "input"))
            for label in self.foreign_inputs(liv)
        ]
        values += [
            ("value", self.variable(f.input, f.group))
            for f in liv.features
            if f.borrowed and not self._sibling(liv, f.input)
        ]
        return [*values, *(("shared", label) for label in self.weight_arguments(liv))]


def labels_of(layer: Layer) -> list[str]:
    """Labels of a layer and of its sides, in the same order in every turn of a loop."""
    sides = layer.sides if isinstance(layer, Parallel) else ()
    return [layer.label, *(side.label for side in sides)]


def _side(use: Layer, side: Liv) -> str:
    """The label of a side in a second use of its parallel."""
    return f"{use.label}.{side.stem}"
