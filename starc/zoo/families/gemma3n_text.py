"""Gemma 3n: several streams, embeddings of layers, keys of earlier layers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, integer, real
from starc.ir.nodes import Liv
from starc.ir.residual import LEARNED, OTHERS
from starc.ir.streams import AltUp
from starc.lower.model import MOST_STREAMS
from starc.values import dataclass
from starc.zoo.family import Beside, Family, Part, Together, Use
from starc.zoo.field import (
    Field,
    flag,
    ignored,
    in_training,
    listed,
    number,
    only,
    whole,
    word,
)
from starc.zoo.kinds import FULL, SLIDING, every, layer_types
from starc.zoo.rope import by_type
from starc.zoo.seen import Seen, Unlike
from starc.zoo.shared import (
    ACTIVATIONS,
    ATTENTION,
    MLP,
    QK_NORM,
    SQRT_WIDTH,
    UNUSED,
    head_dim,
    heads,
    sandwich,
    stream,
    with_names,
    without_norm,
)
from starc.zoo.shared import AROUND as NAMES_AROUND
from starc.zoo.tensor import Names
from starc.zoo.values import Values, Word

SHARED = " shared"
HALF = 0.5**0.5
"""What the stream and all that is added to it are multiplied with: 1 / sqrt(2)."""


def _first_shared(values: Values) -> int:
    """The first of the layers that have keys and values of earlier ones."""
    return int(values["num_hidden_layers"] - values["num_kv_shared_layers"])


def _label(kind: str) -> str:
    return f"{kind.removesuffix('_attention')}_kv"


def _attention(values: Values, depth: int) -> Use:
    """The last layers have keys and values of the last layer of their kind before."""
    first, kinds = _first_shared(values), values["layer_types"]
    kind = kinds[depth]
    if depth >= first:
        return Use(clauses=(f"k, v from {_label(kind)}",))
    last = first < len(kinds) and kind not in kinds[depth + 1 : first]
    return Use(_label(kind) if last else "")


def _hidden(values: Values, depth: int) -> int | None:
    """Where layers have others; else all have the width of `always`."""
    widths: list[int] = values["intermediate_size"]
    return widths[depth] if len({*widths}) > 1 else None


def _one_width(values: Values) -> int | None:
    widths: list[int] = values["intermediate_size"]
    return widths[0] if len({*widths}) == 1 else None


def _sparsity(values: Values, depth: int) -> float | None:
    return values["activation_sparsity_pattern"][depth] or None


ATTN = replace(
    with_names(without_norm(ATTENTION), QK_NORM),
    names={
        **without_norm(ATTENTION).names,
        **QK_NORM,
        "post_attention_layernorm.weight": "post_norm.weight",
    },
    options={"qk_norm": True, "v_norm": True, "scale": 1, "placement": "post"},
    use=_attention,
)
LOCAL = replace(ATTN, alias="local", roles=("attn",))
LAUREL = Part(
    "laurel",
    "LAuReL",
    {
        "laurel.linear_left.weight": "latent.weight",
        "laurel.linear_right.weight": "up.weight",
        "laurel.post_laurel_norm.weight": "norm_weight",
    },
)
FEED_FORWARD = replace(
    sandwich(MLP, "post_feedforward_layernorm", "pre_feedforward_layernorm"),
    options={"placement": "sandwich"},
    by_depth={"hidden": _hidden, "activation_sparsity": _sparsity},
)
EMBEDDING = Part(
    "ple",
    "glu",
    {
        "altup.correct_output_scale": "input.weight",
        "per_layer_input_gate.weight": "gate.weight",
        "per_layer_projection.weight": "out.weight",
        "post_per_layer_input_norm.weight": "post_norm.weight",
    },
    options={"placement": "post", "input_scale": LEARNED, "output": OTHERS},
    use=lambda values, depth: Use(clauses=("up from embedding",)),
)


def _layer(attention: Part) -> tuple[Together | Part, ...]:
    names: Names = {
        "input_layernorm.weight": "norm.weight",
        "altup.router_norm.weight": "streams.norm.weight",
        "altup.modality_router.weight": "streams.router.weight",
        "altup.prediction_coefs.weight": "streams.prediction.weight",
        "altup.correction_coefs.weight": "streams.correction.weight",
    }
    factors = {"residual_scale": HALF, "skip_scale": HALF}
    beside = Beside((attention, LAUREL), names, factors)
    return Together((beside, FEED_FORWARD)), EMBEDDING


AROUND: Names = {
    **NAMES_AROUND,
    "model.embed_tokens_per_layer.weight": "layer_embeddings.table.weight",
    "model.per_layer_model_projection.weight": "layer_embeddings.proj.weight",
    "model.per_layer_projection_norm.weight": "layer_embeddings.norm.weight",
    **{
        f"model.altup_{theirs}projections.{i}.weight": f"streams.{ours}.{i}.weight"
        for theirs, ours in (("", "opening"), ("unembed_", "closing"))
        for i in range(MOST_STREAMS - 1)
    },
}


@dataclass(frozen=True)
class _Each(Field):
    """A number for each layer, or one for all of them."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[Any]:
        layers = values["num_hidden_layers"]
        found = given.get(name)
        if found is None:
            found = self.default(values)
        if not isinstance(found, list):
            return [self.check(found, name)] * layers
        if len(listed(found, name)) != layers:
            raise ArtefactError(f"{name} has {len(found)} entries, not {layers}")
        return [self.check(one, f"{name}[{i}]") for i, one in enumerate(found)]


def _width(found: Any, name: str) -> int:
    return integer(found, name, 1, 2**22)


def _share(found: Any, name: str) -> float:
    said = real(found, name, 0, 0.999)
    if 0 < said < 1e-3:
        raise ArtefactError(f"{name} = {said}: less than a thousandth")
    return said


def _usual_shares(values: Values) -> list[float]:
    layers = values["num_hidden_layers"]
    sparse = 10 if layers > 10 else 0
    return [0.95] * sparse + [0.0] * (layers - sparse)


def _of_mlp(seen: Seen, name: str) -> list[Any]:
    """A number of each gated unit, layer by layer."""
    found = (one.liv.operator for one in seen.instances if "mlp" in one.roles)
    return [getattr(operator, name) for operator in found]


@dataclass(frozen=True)
class _AtMost(Field):
    """A number that another field bounds."""

    bound: str = ""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        found = super().read(name, given, values)
        if found > values[self.bound]:
            raise ArtefactError(f"{name} = {found}: more than {self.bound}")
        return found


def _rows(found: Any, name: str) -> int:
    return integer(found, name, 1, 2**24)


def _streams(seen: Seen) -> int:
    if not isinstance(seen.model.streams, AltUp):
        raise Unlike("the model has no streams that AltUp predicts")
    return seen.model.streams.count


def _borrowing(seen: Seen) -> int:
    """Layers that have keys of earlier ones."""
    return sum(_borrows(one.liv) for one in seen.instances if "attn" in one.roles)


def _borrows(liv: Liv) -> bool:
    return any(f.borrowed for f in liv.features if f.group == "k")


def _kinds(values: Values) -> Sequence[str]:
    """The types, and behind those of layers without keys of their own ` shared`."""
    kinds, first = values["layer_types"], _first_shared(values)
    shared = {*kinds[first:]} if first > 0 else {*kinds}
    if first < len(kinds) and not shared <= {*kinds[:first]}:
        raise ArtefactError(
            f"num_kv_shared_layers = {values['num_kv_shared_layers']}: no layer before "
            "these is of their type"
        )
    return [k + SHARED * (depth >= first) for depth, k in enumerate(kinds)]


FAMILY = Family(
    name="gemma3n_text",
    title="Gemma 3n, text",
    architecture="Gemma3nForCausalLM",
    fields={
        **stream(262_400, 2048, 35, context=32_768, eps=1e-6, tied=True),
        **heads(8, 2),
        **head_dim(256),
        "intermediate_size": _Each(
            _width,
            lambda values: 16_384,
            says=("mlp.hidden",),
            to=lambda widths: None,
            seen=lambda seen: _of_mlp(seen, "hidden"),
        ),
        "activation_sparsity_pattern": _Each(
            _share,
            _usual_shares,
            says=("mlp.activation_sparsity",),
            to=lambda shares: None,
            seen=lambda seen: _of_mlp(seen, "activation_sparsity"),
        ),
        "hidden_activation": word(
            "gelu_pytorch_tanh",
            {**ACTIVATIONS, "gelu": "gelu_erf"},
            *("mlp.activation", "ple.activation"),
        ),
        "rope_parameters": by_type(
            {FULL: {"rope_theta": 1e6}, SLIDING: {"rope_theta": 1e4}}
        ),
        "sliding_window": whole(512, "local.window"),
        "layer_types": layer_types((FULL, SLIDING), every(5)),
        "num_kv_shared_layers": whole(15, low=0, high=4096, seen=_borrowing),
        "final_logit_softcapping": number(
            30.0, "model.logit_softcap", null=None, low=1e-3
        ),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
        "vocab_size_per_layer_input": _AtMost(
            *(_rows, 262_144),
            says=("model.layer_vocab",),
            bound="vocab_size",
            seen=lambda seen: seen.model.layer_vocab or seen.model.vocab,
        ),
        "hidden_size_per_layer_input": whole(256, "ple.hidden", high=2**22),
        "altup_active_idx": only(0),
        "altup_coef_clip": ignored("it bounds weights in training"),
        "altup_correct_scale": only(
            True, why="theirs has the scale all the same, and does not use it"
        ),
        "altup_num_inputs": whole(
            *(4, "model.streams"),
            high=MOST_STREAMS,
            to=lambda count: Word("altup", {"count": count}),
            seen=_streams,
        ),
        "laurel_rank": whole(64, "laurel.rank", high=8192),
    },
    always={
        "model.embedding_scale": SQRT_WIDTH,
        "mlp.hidden": _one_width,
    },
    kinds={
        FULL: _layer(ATTN),
        SLIDING: _layer(LOCAL),
        FULL + SHARED: _layer(ATTN),
        SLIDING + SHARED: _layer(LOCAL),
    },
    layers=_kinds,
    names=AROUND,
    unused=UNUSED,
    limits="the models of images and sound around it",
)
