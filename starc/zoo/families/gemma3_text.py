"""Gemma 3: sandwich norms, norms of q and k, a wide view every sixth layer."""

from typing import Any

from starc.artefacts import integer
from starc.zoo.families.gemma import ACTIVATION
from starc.zoo.family import Family, Part
from starc.zoo.field import Field, also, flag, in_training, number, only, whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types, windowed
from starc.zoo.rope import by_type
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    SQRT_WIDTH,
    UNUSED,
    head_dim,
    heads,
    hidden,
    plus_one_norms,
    sandwich,
    stream,
    with_names,
)
from starc.zoo.values import Values

ATTN = plus_one_norms(
    with_names(sandwich(ATTENTION, "post_attention_layernorm"), QK_NORM)
)
LOCAL = Part("local", ATTN.liv, ATTN.names, roles=("attn",))
FEED_FORWARD = plus_one_norms(
    sandwich(MLP, "post_feedforward_layernorm", "pre_feedforward_layernorm")
)


def _usual(values: Values) -> list[str]:
    return every(values["sliding_window_pattern"])(values)


def _pattern(found: Any, name: str) -> int:
    return integer(found, name, 1, 4096)


SCORES = number(
    *(256, "attn.scale"),
    low=1e-3,
    to=lambda value: value**-0.5,
    of=lambda scale: scale**-2.0,
)


def gemma_sizes(width: int) -> dict[str, Field]:
    """The gated unit, whose activation has another name."""
    found = {**hidden(width), **ACTIVATION}
    found["hidden_activation"] = found.pop("hidden_act")
    return found


FAMILY = Family(
    name="gemma3_text",
    title="Gemma 3, text",
    architecture="Gemma3ForCausalLM",
    fields={
        **stream(262_208, 2304, 26, context=131_072, eps=1e-6, tied=True),
        **heads(8, 4),
        **head_dim(256),
        **gemma_sizes(9216),
        "rope_parameters": by_type(
            {FULL: {"rope_theta": 1e6}, SLIDING: {"rope_theta": 1e4}}
        ),
        "query_pre_attn_scalar": SCORES,
        "sliding_window": whole(4096, "local.window", null=None),
        "sliding_window_pattern": also(Field(_pattern, 6), "_sliding_window_pattern"),
        "layer_types": layer_types((FULL, SLIDING), _usual),
        "final_logit_softcapping": number(
            None, "model.logit_softcap", null=None, low=1e-3
        ),
        "attn_logit_softcapping": number(None, "attn.softcap", null=None, low=1e-3),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
        "use_bidirectional_attention": only(False, None),
    },
    always={
        "model.embedding_scale": SQRT_WIDTH,
        "model.placement": "sandwich",
        "attn.qk_norm": True,
    },
    kinds={FULL: (ATTN, FEED_FORWARD), SLIDING: (LOCAL, FEED_FORWARD)},
    layers=windowed,
    names=plus_one_norms(AROUND),
    unused=UNUSED,
    limits="the image model around it",
)
