"""Which layers are equal but for their labels, as pass roll needs to know it."""

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel

Site = tuple[int, int]  # (layer, side)


class Alike:
    """What remains of each layer without its labels, as numbers that compare fast.

    kinds[i]: equal for layers that are equal but for labels and what they refer to.
    references[i]: the layers that layer i refers to besides itself, in a fixed order.
    ordinals[i]: the numbers in labels of the text; -1: no number, so it is in no loop.
    """

    def __init__(self, model: Model, layers: tuple[Layer, ...]) -> None:
        self.layers = layers
        self.shared = frozenset(model.shared)
        self.sites: dict[str, Site] = {}
        self.numbers: dict[object, int] = {}  # equal things get one number
        self.operators: dict[int, int] = {}  # the same by identity, which is faster
        self.kinds: list[int] = []
        self.references: list[tuple[int, ...]] = []
        self.ordinals: list[tuple[int, ...]] = []
        position = 0
        for index, layer in enumerate(layers):
            self.add(index, layer, position)
            position += not isinstance(layer, Again)

    def run(self, start: int, period: int, stop: int) -> int:
        """How many layers from `start` on are each like the one a period later.

        A reference must go to the corresponding layer of the same turn, or to one and
        the same layer before `start`.
        """
        kinds, references, ordinals = self.kinds, self.references, self.ordinals
        here = start
        while here + period < stop:
            there = here + period
            if kinds[here] != kinds[there]:
                break
            if ordinals[here] and not _count_up(ordinals[here], ordinals[there]):
                break
            if references[here]:
                turn = here - (here - start) % period
                pairs = zip(references[here], references[there], strict=True)
                if not all(
                    b == a + period if a >= turn else a == b and a < start
                    for a, b in pairs
                ):
                    break
            here += 1
        return here - start

    def number(self, thing: object) -> int:
        return self.numbers.setdefault(thing, len(self.numbers))

    def add(self, index: int, layer: Layer, position: int) -> None:
        references: list[int] = []
        ordinals: list[int] = []
        kind: object
        if isinstance(layer, Liv):
            self.sites[layer.label] = (index, 0)
            kind = self.liv(layer, references)
            _ordinal(layer, f"{layer.stem}_{position}", ordinals)
        elif isinstance(layer, Parallel):
            self.sites[layer.label] = (index, -1)
            for number, side in enumerate(layer.sides):
                self.sites[side.label] = (index, number)
                alone = side.label == layer.label  # a parallel of one side
                name = layer.label if alone else f"{layer.label}.{side.stem}"
                _ordinal(side, name, ordinals)
            sides = [self.liv(side, references) for side in layer.sides]
            _ordinal(layer, f"{layer.stem}_{position}", ordinals)
            what = (layer.stem, layer.name, layer.labelled, layer.signs, layer.fused)
            kind = (what, layer.residual, tuple(sides))
        else:
            kind = self.again(layer, index, references)
            if layer.labelled:
                _ordinal(layer, "", ordinals)
        self.kinds.append(self.number(kind))
        self.references.append(tuple(references))
        self.ordinals.append(tuple(ordinals))

    def again(self, again: Again, index: int, references: list[int]) -> object:
        target, side = self.sites[again.of]
        references.append(target)
        self.sites[again.label] = (index, side)
        layer = self.layers[target]
        if isinstance(layer, Parallel):
            for number, part in enumerate(layer.sides):
                self.sites[again.label + part.label[len(again.of) :]] = (index, number)
        return ("same as", side, again.labelled, again.stem if again.labelled else "")

    def liv(self, liv: Liv, references: list[int]) -> int:
        label = liv.label
        own = self.sites[label]
        parts: list[object] = []
        for feature in liv.features:
            if feature.weights == label == feature.input:
                continue
            for reference in (feature.weights, feature.input):
                parts.append(self.refer(reference, own, references))
            parts.append((feature.group, feature.borrowed))
        if liv.mixing != label:
            parts.append(self.refer(liv.mixing, own, references))
        operator = self.operators.get(id(liv.operator))
        if operator is None:
            operator = self.number(liv.operator)
            self.operators[id(liv.operator)] = operator
        return self.number(
            (
                operator,
                liv.name,
                liv.stem,
                liv.labelled,
                liv.residual,
                label in self.shared,
                liv.projections,
                tuple(parts),
            )
        )

    def refer(
        self, reference: str, own: Site, references: list[int]
    ) -> tuple[bool, int]:
        layer, side = self.sites[reference]
        if layer == own[0]:
            return True, side
        references.append(layer)
        return False, side


def _ordinal(node: Layer, unlabelled: str, ordinals: list[int]) -> None:
    """Adds the number of a label, or -1 where a loop could not give the label."""
    if node.labelled:
        stem, _, number = node.label.rpartition("_")
        fits = stem == node.stem and number.isdecimal()
        ordinals.append(int(number) if fits else -1)
    elif node.label != unlabelled:
        ordinals.append(-1)


def _count_up(ordinals: tuple[int, ...], next_ordinals: tuple[int, ...]) -> bool:
    pairs = zip(ordinals, next_ordinals, strict=True)
    return all(a >= 0 and b == a + 1 for a, b in pairs)
