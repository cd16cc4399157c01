"""Bamba: Mamba-2, with attention in some layers."""

from dataclasses import replace
from typing import Any

from starc.artefacts import integer
from starc.zoo.family import Family, by
from starc.zoo.field import (
    Field,
    flag,
    ignored,
    in_training,
    listed,
    number,
    only,
    whole,
)
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.mamba import COMPUTED, CONV_BIAS, expansion, mamba_2, step_limits
from starc.zoo.rope import rope
from starc.zoo.seen import SILENT, Seen, or_one
from starc.zoo.shared import ATTENTION, MLP, heads, hidden, renamed, stream
from starc.zoo.tensor import Names
from starc.zoo.values import Values

LINEAR = "linear_attention"

MAMBA: dict[str, Field] = {
    "mamba_n_heads": whole(
        *(128, "mamba.heads"), high=4096, seen=or_one("mamba.heads")
    ),
    "mamba_n_groups": whole(1, "mamba.groups", high=4096),
    "mamba_d_state": whole(256, "mamba.states", high=4096),
    "mamba_d_conv": whole(4, "mamba.kernel", low=2, high=16),
    "mamba_expand": number(2, low=1e-3, high=64, seen=expansion),
    "mamba_conv_bias": CONV_BIAS,
    "time_step_limit": step_limits(),
    **COMPUTED,
}


def _head_dim(values: Values) -> int:
    return int(values["mamba_expand"] * values["hidden_size"]) // int(
        values["mamba_n_heads"]
    )


def head_dim_or_auto(found: Any, name: str) -> int | None:
    return None if found == "auto" else integer(found, name, 1, 8192)


def channels(values: Values) -> int:
    """Of a head."""
    found = values["mamba_d_head"]
    return _head_dim(values) if found is None else int(found)


MAMBA_HEAD_DIM = {
    "mamba_d_head": Field(
        head_dim_or_auto, null=None, seen=lambda seen: seen.at("mamba.head_dim")
    )
}


def _indices(found: Any, name: str) -> list[int]:
    return [integer(one, name, 0, 4096) for one in listed(found, name)]


def _attention(seen: Seen) -> list[int]:
    return [depth for depth, kind in enumerate(seen.layers) if kind == FULL]


def _layers(values: Values) -> list[str]:
    attention = values["attn_layer_indices"] or ()
    layers = range(values["num_hidden_layers"])
    return [FULL if depth in attention else LINEAR for depth in layers]


AROUND: Names = {
    "model.embed_tokens.weight": "embedding.weight",
    "model.final_layernorm.weight": "norm.weight",
    "lm_head.weight": "head.weight",
}
FEED_FORWARD = renamed(MLP, {"mlp.": "feed_forward.", "post_attention_": "pre_ff_"})

FAMILY = Family(
    name="bamba",
    title="Bamba",
    architecture="BambaForCausalLM",
    fields={
        **stream(128_000, 4096, 32, context=262_144, eps=1e-5, tied=False),
        **heads(32, 8),
        **hidden(14_336),
        "hidden_act": only("silu", why="the convolutions of Mamba-2 have silu alone"),
        "rope_parameters": rope(fraction=0.5),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        **MAMBA,
        **MAMBA_HEAD_DIM,
        "mamba_proj_bias": flag(False, "mamba.bias", "mamba.out_bias"),
        "attn_layer_indices": Field(_indices, null=None, seen=_attention),
        "layer_types": replace(  # theirs has a word for it, and follows the indices
            layer_types((FULL, LINEAR), _layers), seen=lambda seen: SILENT
        ),
        "z_loss_coefficient": ignored("of the loss in training"),
        "attention_dropout": in_training(),
    },
    always={"mamba.norm": "grouped", "mamba.head_dim": channels},
    kinds={
        FULL: (ATTENTION, FEED_FORWARD),
        LINEAR: (mamba_2("mamba", "input_layernorm"), FEED_FORWARD),
    },
    layers=by("layer_types"),
    names=AROUND,
    limits="convolutions without biases",
)
