"""LFM3: short convolutions, attention with a window, and some that sees all."""

from collections.abc import Sequence

from starc.artefacts import ArtefactError
from starc.zoo.families.lfm2 import AROUND, CONV, MLP, conv
from starc.zoo.family import Family, Part
from starc.zoo.field import flag, in_training, whole
from starc.zoo.kinds import FULL, SLIDING, layer_types, windowed
from starc.zoo.rope import by_type
from starc.zoo.shared import (
    ATTENTION,
    QK_NORM,
    head_dim,
    heads,
    hidden,
    renamed,
    sandwich,
    stream,
    with_names,
)
from starc.zoo.values import Values

ATTN = sandwich(
    with_names(
        renamed(ATTENTION, {"input_layernorm": "operator_norm"}),
        {**QK_NORM, "self_attn.gate_proj.weight": "gate.weight"},
    ),
    "post_operator_norm",
)
LOCAL = Part("local", ATTN.liv, ATTN.names, roles=("attn",))


def _usual(values: Values) -> list[str]:
    layers = range(values["num_hidden_layers"])
    return [
        FULL if i % 4 == 2 else SLIDING if i % 4 == 0 and i else "conv" for i in layers
    ]


def _layers(values: Values) -> Sequence[str]:
    if values["attention_bias"] and values["use_attention_gate"]:
        raise ArtefactError("attention_bias: the gate of attention would have one too")
    return windowed(values)


def _placement(values: Values) -> str:
    return "sandwich" if values["use_sandwich_norm"] else "pre"


FAMILY = Family(
    name="lfm3",
    title="LFM3",
    architecture="Lfm3ForCausalLM",
    fields={
        **stream(128_000, 2048, 24, 128_000, eps=1e-5, tied=True, eps_name="norm_eps"),
        **heads(16, 4),
        **head_dim(128),
        "intermediate_size": hidden(7680)["intermediate_size"],
        **conv(7),
        "rope_parameters": by_type(
            {
                FULL: {
                    "rope_type": "proportional",
                    "rope_theta": 1e6,
                    "partial_rotary_factor": 0.5,
                },
                SLIDING: {"rope_theta": 1e4},
            }
        ),
        "sliding_window": whole(256, "local.window", null=None),
        "layer_types": layer_types((FULL, SLIDING, "conv"), _usual),
        "use_sandwich_norm": flag(
            True, seen=lambda seen: seen.at("model.placement") == "sandwich"
        ),
        "use_attention_gate": flag(True, "attn.gate"),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
    },
    always={"model.placement": _placement, "attn.qk_norm": True},
    kinds={
        FULL: (ATTN, sandwich(MLP, "post_ffn_norm")),
        SLIDING: (LOCAL, sandwich(MLP, "post_ffn_norm")),
        "conv": (sandwich(CONV, "post_operator_norm"), sandwich(MLP, "post_ffn_norm")),
    },
    layers=_layers,
    names=AROUND,
    limits="biases beside gates",
)
