"""Gemma 2: scores and logits that are capped, a window in every other layer."""

from starc.zoo.families.gemma3_text import FEED_FORWARD, SCORES, gemma_sizes
from starc.zoo.family import Family, Part
from starc.zoo.field import flag, in_training, number, only, whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types, windowed
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    SQRT_WIDTH,
    UNUSED,
    head_dim,
    heads,
    plus_one_norms,
    sandwich,
    stream,
)

ATTN = plus_one_norms(sandwich(ATTENTION, "post_attention_layernorm"))
LOCAL = Part("local", ATTN.liv, ATTN.names, roles=("attn",))

FAMILY = Family(
    name="gemma2",
    title="Gemma 2",
    architecture="Gemma2ForCausalLM",
    fields={
        **stream(256_000, 2304, 26, context=8192, eps=1e-6, tied=True),
        **heads(8, 4),
        **head_dim(256),
        **gemma_sizes(9216),
        "rope_parameters": rope(),
        "query_pre_attn_scalar": SCORES,
        "sliding_window": whole(4096, "local.window", null=None),
        "layer_types": layer_types((FULL, SLIDING), every(2)),
        "final_logit_softcapping": number(
            30.0, "model.logit_softcap", null=None, low=1e-3
        ),
        "attn_logit_softcapping": number(50.0, "attn.softcap", null=None, low=1e-3),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
        "use_bidirectional_attention": only(None, False),
    },
    always={"model.embedding_scale": SQRT_WIDTH, "model.placement": "sandwich"},
    kinds={FULL: (ATTN, FEED_FORWARD), SLIDING: (LOCAL, FEED_FORWARD)},
    layers=windowed,
    names=plus_one_norms(AROUND),
    unused=UNUSED,
)
