"""The residual: what stands around a layer's LIVs on the way from x to the next x.

    stream = residual(stream, f)        f: the LIV, or all branches of a parallel

It is a node of the IR as an operator is: it says which tensors it has and what it
costs, `reference/residual.py` says what it computes, and the backend how a file shows
it. All of them ask two things of it: what f reads, and the stream after f has answered.

Where there are several streams, residuals stand on the one that a section of layers
reads of them: `ir/streams.py`.
"""

from functools import cached_property

from starc.ir.init import LINEAR, ONES, ZEROS
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
    """skip x + scale after(f(input before(u))); a norm that is None is not there.

    x is the stream, or with `stream` what this norm makes of it: the stream itself is
    normed in every layer, as in the first transformers (arXiv 1706.03762), whose norm
    after the sum is that of the next layer here.

    u is x, or with `entered` [x, e]: behind the channels of x those that
    entered the stream, before the first layer (arXiv 2405.16712). With `source` it is
    made of the answer a of an earlier LIV: "input": a alone; "plus": x + W a, W of its
    own. aside: its own answer stays beside the stream, for LIVs that have it so.
    others: of several streams it reads the first, and all but that have its answer
    added.

    Of a branch of a parallel it is scale after(f(before(u))) alone, u what the parallel
    reads: the stream is normed and added once, by the residual of the parallel.

    scale, skip, input: constants; learned_scale and the like: times learned numbers,
        one a channel, which begin at 1 (arXiv 2103.17239).
    """

    before: Norm | None = Norm()
    after: Norm | None = None
    scale: float = 1.0
    skip: float = 1.0
    learned_scale: bool = False
    learned_skip: bool = False
    input: float = 1.0
    learned_input: bool = False
    entered: bool = False
    source: str = ""
    aside: bool = False
    others: bool = False
    stream: Norm | None = None

    @property
    def placement(self) -> str:
        """Where the norms stand, as the language says it: a word of PLACEMENTS."""
        places = self.before, self.after, self.stream
        here = tuple(norm is not None for norm in places)
        return next(word for word, there in PLACEMENTS.items() if there == here)

    @property
    def output(self) -> str:
        """Where its answer goes, as the language says it."""
        return OTHERS if self.others else NONE if self.aside else STREAM

    @cached_property
    def norms(self) -> dict[str, Norm]:
        """Those that are there, by the names of their tensors, in order of use."""
        places = {"norm": self.stream or self.before, "post_norm": self.after}
        return {name: norm for name, norm in places.items() if norm is not None}

    @cached_property
    def learned(self) -> tuple[str, ...]:
        """The factors that are learned: "input", "scale", "skip"."""
        each = {
            "input": self.learned_input,
            "scale": self.learned_scale,
            "skip": self.learned_skip,
        }
        return tuple(name for name, learned in each.items() if learned)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """What has tensors, norms and factors, by the names of these."""
        return (*self.norms, *self.learned, *(("plus",) if self.source == PLUS else ()))

    def parameters(self, width: int, reads: int = 0) -> tuple[Parameter, ...]:
        """Its tensors on a stream of `width` channels: `norm.weight` and the like.

        reads: channels of what f reads, where they are not `width`.
        """
        read = reads if self.before is not None else 0
        widths = {"norm": read or width, "post_norm": width}
        norms = self.norms.items()
        found = [p for name, norm in norms for p in norm.parameters(name, widths[name])]
        for name in self.learned:
            shape = (reads or width if name == "input" else width,)
            found.append(Parameter(f"{name}.weight", shape, ONES, featurizer=False))
        if self.source == PLUS:
            square = (width, width)
            found.append(Parameter("plus.weight", square, LINEAR, featurizer=False))
        return tuple(found)

    def flops(self, width: int) -> float:
        """For each token, of matrix products only, as those of an operator."""
        return 2.0 * width * width if self.source == PLUS else 0.0


INPUT, PLUS = "input", "plus"
"""What an answer is of what a LIV reads, as clauses say it: `plus from a1`."""

OTHERS, NONE = "others", "none"
"""Where an answer may go but to the stream: to all streams but the first; nowhere."""

STREAM, EMBEDDING = "stream", "embedding"
AND_EMBEDDING = f"[{STREAM}, {EMBEDDING}]"
"""What a LIV may read, as the language says it: the first is a placement too, and
features may be taken from the second."""

PLACEMENTS = {
    "pre": (True, False, False),
    "post": (False, True, False),
    "sandwich": (True, True, False),
    STREAM: (False, False, True),
    "none": (False, False, False),
}
"""Word of the language -> whether there is a norm before f, after it, of the stream."""

BARE = Residual(before=None)
"""Of a branch that says nothing: what stands around it stands around all at once."""


LEARNED = "learned"
"""The word for a factor that is."""


def placed(
    placement: str,
    norm: Norm,
    scale: float | str = 1.0,
    skip: float | str = 1.0,
    read: str = STREAM,
    output: str = STREAM,
    input: float | str = 1.0,
) -> Residual:
    """The residual with this norm at the places that the word says."""
    before, after, stream = PLACEMENTS[placement]
    return Residual(
        norm if before else None,
        norm if after else None,
        1.0 if scale == LEARNED else float(scale),
        1.0 if skip == LEARNED else float(skip),
        scale == LEARNED,
        skip == LEARNED,
        1.0 if input == LEARNED else float(input),
        input == LEARNED,
        read == AND_EMBEDDING,
        aside=output == NONE,
        others=output == OTHERS,
        stream=norm if stream else None,
    )
