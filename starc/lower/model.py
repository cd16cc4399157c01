"""The model block: what the residual stream is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from starc.alphabet.around import (
    INPUT,
    INPUT_SCALE,
    LARGEST_SCALE,
    OUTPUT,
    PLACEMENT,
    RESIDUAL_SCALE,
    SKIP_SCALE,
)
from starc.alphabet.option import Givens, Option, Quantity
from starc.alphabet.resolved_options import Stream
from starc.alphabet.rotation import ROTATION
from starc.alphabet.settings import collect, contradiction, read_all, read_call
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.nodes import Written, WrittenStep
from starc.ir.residual import BARE, STREAM, Norm, Residual, placed
from starc.ir.streams import AltUp, AttentionResidual, Hyper, Streams
from starc.source import Span
from starc.values import dataclass

MOST_STREAMS = 64
"""Weights of a layer are as many as pairs of them."""

SQRT_WIDTH = "sqrt_width"
"""The square root of the width, for embedding_scale."""

EPS = Option(
    "eps",
    "number",
    "what the norms add to the mean square before its root is taken",
    Fraction(1, 100_000),
    low=1e-12,
    high=1,
)
MODEL_OPTIONS = (
    Option("width", "whole", "channels of the residual stream", high=131_072),
    Option("vocab", "whole", "number of tokens that there are", 50_304, high=2**24),
    Option("context", "whole", "longest sequence it is made for", 4096, high=2**24),
    Option("tied", "flag", "the head's weights are the embedding's", True),
    Option("head_bias", "flag", "the head adds a bias to each logit", False),
    Option("norm", "word", "RMSNorm or LayerNorm", "rms", choices=("rms", "layer")),
    EPS,
    replace(PLACEMENT, default="pre"),
    Option(
        "positions",
        "word",
        "rotary positions in every attention; scores that fall with the distance; a "
        "learned vector for each place, added to the embeddings; or none",
        "rope",
        choices=("rope", "alibi", "learned", "none"),
        assumption="the paper does not name its positions",
    ),
    replace(RESIDUAL_SCALE, default=1),
    replace(SKIP_SCALE, default=1),
    Option(
        "streams",
        "word",
        "one residual stream, or several: one that is computed and others that follow "
        "it (altup), all read and written with learned weights (hyper), or what each "
        "block gives, read by attention (attention)",
        "one",
        choices=("one", "altup", "hyper", "attention"),
    ),
    Option(
        "embedding_scale",
        "number",
        "what the embeddings are multiplied with on their way into the stream",
        1,
        low=1 / LARGEST_SCALE,
        high=LARGEST_SCALE,
        words=(SQRT_WIDTH,),
    ),
    Option(
        "embedding_norm",
        "word",
        "a norm of what enters the stream",
        "none",
        choices=("none", "rms", "layer"),
    ),
    Option(
        "layer_vocab",
        "whole",
        "tokens that have vectors of their own where LIVs take features from the "
        "embedding; the others have those of token 0",
        0,
        high=2**24,
        none=True,
    ),
    Option(
        "logit_scale",
        "number",
        "what the logits are multiplied with, before they are capped",
        1,
        low=1 / LARGEST_SCALE,
        high=LARGEST_SCALE,
    ),
    Option(
        "logit_softcap",
        "number",
        "c in c tanh(logits / c)",
        0,
        low=1e-3,
        high=1e6,
        none=True,
    ),
)
Words = Mapping[str, Mapping[str, Option]]
WEIGHT = Option("weight", "flag", "the norms have learned weights", True)
BIAS = Option("bias", "flag", "and a bias beside each, if they have weights", True)
NORM_WORDS: Words = {
    "rms": {"eps": EPS, "weight": WEIGHT},
    "layer": {"eps": EPS, "weight": WEIGHT, "bias": BIAS},
}
EMBEDDING_NORM_WORDS: Words = {
    "none": {},
    "rms": {"weight": WEIGHT},
    "layer": {"weight": WEIGHT, "bias": BIAS},
}
POSITION_WORDS: Words = {
    "rope": {o.name: o for o in ROTATION},
    "alibi": {},
    "learned": {},
    "none": {},
}
_COUNT = Option("count", "whole", "how many streams there are", 4, high=MOST_STREAMS)
_DYNAMIC = Option("dynamic", "flag", "the weights are made of the streams too", True)
_NORMED = Option("normed", "flag", "what is summed is normed, as what is scored", False)
STREAM_WORDS: Words = {
    "one": {},
    "altup": {"count": _COUNT},
    "hyper": {"count": _COUNT, "dynamic": _DYNAMIC},
    "attention": {"normed": _NORMED},
}
_CALLS = ("norm", "positions", "embedding_norm", "streams")

_BY_NAME = {option.name: option for option in MODEL_OPTIONS}
_PLAIN = {n: o for n, o in _BY_NAME.items() if n not in _CALLS}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


@dataclass(frozen=True)
class ModelSettings:
    """The model block as read; `stream` is None where the width is not known."""

    name: str
    stated: Givens
    norm: tuple[str, Givens]
    positions: tuple[str, Givens]
    embedding_norm: tuple[str, Givens]
    said_of_streams: tuple[str, Givens]

    def value(self, name: str) -> Quantity:
        if name in self.stated:
            return self.stated[name].value
        default = _BY_NAME[name].default
        assert default is not None
        return default

    @cached_property
    def stream(self) -> Stream | None:
        if "width" not in self.stated:
            return None
        word, given = self.positions
        said = {name: one.value for name, one in given.items()}
        rope = said if word == "rope" else None
        width, context = (_whole(self.value(name)) for name in ("width", "context"))
        return Stream(width, context, rope, word)

    @cached_property
    def the_norm(self) -> Norm:
        word, given = self.norm
        eps = given["eps"].value if "eps" in given else self.value("eps")
        return _norm(word, float(eps), given)

    @property
    def streams(self) -> Streams | None:
        """How several streams are read and written; None: there is one."""
        word, given = self.said_of_streams
        said = {
            name: given[name].value if name in given else option.default
            for name, option in STREAM_WORDS[word].items()
        }
        match word:
            case "altup":
                return AltUp(_whole(said["count"]), self.the_norm.eps)
            case "hyper":
                count, dynamic = _whole(said["count"]), bool(said["dynamic"])
                return Hyper(count, self.the_norm.eps, dynamic)
            case "attention":
                return AttentionResidual(1, self.the_norm.eps, bool(said["normed"]))
            case _:
                return None

    @property
    def norm_of_embeddings(self) -> Norm | None:
        word, given = self.embedding_norm
        return None if word == "none" else _norm(word, self.the_norm.eps, given)

    def residual(self, said: Mapping[str, Quantity] = {}) -> Residual:
        """Around a LIV, of which `said` says placement and scales, or less."""
        of_model = (PLACEMENT.name, RESIDUAL_SCALE.name, SKIP_SCALE.name)
        placement, *scales = (said.get(name, self.value(name)) for name in of_model)
        scale, skip = map(_factor, scales)
        read, output = (str(said.get(o.name, STREAM)) for o in (INPUT, OUTPUT))
        norm, factor = self.the_norm, _factor(said.get(INPUT_SCALE.name, 1))
        return placed(str(placement), norm, scale, skip, read, output, factor)

    def inside(self, said: Mapping[str, Quantity]) -> Residual:
        """Around a branch: nothing but what `said` says of the branch itself."""
        placement, scale, read = (
            option.name for option in (PLACEMENT, RESIDUAL_SCALE, INPUT_SCALE)
        )
        if not said.keys() & {placement, scale, read}:
            return BARE
        return placed(
            str(said.get(placement, "none")),
            self.the_norm,
            _factor(said.get(scale, 1)),
            input=_factor(said.get(read, 1)),
        )

    @property
    def embedding_scale(self) -> float:
        said = self.value("embedding_scale")
        return _whole(self.value("width")) ** 0.5 if said == SQRT_WIDTH else float(said)

    @property
    def layer_vocab(self) -> int:
        said = _whole(self.value("layer_vocab"))
        return 0 if said == self.value("vocab") else said

    def model(self, body: tuple[WrittenStep, ...], span: Span) -> Written:
        return Written(
            name=self.name,
            width=_whole(self.value("width")),
            vocab=_whole(self.value("vocab")),
            context=_whole(self.value("context")),
            body=body,
            tied=bool(self.value("tied")),
            norm=self.the_norm,
            residual=self.residual(),
            streams=self.streams,
            embedding_scale=self.embedding_scale,
            logit_scale=float(self.value("logit_scale")),
            logit_softcap=float(self.value("logit_softcap")),
            learned_positions=self.positions[0] == "learned",
            embedding_norm=self.norm_of_embeddings,
            layer_vocab=self.layer_vocab,
            head_bias=bool(self.value("head_bias")),
            span=span,
        )


def read_model(
    block: ast.Model | None, broken: frozenset[str], problems: Problems
) -> ModelSettings | None:
    """The settings; those that are wrong are told, and left at their defaults."""
    if block is None:
        return None
    name = "model"
    if block.name is not None:
        if _NAME.fullmatch(block.name.text):
            name = block.name.text
        else:
            problems.add(
                "bad-name",
                "This cannot be the name of a model",
                block.name.span,
                "not an identifier",
                "A model's name is letters, digits and `_`, at most 80 of them.",
                "write " + re.sub(r"\W", "_", block.name.text[:80], flags=re.ASCII),
            )
    settings = collect(block.settings, _BY_NAME, "The model block", problems)
    stated = read_all(settings, _PLAIN, problems)
    if "width" not in settings and "width" not in broken:
        place = block.span if block.name is None else block.name.span
        problems.add(
            "missing-width",
            "The model has no width",
            place if block.name else Span(place.start, place.start + 5, place.source),
            "its width is missing",
            "`width` is the number of channels of the residual stream.",
            "write width = 768",
        )
    norm = read_call(settings.get("norm"), NORM_WORDS, "rms", problems)
    if "eps" in stated and "eps" in norm[1]:
        inner, outer = norm[1]["eps"].span, stated["eps"].span
        contradiction("eps", "eps", inner, outer, problems)
    _check_layer_vocab(stated, problems)
    positions = read_call(settings.get("positions"), POSITION_WORDS, "rope", problems)
    entering = read_call(
        settings.get("embedding_norm"), EMBEDDING_NORM_WORDS, "none", problems
    )
    streams = read_call(settings.get("streams"), STREAM_WORDS, "one", problems)
    return ModelSettings(name, stated, norm, positions, entering, streams)


def _check_layer_vocab(stated: Givens, problems: Problems) -> None:
    """There are no vectors for tokens that there are not."""
    if "layer_vocab" not in stated:
        return
    said, most = stated["layer_vocab"], _BY_NAME["vocab"].default
    vocab = stated["vocab"].value if "vocab" in stated else most
    if _whole(said.value) > _whole(vocab or 0):
        problems.add(
            "out-of-range",
            "More tokens than the vocabulary has",
            said.span,
            f"the vocabulary has {vocab:_}",
            "`layer_vocab` says how many of the tokens have vectors of their own.",
            "leave it out: all tokens have them",
        )


def _norm(word: str, eps: float, given: Givens) -> Norm:
    weight, bias = (
        bool(given[name].value) if name in given else True
        for name in ("weight", "bias")
    )
    return Norm(word, eps, weight, weight and bias)


def _factor(value: Quantity) -> float | str:
    """A number, or the word for one that is learned."""
    return value if isinstance(value, str) else float(value)


def _whole(value: Quantity | None) -> int:
    assert isinstance(value, int)
    return value
