"""Gemma 3: sandwich norms, norms of q and k, a wide view every sixth layer."""

from typing import Any

from starc.artefacts import integer
from starc.zoo.families.gemma import ACTIVATION
from starc.zoo.family import Family, Part
from starc.zoo.field import Field, also, flag, in_training, number, only, whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types, windowed
from starc.zoo.rope import by_type, head_channels
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    hidden,
    plus_one_norms,
    root_of_width,
    sandwich,
    stream,
    with_names,
)
from starc.zoo.tensor import Made
from starc.zoo.values import Values


def _factor(values: Values) -> float:
    """What scores are multiplied with, over what ours are."""
    return float((head_channels(values) / values["query_pre_attn_scalar"]) ** 0.5)


_QUERY_NORM = Made(
    "q_norm",
    scale=_factor,
    offset=_factor,
    folds="norms hold 1 + weight; that of q query_pre_attn_scalar too",
)
ATTN = with_names(
    plus_one_norms(
        with_names(sandwich(ATTENTION, "post_attention_layernorm"), QK_NORM)
    ),
    {"self_attn.q_norm.weight": _QUERY_NORM},
)
LOCAL = Part("local", ATTN.liv, ATTN.names, roles=("attn",))
FEED_FORWARD = plus_one_norms(
    sandwich(MLP, "post_feedforward_layernorm", "pre_feedforward_layernorm")
)


def _usual(values: Values) -> list[str]:
    return every(values["sliding_window_pattern"])(values)


def _pattern(found: Any, name: str) -> int:
    return integer(found, name, 1, 4096)


_SIZES: dict[str, Field] = {
    **hidden(9216),
    **ACTIVATION,
}
_SIZES["hidden_activation"] = _SIZES.pop("hidden_act")

FAMILY = Family(
    name="gemma3_text",
    title="Gemma 3, text",
    architecture="Gemma3ForCausalLM",
    fields={
        **stream(262_208, 2304, 26, context=131_072, eps=1e-6, tied=True),
        **heads(8, 4),
        **head_dim(256),
        **_SIZES,
        "rope_parameters": by_type(
            {FULL: {"rope_theta": 1e6}, SLIDING: {"rope_theta": 1e4}}
        ),
        "query_pre_attn_scalar": number(256, low=1e-3),
        "sliding_window": whole(4096, "local.window", null=None),
        "sliding_window_pattern": also(Field(_pattern, 6), "_sliding_window_pattern"),
        "layer_types": layer_types((FULL, SLIDING), _usual),
        "final_logit_softcapping": number(
            None, "model.logit_softcap", null=None, low=1e-3
        ),
        "attn_logit_softcapping": only(None),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
        "use_bidirectional_attention": only(False, None),
    },
    always={
        "model.embedding_scale": root_of_width,
        "model.placement": "sandwich",
        "attn.qk_norm": True,
    },
    kinds={FULL: (ATTN, FEED_FORWARD), SLIDING: (LOCAL, FEED_FORWARD)},
    layers=windowed,
    names=plus_one_norms(AROUND),
    unused=UNUSED,
    limits="rotations that are scaled (4B and larger); the image model around it",
)
