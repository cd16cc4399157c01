"""The residual: what stands around a layer's LIVs on the way from x to the next x.

    stream = residual(stream, f)        f: the LIV, or all branches of a parallel

It is a node of the IR as an operator is: it says which tensors it has and what it
costs, `reference/residual.py` says what it computes, and the backend how a file shows
it. All of them ask two things of it: what f reads, and the stream after f has answered.

So a residual on several streams fits: its stream has one more axis; what f reads is a
weighted sum over it, and what f answers is written to each stream with a weight, beside
a mixing of the streams. Its parameters are those weights, its FLOPs those sums, and the
model opens the axis behind the embedding and closes it before the last norm. It is one
more class here; `match` then names each place that has to learn of it.
"""

from starc.ir.init import ONES, ZEROS
from starc.ir.operator import Parameter
from starc.values import dataclass


@dataclass(frozen=True)
class Norm:
    """`kind`: "rms" or "layer". `eps`: added to the mean square before its root.

    weight: what is normed is multiplied with learned weights; bias: of a LayerNorm.
    """

    kind: str = "rms"
    eps: float = 1e-5
    weight: bool = True
    bias: bool = True

    def parameters(self, name: str, width: int) -> tuple[Parameter, ...]:
        """Of a norm of `width` channels; `name`: what its tensors are called after."""
        shape = (width,)
        found: list[Parameter] = []
        if self.weight:
            found.append(Parameter(f"{name}.weight", shape, ONES, featurizer=False))
        if self.weight and self.bias and self.kind == "layer":
            found.append(Parameter(f"{name}.bias", shape, ZEROS, featurizer=False))
        return tuple(found)


@dataclass(frozen=True)
class Residual:
    """skip x + scale after(f(before(x))); a norm that is None is not there.

    scale, skip: constants; learned_scale, learned_skip: times learned numbers, one a
        channel, which begin at 1 (arXiv 2103.17239).
    """

    before: Norm | None = Norm()
    after: Norm | None = None
    scale: float = 1.0
    skip: float = 1.0
    learned_scale: bool = False
    learned_skip: bool = False

    @property
    def placement(self) -> str:
        """Where the norms stand, as the language says it: a word of PLACEMENTS."""
        here = self.before is not None, self.after is not None
        return next(word for word, there in PLACEMENTS.items() if there == here)

    @property
    def norms(self) -> dict[str, Norm]:
        """Those that are there, by the names of their tensors, in order of use."""
        both = {"norm": self.before, "post_norm": self.after}
        return {name: norm for name, norm in both.items() if norm is not None}

    @property
    def learned(self) -> tuple[str, ...]:
        """The factors that are learned: "scale", "skip"."""
        both = {"scale": self.learned_scale, "skip": self.learned_skip}
        return tuple(name for name, learned in both.items() if learned)

    @property
    def modules(self) -> tuple[str, ...]:
        """What has tensors, norms and factors, by the names of these."""
        return (*self.norms, *self.learned)

    def parameters(self, width: int) -> tuple[Parameter, ...]:
        """Its tensors on a stream of `width` channels: `norm.weight` and the like."""
        norms = self.norms.items()
        found = [p for name, norm in norms for p in norm.parameters(name, width)]
        for name in self.learned:
            weight = f"{name}.weight"
            found.append(Parameter(weight, (width,), ONES, featurizer=False))
        return tuple(found)

    def flops(self, width: int) -> float:
        """For each token, of matrix products only, as those of an operator: none."""
        return 0.0


PLACEMENTS = {
    "pre": (True, False),
    "post": (False, True),
    "sandwich": (True, True),
    "none": (False, False),
}
"""Word of the language -> whether there is a norm before f, and after it."""

BARE = Residual(before=None)
"""Of the branches of a parallel: what stands around them stands around all at once."""


LEARNED = "learned"
"""The word for a factor that is."""


def placed(
    placement: str, norm: Norm, scale: float | str = 1.0, skip: float | str = 1.0
) -> Residual:
    """The residual with this norm at the places that the word says."""
    before, after = PLACEMENTS[placement]
    return Residual(
        norm if before else None,
        norm if after else None,
        1.0 if scale == LEARNED else float(scale),
        1.0 if skip == LEARNED else float(skip),
        scale == LEARNED,
        skip == LEARNED,
    )
