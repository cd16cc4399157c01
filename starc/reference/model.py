"""Executes a model: the residual stream, and every LIV on it with its sharing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

import torch
from torch import Tensor

from starc.ir.nodes import (
    LAYER_EMBEDDINGS,
    Again,
    Layer,
    Liv,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    source,
)
from starc.ir.operator import Operator, Parameter
from starc.reference.features import featurize
from starc.reference.mixing import Mixing, mixing_of, output
from starc.reference.norms import rms_norm
from starc.reference.residual import entering, inside, normed, read, written
from starc.reference.streams import closed, opened
from starc.reference.streams import read as streams_read
from starc.reference.streams import written as streams_written

Weights = Mapping[tuple[str, str], Tensor]


def execute(model: Model, weights: Weights, tokens: Tensor) -> Tensor:
    """Logits, (batch, length, vocab) in float64, of tokens (batch, length) in int64.

    `model`: after `resolve` or any later pass. `weights`: at least those of
    `tensors(model)`, of any floating dtype; gradients flow back to them.
    KeyError names a tensor that is missing.
    """
    return _Run(model, weights).logits(tokens)


def auxiliary_loss(model: Model, weights: Weights, tokens: Tensor) -> Tensor:
    """The number that all operators together add to the loss of training."""
    run = _Run(model, weights)
    run.logits(tokens)
    terms = [m.auxiliary for m in run.mixings.values() if m.auxiliary is not None]
    return torch.stack(terms).sum() if terms else torch.zeros(()).double()


def mixing_matrix(model: Model, weights: Weights, tokens: Tensor, label: str) -> Tensor:
    """|T(x)| of one LIV, a side of a parallel or a LIV used again.

    (batch, mixers, length, length): a matrix for each head, or for each channel, as the
    operator says (`by_heads`); row i is what token i reads.
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

    inputs: what every LIV so far has read, by label. features: what it made of it, by
        group. mixings: their T(x). entered: the stream before the first layer.
    answers: those that stand beside it, by label. embedded: what is of the token, by
        use and group.
    """

    model: Model
    weights: Weights
    inputs: dict[str, Tensor] = field(default_factory=dict)
    features: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    mixings: dict[str, Mixing] = field(default_factory=dict)
    answers: dict[str, Tensor] = field(default_factory=dict)
    embedded: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    entered: Tensor = field(default_factory=lambda: torch.zeros(()))

    def __post_init__(self) -> None:
        self.whole = self.model.whole()
        self.livs = {liv.label: liv for liv in self.model.livs()}

    def tensor(self, label: str, name: str) -> Tensor:
        return self.weights[label, name].double()

    def logits(self, tokens: Tensor) -> Tensor:
        embedding = self.tensor("", "embedding.weight")
        x = self.model.embedding_scale * embedding[tokens]
        if self.model.learned_positions:
            x = x + self.tensor("", "positions.weight")[: tokens.shape[1]]
        if self.model.embedding_norm is not None:
            tensors = self.tensors("", self.model.before)
            x = normed(self.model.embedding_norm, "embedding_norm", x, tensors)
        self.entered = x
        self.embed(tokens, x)
        ends = self.tensors("", self.model.before)
        if self.model.streams is not None:
            x = opened(self.model.streams, x, ends)
        x = self.steps(self.model.body, x)
        if self.model.streams is not None:
            x = closed(self.model.streams, x, ends)
        head = embedding if self.model.tied else self.tensor("", "head.weight")
        last = self.model.norm
        tensors = self.tensors("", self.model.after)
        logits = normed(last, "norm", x, tensors) @ head.T
        if self.model.head_bias:
            logits = logits + self.tensor("", "head.bias")
        logits = self.model.logit_scale * logits
        cap = self.model.logit_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def embed(self, tokens: Tensor, x: Tensor) -> None:
        """The features that LIVs take from the embedding, into `embedded`.

        x: what enters the stream.
        """
        for place, (key, group) in enumerate(self.model.embedded().items()):
            start, width = LAYER_EMBEDDINGS, group.width
            here = slice(place * width, (place + 1) * width)
            table = self.tensor("", f"{start}.table.weight")[:, here]
            row = table[torch.where(tokens < len(table), tokens, 0)]
            made = x @ self.tensor("", f"{start}.proj.weight")[here].T
            weight = self.tensor("", f"{start}.norm.weight")
            made = rms_norm(made / x.shape[-1] ** 0.5, weight, self.model.norm.eps)
            self.embedded[key] = (made + width**0.5 * row) / 2**0.5

    def steps(self, steps: Iterable[Step], x: Tensor) -> Tensor:
        """The stream, or all streams, behind these."""
        for step in steps:
            match step:
                case Repeat():
                    for iteration in step.iterations:
                        x = self.steps(iteration, x)
                case Section():
                    x = self.section(step, x)
                case Liv() | Again() | Parallel():
                    x = self.layer(step, x)
                case _:
                    assert_never(step)
        return x

    def section(self, section: Section, x: Tensor) -> Tensor:
        """All streams x behind layers that stand in them as one."""
        for part in section.parts:
            streams = part.streams
            tensors = self.tensors(part.label, streams.parameters(self.model.width))
            u, rest = streams_read(streams, x, tensors)
            z = self.steps(part.body, u)
            x = streams_written(streams, x, rest, u, z, tensors)
        return x

    def tensors(self, label: str, of: Iterable[Parameter]) -> dict[str, Tensor]:
        """Tensors of one label by name."""
        return {p.name: self.tensor(label, p.name) for p in of}

    def layer(self, use: Layer, stream: Tensor) -> Tensor:
        """The stream after one layer. `use` may be a layer once more."""
        layer = self.whole[use.label]
        tensors = self.tensors(layer.label, layer.around)
        answer = self.answers[source(use)] if source(use) else None
        every = stream
        if layer.residual.others:
            stream = stream[0]
        x = entering(layer.residual, stream, tensors)
        what_is_read = read(layer.residual, x, tensors, self.entered, answer)
        # Labels of the LIVs at this use: "m1_again_2.a" for "m1.a".
        here = {
            liv.label: liv.label if use is layer else f"{use.label}.{liv.stem}"
            for liv in layer.livs
        }
        here[layer.label] = use.label
        self.inputs[use.label] = what_is_read
        total = torch.zeros_like(stream)
        for liv, sign in zip(layer.livs, layer.signs, strict=True):
            if liv is layer:
                total = total + self.liv(liv, here)
                continue
            own = self.tensors(liv.label, liv.around)
            read_here = read(liv.residual, what_is_read, own, self.entered)
            self.inputs[here[liv.label]] = read_here
            total = total + sign * inside(liv.residual, self.liv(liv, here), own)
        if layer.residual.others:
            more = inside(layer.residual, total, tensors)
            return torch.cat([every[:1], every[1:] + more])
        after = written(layer.residual, x, total, tensors)
        if not layer.residual.aside:
            return after
        self.answers[use.label] = after
        return stream

    def liv(self, liv: Liv, here: Mapping[str, str]) -> Tensor:
        """out_proj(T(x) x). `here`: the labels of this use for those of its LIVs."""
        operator = liv.operator
        features = self.features[here[liv.label]] = {}
        for feature in liv.features:
            # Shared weights are used as this LIV says: with its window and rotation.
            group = operator.group(feature.group)
            if feature.embedded:
                taken = self.embedded[here[liv.label], feature.group]
                features[feature.group] = taken
                continue
            found = operator.projection_parameters(group)
            own = [p for p in operator.parameters if p.group == feature.group]
            tensors = {
                p.name: self.tensor(feature.weights, p.name) for p in (*found, *own)
            }
            if operator.lora:
                weight = f"{feature.group}.weight"
                low = self.low_rank(operator, here[liv.label], feature.group)
                tensors[weight] = tensors[weight] + low
            at = here.get(feature.input, feature.input)
            x = self.features[at][group.source] if group.source else self.inputs[at]
            eps = self.model.norm.eps
            features[feature.group] = featurize(
                operator, feature.group, x, tensors, eps
            )
        mixing = mixing_of(operator.kind)(
            operator, features, self._mixing_tensors(liv), self.model.norm.eps
        )
        self.mixings[here[liv.label]] = mixing
        tensors = {p.name: self.tensor(liv.label, p.name) for p in operator.output}
        x = self.inputs[here[liv.label]]
        return output(operator, mixing.output(), tensors, x)

    def low_rank(self, operator: Operator, use: str, group: str) -> Tensor:
        """What the use of this label adds to a projection: (width of the group, D)."""
        down = "lora_down" if operator.lora_one else f"{group}.lora_down"
        return self.tensor(use, f"{group}.lora_up") @ self.tensor(use, down)

    def _mixing_tensors(self, liv: Liv) -> dict[str, Tensor]:
        return {
            p.name: self.tensor(liv.mixing if p.featurizer else liv.label, p.name)
            for p in liv.operator.parameters
            if not p.group
        }
