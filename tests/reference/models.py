"""Resolved models by hand: what `lower` and the passes would make of a text."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from starc.ir.nodes import Feature, Layer, Liv, Model, Parallel
from starc.ir.operator import Operator
from tests.residuals import settings_of

Weights = dict[tuple[str, str], Tensor]


def liv(
    label: str,
    operator: Operator,
    weights_from: str = "",
    features: Mapping[str, str | tuple[str, str]] | None = None,
) -> Liv:
    """A resolved LIV. `features`: group to the label of the LIV that it comes from, or
    to (weights, input)."""
    taken = features or {}
    own = weights_from or label
    found = []
    for group in operator.groups:
        source = taken.get(group.name, (own, label))
        weights, at = (source, source) if isinstance(source, str) else source
        found.append(Feature(group.name, weights, at))
    return Liv(
        stem=label.rpartition(".")[2],
        label=label,
        name=operator.kind,
        operator=operator,
        labelled=True,
        features=tuple(found),
        mixing=own,
        projections=tuple((f.group,) for f in found if f.input == label),
    )


def differential(label: str, operator: Operator, weights_from: str = "") -> Parallel:
    """LIV_a(x) - LIV_b(x)."""
    branches = tuple(
        liv(f"{label}.{s}", operator, f"{weights_from}.{s}" if weights_from else "")
        for s in "ab"
    )
    return Parallel(label, label, f"{operator.kind}-Diff", branches, (1, -1), True)


def parallel(label: str, *branches: Liv) -> Parallel:
    return Parallel(label, label, "parallel", branches, (1,) * len(branches))


def model(
    *layers: Layer,
    width: int = 16,
    vocab: int = 11,
    context: int = 32,
    **settings: Any,
) -> Model:
    """`settings`: fields of the Model; norm, placement and scale as settings_of has."""
    sizes: dict[str, Any] = {"width": width, "vocab": vocab, "context": context}
    return Model("test", **sizes, **settings_of(layers, **settings))


def random_tokens(shape: Sequence[int], vocab: int = 11, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab, tuple(shape), generator=generator)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
