"""`trainer = real(inherit = true)`: a child starts from its parents' tensors.

A LIV takes over what the same LIV of a parent has learned: of the same operator, with
the same features its own. Which one that is, is told by runs: the longest sequence of
LIVs that child and parent have in common is taken first, so that what crossover left
together comes from one parent. What else the models have, embedding and last norm,
comes from the first parent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import torch
from safetensors import SafetensorError

from starc import compiler, passes
from starc.diagnostics import StarError
from starc.evolve.storage.kept import WEIGHTS
from starc.folders import Folder
from starc.ir.nodes import Liv, Model, Parallel
from starc.source import Source
from starc.training import checkpoint

Tensors = Mapping[str, torch.Tensor]

SOURCE = "candidate.star"
LARGEST_TEXT = 1 << 20

SPARED = 0.5
"""Of the steps, of a child whose every tensor is inherited: it starts there."""


@dataclass(frozen=True)
class Parent:
    """model: after all passes. tensors: those that its training left."""

    id: int
    model: Model
    tensors: Tensors


def parents(folder: Folder, ids: Iterable[int]) -> tuple[list[Parent], list[str]]:
    """Of a candidate's folder, those of its parents beside it that still are whole;
    and for each other one what is the matter."""
    found, lost = [], []
    for id in ids:
        place = Folder(folder.root, (*folder.parts[:-1], str(id)))
        try:
            model = model_of(place.read(SOURCE, LARGEST_TEXT).decode())
            found.append(Parent(id, model, checkpoint.load_tensors(place, WEIGHTS)))
        except (OSError, ValueError, SafetensorError, RuntimeError, StarError) as error:
            lost.append(f"of {id} nothing is inherited: {error}")
    return found, lost


def model_of(text: str) -> Model:
    """Of a candidate's source, after all passes. Raises StarError."""
    return passes.run(compiler.to_ir(Source(SOURCE, text)))


def sources(child: Model, of: Sequence[Model]) -> dict[str, tuple[int, str]]:
    """Label of a layer of the child -> which parent's, and the label there."""
    keys = [_key(layer) for layer in _layers(child)]
    runs = []
    for which, parent in enumerate(of):
        matcher = SequenceMatcher(None, keys, [*map(_key, _layers(parent))], False)
        for here, there, size in matcher.get_matching_blocks():
            runs.append((-size, which, here, there))
    found: dict[str, tuple[int, str]] = {}
    for size, which, here, there in sorted(runs):
        for at in range(-size):
            label = _layers(child)[here + at].label
            found.setdefault(label, (which, _layers(of[which])[there + at].label))
    return found


def inherit(
    state: Tensors, child: Model, found: list[Parent]
) -> tuple[dict[str, torch.Tensor], float]:
    """The tensors that a child starts from, and their share of its elements.

    state: its own, before training. A tensor of another shape is not inherited.
    """
    of_layer = sources(child, [parent.model for parent in found])
    labels = [layer.label for layer in _layers(child)]
    taken: dict[str, torch.Tensor] = {}
    for name, own in state.items():
        label = next((one for one in labels if _is_of(name, one)), "")
        if label and label not in of_layer:
            continue  # no parent has this LIV
        which, other = of_layer.get(label, (0, ""))
        there = other + name[len(label) :]
        theirs = found[which].tensors.get(there) if found else None
        if theirs is not None and theirs.shape == own.shape:
            taken[name] = theirs.to(own.dtype)
    elements = sum(own.numel() for own in state.values())
    return taken, sum(one.numel() for one in taken.values()) / max(1, elements)


def _layers(model: Model) -> list[Liv | Parallel]:
    whole = model.whole()
    return [whole[layer.label] for layer in model.layers()]


def _is_of(name: str, label: str) -> bool:
    """Whether a tensor is a layer's: `attn_1.out_proj.weight`, `attn_1_norm.weight`."""
    rest = name[len(label) :]
    own = rest[:1] == "." or (rest[:1] == "_" and not rest[1:2].isdigit())
    return own and name.startswith(label)


def _key(layer: Liv | Parallel) -> Any:
    """What must be equal for its tensors to mean the same."""
    return tuple(
        (
            liv.name,
            liv.operator,
            tuple(
                (feature.group, bool(feature.borrowed), feature.weights == liv.label)
                for feature in liv.features
            ),
        )
        for liv in layer.livs
    )
