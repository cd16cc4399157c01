"""Granite 4: Mamba-2 and attention, then a gated unit, with or without experts."""

from dataclasses import replace
from typing import Any

from starc.zoo.experts import DENSE, IN_TRAINING, SPARSE, UNBALANCED, kinds, layers
from starc.zoo.families.bamba import LINEAR, MAMBA, MAMBA_HEAD_DIM, channels
from starc.zoo.families.granite import MULTIPLIERS
from starc.zoo.family import Beside, Family, Part, by
from starc.zoo.field import flag, in_training, only, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.mamba import mamba_2
from starc.zoo.rope import Rope, rope
from starc.zoo.seen import SILENT, Seen, or_one
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    UNUSED,
    heads,
    stream,
    without_norm,
)
from starc.zoo.tensor import Made, Names
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
NORM: Names = {"post_attention_layernorm.weight": "norm.weight"}
EXPERTS = Part(
    "moe",
    "MoE",
    {
        "block_sparse_moe.router.layer.weight": "router.weight",
        "block_sparse_moe.input_linear.weight": Made(
            "gate.weight up.weight", by_expert=True
        ),
        "block_sparse_moe.output_linear.weight": "down_proj.weight",
    },
)
SHARED = replace(without_norm(MLP), alias="shared", roles=("mlp",))


def _sparse(values: Values) -> list[str]:
    word = SPARSE if values["num_local_experts"] else DENSE
    return [word] * int(values["num_hidden_layers"])


def _experts(seen: Seen) -> int:
    found = seen.at("moe.experts")
    return 0 if found is SILENT else int(found)


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
        "num_local_experts": whole(
            8, "moe.experts", null=0, low=0, high=65_536, seen=_experts
        ),
        "num_experts_per_tok": whole(
            2, "moe.top", null=2, high=65_536, seen=or_one("moe.top")
        ),
        "intermediate_size": whole(11_008, "moe.hidden", high=2**22),
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
        **IN_TRAINING,
        "attention_dropout": in_training(),
    },
    always={
        "model.positions": _positions,
        "mamba.norm": "grouped",
        "mamba.head_dim": channels,
        **UNBALANCED,
    },
    kinds=kinds(
        {FULL: ATTENTION, LINEAR: mamba_2("mamba", "input_layernorm")},
        Beside((EXPERTS, SHARED), NORM),
        MLP,
    ),
    layers=layers(_sparse, by("layer_types")),
    names=AROUND,
    unused=UNUSED,
    limits="convolutions without biases",
)
