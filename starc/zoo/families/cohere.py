"""Cohere's Command R: attention and MLP side by side, LayerNorm without biases."""

from starc.zoo.family import Beside, Family, every_layer
from starc.zoo.field import Field, flag, in_training, number
from starc.zoo.rope import rope
from starc.zoo.seen import Seen
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    UNUSED,
    heads,
    hidden,
    stream,
    with_names,
    without_norm,
)
from starc.zoo.tensor import Names
from starc.zoo.values import word as said

FIELDS: dict[str, Field] = {
    **stream(256_000, 8192, 40, 8192, 1e-5, tied=True, eps_name="layer_norm_eps"),
    **heads(64),
    **hidden(22_528),
    "logit_scale": number(0.0625, "model.logit_scale", low=1e-4),
    "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
    "attention_dropout": in_training(),
}
NORM: Names = {"input_layernorm.*": "norm.*"}
ALWAYS = {"model.norm": said("layer", bias=False)}

ATTN = with_names(without_norm(ATTENTION), QK_NORM)


def _normed(seen: Seen) -> bool:
    return bool(seen.at("attn.qk_norm") == "layer")


FAMILY = Family(
    name="cohere",
    title="Command R",
    architecture="CohereForCausalLM",
    fields={
        **FIELDS,
        "rope_parameters": rope(theta=500_000.0, adjacent=True),
        "use_qk_norm": flag(False, null=False, seen=_normed),
    },
    always={
        **ALWAYS,
        "attn.qk_norm": lambda values: "layer" if values["use_qk_norm"] else None,
        "attn.norm_bias": lambda values: False if values["use_qk_norm"] else None,
        "attn.own_weights": lambda values: values["use_qk_norm"] or None,
    },
    kinds={"layer": (Beside((ATTN, without_norm(MLP)), NORM),)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
