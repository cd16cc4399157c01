"""OLMo 2: norms after the LIVs, and over all of q and of k at once."""

from starc.zoo.family import Family, every_layer
from starc.zoo.field import Field, flag, in_training
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    UNUSED,
    heads,
    hidden,
    post,
    stream,
    with_names,
)

FIELDS: dict[str, Field] = {
    **stream(50_304, 4096, 32, context=2048, eps=1e-5, tied=False),
    **heads(32),
    **hidden(11_008),
    "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
    "attention_dropout": in_training(),
}
ATTN = with_names(post(ATTENTION, "post_attention_layernorm"), QK_NORM)
FEED_FORWARD = post(MLP, "post_feedforward_layernorm")
ALWAYS = {"attn.qk_norm": "full", "model.placement": "post"}

FAMILY = Family(
    name="olmo2",
    title="OLMo 2",
    architecture="Olmo2ForCausalLM",
    fields={**FIELDS, "rope_parameters": rope()},
    always=ALWAYS,
    kinds={"layer": (ATTN, FEED_FORWARD)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
