"""Equality of structure: what a model computes, whatever its LIVs are called.

A structure is a plain value, so that equality of models is `==` of two of them, and a
set of them knows what was seen. Nothing of it is read off printed text.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import assert_never

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, sections, source
from starc.ir.operator import Operator
from starc.ir.residual import BARE, Norm, Residual
from starc.ir.streams import Streams
from starc.values import dataclass

Site = tuple[int, int]
"""A LIV of a model by its place: (layer in order of depth, branch)."""


@dataclass(frozen=True)
class LivStructure:
    """One LIV; LIVs that it shares with are told by their sites.

    operator: its place among the operators of the model, in order of first use.
    features: for each group where its weights are, and whose input it reads.
    mixing: where the tensors of the mixing are; None where it has none.
    residual: of a branch, what is its own, by its place among those of the model.
    """

    operator: int
    features: tuple[tuple[Site, Site], ...]
    mixing: Site | None
    residual: int | None = None


@dataclass(frozen=True)
class LayerStructure:
    """A layer: its residual, by its place among those of the model, and its LIVs.

    A parallel of one branch is that branch; a differential LIV is two, with signs.
    source: the LIV whose answer it reads.
    """

    residual: int
    signs: tuple[int, ...]
    livs: tuple[LivStructure, ...]
    source: Site | None = None


@dataclass(frozen=True)
class AgainStructure:
    """The layer of this place once more; source: the LIV whose answer it reads now."""

    of: int
    source: Site | None = None


@dataclass(frozen=True)
class Structure:
    """What a model computes from its tensors: equal structures, equal functions.

    stream: width, vocab, context and the settings before the first and after the last
    layer. layers: in order of depth. sections: of those that stand in the streams as
    one the first, and the one behind the last.
    """

    stream: tuple[int | float | bool | Norm | Streams | None, ...]
    operators: tuple[Operator, ...]
    residuals: tuple[Residual, ...]
    layers: tuple[LayerStructure | AgainStructure, ...]
    sections: tuple[tuple[int, int], ...] = ()

    @property
    def digest(self) -> str:
        """sha256 in hex: the same on every machine and in every process."""
        return sha256(repr(self).encode()).hexdigest()


def structure(model: Model) -> Structure:
    """The structure of a model, after resolve or any later pass.

    Labels, names of classes, places in the text and loops do not count. Nor does what
    the optional passes say, since they never change what is computed.
    """
    return _Reader(model).structure()


class _Reader:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.whole = model.whole()
        self.sites: dict[str, Site] = {"": (-1, 0)}  # the model's own
        self.operators: dict[Operator, int] = {}
        self.known: dict[int, int] = {}  # the same by identity, which is faster
        self.residuals: dict[Residual, int] = {}

    def structure(self) -> Structure:
        model = self.model
        layers = tuple(self.layer(*pair) for pair in enumerate(model.layers()))
        return Structure(
            (
                *(model.width, model.vocab, model.context, model.tied, model.norm),
                *(model.embedding_scale, model.logit_scale, model.logit_softcap),
                *(model.learned_positions, model.embedding_norm, model.head_bias),
                *(model.layer_vocab, model.streams),
            ),
            tuple(self.operators),
            tuple(self.residuals),
            layers,
            tuple(self.sections()),
        )

    def sections(self) -> Iterator[tuple[int, int]]:
        """As far as there are several streams."""
        if self.model.streams is None:
            return
        places = {layer.label: i for i, layer in enumerate(self.model.layers())}
        for section in sections(self.model.body):
            first = places[section.label]
            yield first, first + len(section.body)

    def layer(self, index: int, layer: Layer) -> LayerStructure | AgainStructure:
        read = self.sites[source(layer)] if source(layer) else None
        match layer:
            case Again():
                return AgainStructure(self.again(index, layer), read)
            case Liv() | Parallel():
                self.sites[layer.label] = index, 0
                for branch, liv in enumerate(layer.livs):
                    self.sites[liv.label] = index, branch
                residual = self.residual(layer.residual)
                livs = tuple(self.liv(liv, liv is not layer) for liv in layer.livs)
                return LayerStructure(residual, layer.signs, livs, read)
            case _:
                assert_never(layer)

    def again(self, index: int, again: Again) -> int:
        """The layer that it is once more; its LIVs have sites of their own."""
        self.sites[again.label] = index, 0
        for branch, liv in enumerate(self.whole[again.of].livs):
            self.sites[f"{again.label}.{liv.stem}"] = index, branch
        return self.sites[again.of][0]

    def liv(self, liv: Liv, branch: bool) -> LivStructure:
        operator = self.known.get(id(liv.operator))
        if operator is None:
            operators = self.operators
            operator = operators.setdefault(liv.operator, len(operators))
            self.known[id(liv.operator)] = operator
        sites = self.sites
        mixing = sites[liv.mixing] if liv.operator.has_mixing_tensors else None
        features = tuple((sites[f.weights], sites[f.input]) for f in liv.features)
        residual = (
            self.residual(liv.residual) if branch and liv.residual != BARE else None
        )
        return LivStructure(operator, features, mixing, residual)

    def residual(self, residual: Residual) -> int:
        return self.residuals.setdefault(residual, len(self.residuals))
