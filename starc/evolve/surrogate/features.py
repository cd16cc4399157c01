"""What a surrogate sees of a candidate: numbers read from the IR, and nothing else."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from math import log2

from starc.ir.nodes import Liv, Model, Parallel
from starc.ir.operator import Operator
from starc.ir.residual import Residual

Features = dict[str, float]
"""By name; what is not there is 0. The first word of a name is its group."""

CLASSES, VARIETY, PLACES, MOTIFS = "classes", "variety", "places", "motifs"
DISTANCES, REST = "distances", "rest"

SIZES = ("params", "cache", "flops", "decode_flops")

PARTS = 4
"""Of the depth: a class is counted in each of them."""

BOUNDS = (1, 2, 4, 8)
"""Distances between two layers that are alike are counted up to each of these."""


def features(model: Model, told: Mapping[str, float]) -> Features:
    """Of a model after all passes. told: what its text says, see static.measures.

    params, cache, flops, decode_flops, layers: doublings of each. classes: the share of
    the layers that each class of LIV has; variety: how many there are. places: classes
    in each quarter of the depth. motifs: how often each class follows each. distances:
    how far back the last layer of the same class, or of the same operator, is. rest:
    features and weights that are shared, numbers of the operators (heads, taps,
    states), and what stands around the layers.
    """
    whole = model.whole()
    layers = [whole[layer.label] for layer in model.layers()]
    count = max(1, len(layers))
    names = [layer.name for layer in layers]
    kinds = ["-".join(liv.operator.kind for liv in layer.livs) for layer in layers]
    found: defaultdict[str, float] = defaultdict(float)
    for at, name in enumerate(names):
        found[f"{CLASSES} {name}"] += 1 / count
        found[f"{PLACES} {name} {at * PARTS // count}"] += PARTS / count
    found[VARIETY] = len(set(names))
    for pair in zip(names, names[1:], strict=False):
        found[f"{MOTIFS} {' '.join(pair)}"] += 1 / count
    for what, words in (("class", names), ("operator", kinds)):
        for distance in _distances(words):
            found[f"{DISTANCES} {what} again after {distance}"] += 1 / count
    for layer in layers:
        for name, value in _rest(layer).items():
            found[f"{REST} {name}"] += value / count
    sizes = {name: told[name] for name in SIZES} | {"layers": count}
    return found | {name: log2(1 + size) for name, size in sizes.items()}


def _distances(words: Sequence[str]) -> list[str]:
    """For each place how far back the same word is: `4` stands for 3 and 4."""
    last: dict[str, int] = {}
    found = []
    for at, word in enumerate(words):
        if word in last:
            distance = at - last[word]
            bounds = [str(bound) for bound in BOUNDS if distance <= bound]
            found.append(bounds[0] if bounds else "more")
        last[word] = at
    return found


def _rest(layer: Liv | Parallel) -> Features:
    found = defaultdict(float, {_around(layer.residual): 1.0})
    for liv in layer.livs:
        kind = liv.operator.kind
        for feature in liv.features:
            if feature.borrowed:
                found[f"{kind} borrows {feature.group}"] += 1
            elif feature.weights != liv.label:
                found[f"{kind} shares {feature.group}"] += 1
        for name, value in _numbers(liv.operator):
            found[f"{kind} {name}"] += value
    return found


@lru_cache(maxsize=256)
def _around(residual: Residual) -> str:
    return f"around {residual!r}"


@lru_cache(maxsize=1024)
def _numbers(operator: Operator) -> tuple[tuple[str, float], ...]:
    """Its fields that are numbers, in doublings; of a word, which one it is."""
    found = []
    for field in fields(operator):
        value = getattr(operator, field.name)
        if isinstance(value, bool | int | float):
            found.append((field.name, log2(1 + abs(value))))
        elif isinstance(value, str) and value:
            found.append((f"{field.name} {value}", 1.0))
    return tuple(found)
