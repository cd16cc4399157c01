"""The whole IR. Frozen; every node knows the text it came from.

`lower` gives what is Written: with Loop, labels as in the text and sharing as
references. `expand` makes a Model of it, with every iteration of a loop written out;
`resolve` says of every feature where it comes from; the optional passes then say how
that is computed, never what. The backend's Plan is the phase after these.
"""

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from typing import Generic, TypeVar, assert_never

from starc.ir.init import EMBEDDING, LINEAR, ONES, ZEROS
from starc.ir.operator import Group, Operator, Parameter
from starc.ir.residual import BARE, Norm, Residual
from starc.ir.streams import Streams
from starc.source import NOWHERE, Span
from starc.values import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature group of a LIV, and where it comes from.

    It is computed with the weights of LIV `weights` from the normed input of LIV
    `input`; both are labels, the LIV's own where nothing is shared. `weights from c1`
    changes the first, `k, v from a1` both. `borrowed`: the value itself is taken over
    from LIV `input`, which computes it anyway (pass share_features). `up from
    embedding` is borrowed of the model, whose label is "": see `embedded`.
    """

    group: str
    weights: str
    input: str
    borrowed: bool = False

    @property
    def embedded(self) -> bool:
        """Whether it is a vector of the token, which the model has for this LIV."""
        return not self.input


@dataclass(frozen=True)
class Liv:
    """A linear input-varying system y = T(x) x, its output projected.

    stem: the label as written, else the name of its alias, else a word for its kind.
    label: unique in the model (after expand): the name of the module, the prefix of its
        tensors. `stem`, or `stem_3` in iteration 3 of a repeat; `stem_depth` if not
        `labelled`.
    weights_from, features_from: sharing as written, by label (until resolve).
    features: one for each group of the operator, in its order (from resolve on).
    mixing: label of the LIV whose tensors of the mixing itself are used (those of
        `operator.parameters` with `featurizer` set and no `group`).
    projections: the groups computed here, each tuple by one multiplication (pass fuse).
    source: label of the LIV whose answer it reads, as `residual.source` says; or "".
    residual: what stands around it; of a branch of a parallel what is its own alone,
        mostly nothing (BARE).
    alias: the other name of the class that the text uses, "GQA"; for people alone.
    """

    stem: str
    label: str
    name: str  # of the class: "SA-3"
    operator: Operator
    labelled: bool = False
    weights_from: str = ""
    features_from: tuple[tuple[str, str], ...] = ()  # (group, label)
    features: tuple[Feature, ...] = ()
    mixing: str = ""
    projections: tuple[tuple[str, ...], ...] = ()
    source: str = ""
    residual: Residual = Residual()
    alias: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    @property
    def livs(self) -> "tuple[Liv, ...]":
        """The LIVs of this layer that have tensors: itself."""
        return (self,)

    @property
    def signs(self) -> tuple[int, ...]:
        """How the outputs of `livs` are added."""
        return (1,)

    @property
    def around(self) -> tuple[Parameter, ...]:
        """The tensors of its residual."""
        return self.residual.parameters(self.operator.width, self.operator.reads)

    @property
    def adapters(self) -> tuple[Parameter, ...]:
        """The tensors that each use of it has of its own."""
        return self.operator.adapters

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the text that stand at it, as they stand there."""
        return (self.stem,) if self.labelled else ()

    def feature(self, group: str) -> Feature:
        return next(feature for feature in self.features if feature.group == group)


@dataclass(frozen=True)
class Again:
    """`same as`: a whole layer once more. Its tensors and its residual are those of
    `of`, its state is its own; source: as of a LIV, its own too."""

    stem: str
    label: str
    of: str
    labelled: bool = False
    source: str = ""
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    @property
    def livs(self) -> tuple[Liv, ...]:
        """The LIVs of this layer that have tensors: none, they are those of `of`."""
        return ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the text that stand at it, as they stand there."""
        return (self.stem,) if self.labelled else ()


@dataclass(frozen=True)
class Parallel:
    """All branches read the same normed input; their outputs are added, or subtracted.
    A norm or a factor of a branch alone stands between the parallel and the branch.

    A differential LIV is two branches, stems "a" and "b", labels `label.a` and
    `label.b`, signs (1, -1).
    """

    stem: str
    label: str
    name: str  # "parallel", or of the differential class: "GConv-1-Diff"
    branches: tuple[Liv, ...]
    signs: tuple[int, ...]
    labelled: bool = False
    residual: Residual = Residual()
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    @property
    def around(self) -> tuple[Parameter, ...]:
        """The tensors of its residual, without those of the branches' own."""
        operator = self.branches[0].operator
        return self.residual.parameters(operator.width, operator.reads)

    @property
    def adapters(self) -> tuple[Parameter, ...]:
        """The tensors that each use of it has of its own: none."""
        return ()

    @property
    def alone(self) -> bool:
        """Whether it is its one branch, and nothing more."""
        plain = self.signs == (1,) and not self.labelled
        return plain and self.branches[0].residual == BARE

    @property
    def livs(self) -> tuple[Liv, ...]:
        """The LIVs of this layer that have tensors: its branches."""
        return self.branches

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the text that stand at it and at its branches."""
        own = (self.stem,) if self.labelled else ()
        return (*own, *(label for branch in self.branches for label in branch.labels))


Layer = Liv | Again | Parallel


@dataclass(frozen=True)
class Section:
    """Layers that stand in the streams as one: they read one stream u, on which their
    residuals stand as on any, and what they make of it is written to all. With streams
    that layers read `apart` it is those that write to one of them.

    The tensors of a part go by the label of its first layer.
    """

    streams: Streams
    body: tuple[Layer, ...]
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    @property
    def label(self) -> str:
        return self.body[0].label

    @property
    def parts(self) -> "tuple[Section, ...]":
        """What reads the streams once: all of it, or each layer of its own."""
        streams = self.streams
        if not streams.apart:
            return (self,)
        layers = enumerate(self.body)
        return tuple(Section(streams.at(place), (layer,)) for place, layer in layers)


@dataclass(frozen=True)
class Loop:
    """`count x { ... }` as written."""

    count: int
    body: "tuple[Layer | Section | Loop, ...]"
    span: Span = field(default=NOWHERE, repr=False, compare=False)


@dataclass(frozen=True)
class Repeat:
    """A loop of the text with its iterations written out."""

    iterations: "tuple[tuple[Layer | Section | Repeat, ...], ...]"


WrittenStep = Layer | Section | Loop
"""What stands in a body before expand."""

Step = Layer | Section | Repeat
"""What stands in one from expand on."""


def flat(steps: Iterable[Step]) -> Iterator[Layer]:
    """Every layer in order of depth, repeats iteration by iteration."""
    for step in steps:
        match step:
            case Repeat():
                for iteration in step.iterations:
                    yield from flat(iteration)
            case Section():
                yield from step.body
            case Liv() | Again() | Parallel():
                yield step
            case _:
                assert_never(step)


def outside_repeats(steps: Iterable[Step]) -> Iterator[Layer]:
    """The layers of a body that stand in no repeat of it."""
    for step in steps:
        match step:
            case Repeat():
                pass
            case Section():
                yield from step.body
            case Liv() | Again() | Parallel():
                yield step
            case _:
                assert_never(step)


def iterations(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Those of a repeat; of a layer one, the layer itself."""
    match step:
        case Repeat():
            return step.iterations
        case Section() | Liv() | Again() | Parallel():
            return ((step,),)
        case _:
            assert_never(step)


def sections(steps: Iterable[Step]) -> Iterator[Section]:
    """Every section in order of depth."""
    for step in steps:
        match step:
            case Repeat():
                for iteration in step.iterations:
                    yield from sections(iteration)
            case Section():
                yield step
            case Liv() | Again() | Parallel():
                pass
            case _:
                assert_never(step)


def again(layer: Layer) -> str:
    """The label of the layer that this one is once more; "" if it is none."""
    match layer:
        case Again():
            return layer.of
        case Liv() | Parallel():
            return ""
        case _:
            assert_never(layer)


def lender(use: Layer, liv: Liv) -> str:
    """The label by which others refer to what a LIV computes in this use of it."""
    match use:
        case Again():
            return use.label if liv.label == use.of else f"{use.label}.{liv.stem}"
        case Liv() | Parallel():
            return liv.label
        case _:
            assert_never(use)


def source(layer: Layer) -> str:
    """The label of the LIV whose answer a layer reads; "" if it reads none."""
    match layer:
        case Liv() | Again():
            return layer.source
        case Parallel():
            return ""
        case _:
            assert_never(layer)


def branches(layer: Layer) -> tuple[Liv, ...]:
    """The branches that have tensors here: those of a parallel."""
    match layer:
        case Parallel():
            return layer.branches
        case Liv() | Again():
            return ()
        case _:
            assert_never(layer)


Inner = TypeVar("Inner", Loop, Repeat)

LAYER_EMBEDDINGS = "layer_embeddings"
"""What makes the features that LIVs take from the embedding."""


@dataclass(frozen=True)
class Architecture(Generic[Inner]):
    """The residual stream and what is composed on it, in order.

    Its loops tell the phase: Written is with Loop, Model with Repeat.

    norm: the last one, before the head.
    shared: labels of the LIVs whose featurizer several LIVs use and which therefore
        belongs to the model (pass share_weights).
    logit_softcap: c in c tanh(logits / c); 0: none. head_bias: the head adds a bias to
        each logit, tied or not.
    embedding_scale, logit_scale: constants on the way in and out; the second before
        the cap.
    layer_vocab: how many tokens have vectors of their own where LIVs take features from
        the embedding; the others have those of token 0. 0: all.
    learned_positions: a learned vector is added for each place up to `context`, the
        longest sequence then. embedding_norm: of the sum, as it enters the stream.
    streams: how several streams are read and written; None: there is one.
    residual: that of the model block, of every layer that says nothing else. What is
        computed is what the layers carry.
    """

    name: str
    width: int
    vocab: int
    context: int
    body: tuple[Layer | Section | Inner, ...]
    tied: bool = True
    norm: Norm = Norm()
    logit_softcap: float = 0.0
    shared: tuple[str, ...] = ()
    residual: Residual = Residual()
    streams: Streams | None = None
    embedding_scale: float = 1.0
    logit_scale: float = 1.0
    layer_vocab: int = 0
    learned_positions: bool = False
    embedding_norm: Norm | None = None
    head_bias: bool = False
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    @property
    def before(self: "Model") -> tuple[Parameter, ...]:
        """The tensors between the tokens and the first layer, and those that close
        streams.

        Those of layer_embeddings make, of each token, the features that LIVs take from
        the embedding, one behind the other: (norm(proj x / sqrt(D)) + sqrt(C)
        table[token]) / sqrt(2), of C channels each, x what enters the stream.
        """
        vocab, places = (self.vocab, self.width), (self.context, self.width)
        found: list[Parameter] = [Parameter("embedding.weight", vocab, EMBEDDING)]
        if self.learned_positions:
            found.append(Parameter("positions.weight", places, EMBEDDING))
        if self.embedding_norm is not None:
            found.extend(self.embedding_norm.parameters("embedding_norm", self.width))
        if embedded := self.embedded():
            each = next(iter(embedded.values())).width
            every = each * len(embedded)
            of, rows = LAYER_EMBEDDINGS, (self.layer_vocab or self.vocab, every)
            found.append(Parameter(f"{of}.table.weight", rows, EMBEDDING))
            found.append(Parameter(f"{of}.proj.weight", (every, self.width), LINEAR))
            found.append(Parameter(f"{of}.norm.weight", (each,), ONES))
        if self.streams is not None:
            found.extend(self.streams.ends(self.width))
        return tuple(found)

    @property
    def after(self) -> tuple[Parameter, ...]:
        """Those behind the last layer: the norm's, and the head's own."""
        found: list[Parameter] = []
        found.extend(self.norm.parameters("norm", self.width))
        if not self.tied:
            head = Parameter("head.weight", (self.vocab, self.width), LINEAR)
            found.append(head)
        if self.head_bias:
            found.append(Parameter("head.bias", (self.vocab,), ZEROS))
        return tuple(found)

    def layers(self: "Model") -> Iterator[Layer]:
        """Every layer in order of depth."""
        return flat(self.body)

    def made(self: "Model") -> Iterator[Liv | Parallel]:
        """Every layer that has tensors, in order of depth: all but `same as`."""
        whole = self.whole()
        return (whole[layer.label] for layer in self.layers() if not again(layer))

    def sections(self: "Model") -> dict[str, Streams]:
        """Label of the first layer of each part of a section -> how it stands in the
        streams, as many as there are then; in order of depth."""
        if self.streams is None:
            return {}
        found: dict[str, Streams] = {}
        count = self.streams.count
        for section in sections(self.body):
            for part in section.parts:
                streams = replace(part.streams, count=count)
                found[part.label], count = streams, streams.behind
        return found

    def whole(self: "Model") -> dict[str, Liv | Parallel]:
        """Label of every layer -> itself, or the layer that it is once more."""
        found: dict[str, Liv | Parallel] = {}
        for layer in self.layers():
            match layer:
                case Again():
                    found[layer.label] = found[layer.of]
                case Liv() | Parallel():
                    found[layer.label] = layer
                case _:
                    assert_never(layer)
        return found

    def embedded(self: "Model") -> "dict[tuple[str, str], Group]":
        """(label of a use of a LIV, group) of each feature that is taken from the
        embedding, in order of depth."""
        found: dict[tuple[str, str], Group] = {}
        whole: dict[str, Liv | Parallel] | None = None
        for use in self.layers():
            livs = use.livs
            if again(use):
                whole = whole or self.whole()
                livs = whole[use.label].livs
            for liv in livs:
                for feature in liv.features:
                    if not feature.input:
                        group = liv.operator.group(feature.group)
                        found[lender(use, liv), group.name] = group
        return found

    def adapters(self: "Model") -> Iterator[tuple[str, tuple[Parameter, ...]]]:
        """Label of each use that has tensors of its own beside those of its LIV, and
        these, in order of depth."""
        for label, layer in self.whole().items():
            if layer.adapters:
                yield label, layer.adapters

    def livs(self: "Model") -> Iterator[Liv]:
        """Every LIV that has tensors, in order of depth, branches one by one."""
        for layer in self.layers():
            yield from layer.livs


Written = Architecture[Loop]
Model = Architecture[Repeat]
