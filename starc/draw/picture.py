"""What a picture of an architecture shows: columns in order, and arcs between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from starc.ir.descriptions import around, described, inside, name_of, sources
from starc.ir.nodes import (
    Layer,
    Liv,
    Model,
    Parallel,
    again,
    flat,
    iterations,
    sections,
)

WEIGHTS, FEATURES, AGAIN = "weights", "features", "again"


@dataclass(frozen=True)
class Box:
    """A LIV, or a branch of a parallel.

    `kind`: of operator; `name`: of class; `written`: the same as the text names it.
    """

    kind: str
    name: str
    written: str
    label: str
    settings: str = ""
    sign: int = 1


@dataclass(frozen=True)
class Column:
    """A layer. `differential`: its boxes are a and b of a - b, and `name` is the LIV's.

    `again`: label of the layer that this one is once more. `residual`: what stands
    around it, where that is not as in the rest of the model.
    """

    name: str
    written: str
    label: str
    boxes: tuple[Box, ...]
    differential: bool = False
    again: str = ""
    residual: str = ""


@dataclass(frozen=True)
class Arc:
    """`taken` ("weights", "k, v", "all") goes from column `source` to `target`."""

    source: int
    target: int
    kind: str
    taken: str


@dataclass(frozen=True)
class Bracket:
    """Columns `first` to `last` stand `times` times."""

    first: int
    last: int
    times: int


@dataclass(frozen=True)
class Picture:
    """Of each repeat one iteration is shown. blocks: in the streams as one."""

    columns: tuple[Column, ...]
    arcs: tuple[Arc, ...]
    brackets: tuple[Bracket, ...]
    blocks: tuple[Bracket, ...] = ()


def picture(model: Model, rolled: bool = True) -> Picture:
    """Of a resolved model. `rolled`: the outer loops of the text are brackets."""
    drawn: list[Layer] = []
    places: dict[str, int] = {}  # of layers and branches of all iterations
    brackets: list[Bracket] = []
    blocks: list[Bracket] = []
    for step in model.body:
        parts = [tuple(flat(x)) for x in (iterations(step) if rolled else ((step,),))]
        first = len(drawn)
        drawn.extend(parts[0])
        for part in parts:
            for place, layer in enumerate(part, start=first):
                places.update((label, place) for label in _labels(layer))
        shown = iterations(step)[0] if rolled else (step,)
        for section in sections(shown):
            start, stop = places[section.label], places[section.body[-1].label]
            if stop > start:
                blocks.append(Bracket(start, stop, 1))
        if len(parts) > 1:
            brackets.append(Bracket(first, len(drawn) - 1, len(parts)))
    layers = {layer.label: layer for layer in model.layers()}
    whole = model.whole()
    columns = tuple(_column(layer, whole[layer.label], model) for layer in drawn)
    arcs = dict.fromkeys(chain.from_iterable(_arcs(x, places) for x in layers.values()))
    return Picture(columns, tuple(arcs), tuple(brackets), tuple(blocks))


def _labels(layer: Layer) -> Iterator[str]:
    yield layer.label
    yield from (liv.label for liv in layer.livs)


def _column(layer: Layer, made: Liv | Parallel, model: Model) -> Column:
    """`made`: the layer itself, or the one that it is once more."""
    pairs = zip(made.livs, made.signs, strict=True)
    return Column(
        made.name,
        name_of(made),
        layer.label,
        tuple(
            _box(liv, "" if liv is made else inside(liv), sign) for liv, sign in pairs
        ),
        -1 in made.signs,
        again(layer),
        around(made, model),
    )


def _box(liv: Liv, own: str, sign: int = 1) -> Box:
    operator = liv.operator
    settings = ", ".join(filter(None, (described(operator), own)))
    return Box(operator.kind, liv.name, name_of(liv), liv.label, settings, sign)


def _arcs(layer: Layer, places: dict[str, int]) -> Iterator[Arc]:
    here = places[layer.label]
    of = again(layer)
    if of:
        yield Arc(places[of], here, AGAIN, "all")
    for liv in layer.livs:
        for taken, label in sources(liv):
            kind = WEIGHTS if taken.startswith("weights") else FEATURES
            if places.get(label, here) != here:  # the embedding is no column
                yield Arc(places[label], here, kind, taken)
