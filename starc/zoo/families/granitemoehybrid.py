"""Granite 4, the configurations without experts: Mamba-2 and attention."""

from dataclasses import replace
from typing import Any

from starc.zoo.families.bamba import LINEAR, MAMBA, MAMBA_HEAD_DIM, channels
from starc.zoo.families.granite import MULTIPLIERS
from starc.zoo.family import Family, Part, by
from starc.zoo.field import flag, ignored, in_training, only, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.mamba import mamba_2
from starc.zoo.rope import Rope, rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import AROUND, ATTENTION, UNUSED, heads, stream
from starc.zoo.values import Values
from starc.zoo.values import word as said

MLP = Part(
    "mlp",
    "glu",
    {
        "post_attention_layernorm.weight": "norm.weight",
        "shared_mlp.input_linear.weight": "gate.weight up.weight",
        "shared_mlp.output_linear.weight": "out.weight",
    },
)


def _turned(seen: Seen) -> Any:
    return "rope" if seen.rotations() else SILENT


def _positions(values: Values) -> object:
    if values["position_embedding_type"] != "rope":
        return said("none")
    return Rope.settings(rope(), values["rope_parameters"], values)["model.positions"]


FAMILY = Family(
    name="granitemoehybrid",
    title="Granite 4",
    architecture="GraniteMoeHybridForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=2048, eps=1e-6, tied=False),
        **heads(32),
        "num_local_experts": only(0, default=8, why="experts have no word"),
        "shared_intermediate_size": whole(1024, "mlp.hidden", high=2**22),
        "hidden_act": only("silu", why="the convolutions of Mamba-2 have silu alone"),
        "position_embedding_type": replace(only(None, "rope"), seen=_turned),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        **MULTIPLIERS,
        **MAMBA,
        **MAMBA_HEAD_DIM,
        "mamba_proj_bias": flag(False, "mamba.bias", "mamba.out_bias"),
        "layer_types": layer_types(
            (FULL, LINEAR), lambda values: [LINEAR] * values["num_hidden_layers"]
        ),
        **dict.fromkeys(
            ("intermediate_size", "num_experts_per_tok", "router_aux_loss_coef"),
            ignored("of experts, and there are none"),
        ),
        "output_router_logits": ignored("of experts, and there are none"),
        "attention_dropout": in_training(),
    },
    always={
        "model.positions": _positions,
        "mamba.norm": "grouped",
        "mamba.head_dim": channels,
    },
    kinds={
        FULL: (ATTENTION, MLP),
        LINEAR: (mamba_2("mamba", "input_layernorm"), MLP),
    },
    layers=by("layer_types"),
    names=AROUND,
    unused=UNUSED,
    limits="experts; convolutions without biases",
)
