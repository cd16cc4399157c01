"""Executes a model: the residual stream, and every LIV on it with its sharing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel
from starc.reference.features import featurize
from starc.reference.mixing import Mixing, mixing_of
from starc.reference.norms import layer_norm, rms_norm

Weights = Mapping[tuple[str, str], Tensor]


def execute(model: Model, weights: Weights, tokens: Tensor) -> Tensor:
    """Logits, (batch, length, vocab) in float64, of tokens (batch, length) in int64.

    `model`: after `resolve` or any later pass. `weights`: at least those of
    `tensors(model)`, of any floating dtype; gradients flow back to them.
    KeyError names a tensor that is missing.
    """
    return _Run(model, weights).logits(tokens)


def mixing_matrix(model: Model, weights: Weights, tokens: Tensor, label: str) -> Tensor:
    """|T(x)| of one LIV, a side of a parallel or a LIV used again.

    (batch, mixers, length, length): a matrix for each head (attention, linear attention
    with and without decays, ssd) or channel (all others); row i is what token i reads.
    Gates on rows and columns are part of it, norms after it are not, nor what follows
    these. KeyError: no LIV of this label.
    """
    run = _Run(model, weights)
    with torch.no_grad():
        run.logits(tokens)
    return run.mixings[label].matrix.abs()


@dataclass
class _Run:
    """One execution.

    inputs: the normed input of every LIV so far, by label. mixings: their T(x).
    """

    model: Model
    weights: Weights
    inputs: dict[str, Tensor] = field(default_factory=dict)
    mixings: dict[str, Mixing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers: dict[str, Layer] = {
            layer.label: layer for layer in self.model.layers()
        }
        self.livs = {liv.label: liv for liv in self.model.livs()}

    def tensor(self, label: str, name: str) -> Tensor:
        return self.weights[label, name].double()

    def logits(self, tokens: Tensor) -> Tensor:
        embedding = self.tensor("", "embedding.weight")
        x = embedding[tokens]
        for layer in self.model.layers():
            x = x + self.layer(layer, x)
        head = embedding if self.model.tied else self.tensor("", "head.weight")
        logits = self.norm("", "norm", x) @ head.T
        cap = self.model.logit_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def norm(self, label: str, name: str, x: Tensor) -> Tensor:
        weight, norm = self.tensor(label, f"{name}.weight"), self.model.norm
        if norm.kind == "rms":
            return rms_norm(x, weight, norm.eps)
        return layer_norm(x, weight, self.tensor(label, f"{name}.bias"), norm.eps)

    def layer(self, use: Layer, x: Tensor) -> Tensor:
        """What one layer adds to the stream. `use` may be a layer once more."""
        layer = use
        while isinstance(layer, Again):
            layer = self.layers[layer.of]
        normed = self.norm(layer.label, "norm", x)
        if isinstance(layer, Parallel):
            # Labels of the sides at this use: "m1_again_2.a" for "m1.a".
            own = use is layer
            sides = [
                side.label if own else f"{use.label}.{side.stem}"
                for side in layer.sides
            ]
        else:
            sides = [use.label]
        livs = layer.sides if isinstance(layer, Parallel) else (layer,)
        signs = layer.signs if isinstance(layer, Parallel) else (1,)
        here = {liv.label: side for liv, side in zip(livs, sides, strict=True)}
        here[layer.label] = use.label
        for label in here.values():
            self.inputs[label] = normed
        total = torch.zeros_like(x)
        for liv, sign in zip(livs, signs, strict=True):
            total = total + sign * self.liv(liv, here)
        return self.norm(layer.label, "post_norm", total) if self._sandwich else total

    @property
    def _sandwich(self) -> bool:
        return self.model.norm.sandwich

    def liv(self, liv: Liv, here: Mapping[str, str]) -> Tensor:
        """out_proj(T(x) x). `here`: the labels of this use for those of its LIVs."""
        operator, features = liv.operator, {}
        for feature in liv.features:
            owner = self.livs[feature.weights].operator
            found = owner.projection_parameters(owner.group(feature.group))
            own = [p for p in owner.parameters if p.group == feature.group]
            tensors = {
                p.name: self.tensor(feature.weights, p.name) for p in (*found, *own)
            }
            x = self.inputs[here.get(feature.input, feature.input)]
            eps = self.model.norm.eps
            features[feature.group] = featurize(owner, feature.group, x, tensors, eps)
        mixing = mixing_of(operator.kind)(
            operator, features, self._mixing_tensors(liv), self.model.norm.eps
        )
        self.mixings[here[liv.label]] = mixing
        y = mixing.output() @ self.tensor(liv.label, "out.weight").T
        return y + self.tensor(liv.label, "out.bias") if operator.out_bias else y

    def _mixing_tensors(self, liv: Liv) -> dict[str, Tensor]:
        return {
            p.name: self.tensor(liv.mixing if p.featurizer else liv.label, p.name)
            for p in liv.operator.parameters
            if not p.group
        }
