"""The whole IR. Frozen; every node knows the text it came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from starc.ir.operator import Operator
from starc.source import NOWHERE, Span


@dataclass(frozen=True)
class Feature:
    """One feature group of a LIV, and where it comes from.

    It is computed with the weights of LIV `weights` from the normed input of LIV
    `input`; both are labels, the LIV's own where nothing is shared. `weights from c1`
    changes the first, `k, v from a1` both. `borrowed`: the value itself is taken over
    from LIV `input`, which computes it anyway (pass share_features).
    """

    group: str
    weights: str
    input: str
    borrowed: bool = False


@dataclass(frozen=True)
class Liv:
    """One linear input-varying system y = T(x) x, its input normed, its output projected.

    label: unique in the model; the name of the module and the prefix of its tensors.
    labelled: the label stands in the text; otherwise it is `kind_depth`.
    name: the class as written, an alias or a name of the prelude.
    features: one for each group of the operator, in its order.
    mixing: label of the LIV whose parameters of the mixing itself are used (those of
        `operator.parameters` with `featurizer` set and no group); own label: its own.
    projections: the groups computed here or for this LIV's weights, fused as they will
        be multiplied (pass fuse): () until lowered, then one tuple of groups each.
    """

    label: str
    name: str
    operator: Operator
    features: tuple[Feature, ...]
    mixing: str
    projections: tuple[tuple[str, ...], ...]
    labelled: bool = False
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    def feature(self, group: str) -> Feature:
        return next(feature for feature in self.features if feature.group == group)


@dataclass(frozen=True)
class Again:
    """A whole LIV once more: same tensors, same norm, a state of its own."""

    label: str
    of: str
    labelled: bool = False
    span: Span = field(default=NOWHERE, repr=False, compare=False)


@dataclass(frozen=True)
class Parallel:
    """All sides read the same normed input; their outputs are added, or subtracted.

    A differential LIV is two sides `label.a` and `label.b` with signs (1, -1).
    projections: groups of several sides multiplied as one (pass fuse), each as
    (label of side, group); () where every side has its own.
    """

    label: str
    name: str
    sides: tuple[Liv, ...]
    signs: tuple[int, ...]
    projections: tuple[tuple[tuple[str, str], ...], ...] = ()
    labelled: bool = False
    span: Span = field(default=NOWHERE, repr=False, compare=False)


@dataclass(frozen=True)
class Repeat:
    """`count` times the same body, a loop in the emitted file (pass roll).

    `turns` holds the nodes of every turn: they differ in their labels only.
    """

    turns: "tuple[tuple[Liv | Again | Parallel, ...], ...]"

    @property
    def count(self) -> int:
        return len(self.turns)


Layer = Liv | Again | Parallel
Step = Layer | Repeat


@dataclass(frozen=True)
class Norm:
    """`kind`: "rms" or "layer". `sandwich`: also on each LIV's output, before the sum."""

    kind: str = "rms"
    eps: float = 1e-5
    sandwich: bool = False


@dataclass(frozen=True)
class Model:
    """The residual stream and what is composed on it, in order.

    shared: labels of LIVs whose featurizer several LIVs use and which therefore belongs
        to the model (pass share_weights).
    logit_softcap: c in c tanh(logits / c); 0: none.
    """

    name: str
    width: int
    vocab: int
    context: int
    body: tuple[Step, ...]
    tied: bool = True
    norm: Norm = Norm()
    logit_softcap: float = 0.0
    shared: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, repr=False, compare=False)

    def layers(self) -> Iterator[Layer]:
        """Every layer in order of depth, repeats unrolled."""
        for step in self.body:
            if isinstance(step, Repeat):
                for turn in step.turns:
                    yield from turn
            else:
                yield step

    def livs(self) -> Iterator[Liv]:
        """Every LIV in order of depth, sides of a parallel one by one."""
        for layer in self.layers():
            if isinstance(layer, Parallel):
                yield from layer.sides
            elif isinstance(layer, Liv):
                yield layer
