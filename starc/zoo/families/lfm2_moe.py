"""LFM2 with experts: gated short convolutions, with attention between them."""

from starc.artefacts import boolean
from starc.zoo.experts import (
    after_the_first,
    first_dense,
    kinds,
    layers,
    missing,
    of_experts,
)
from starc.zoo.families.lfm2 import AROUND, ATTENTION, CONV, MLP, conv
from starc.zoo.family import Family, Part, by
from starc.zoo.field import Field, number, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.rope import rope
from starc.zoo.shared import heads, stream

EXPERTS = Part(
    "moe",
    "MoE",
    {
        "ffn_norm.weight": "norm.weight",
        "feed_forward.gate.weight": "router.weight",
        "feed_forward.expert_bias": "balance",
        "feed_forward.experts.{}.w1.weight": "gate.weight",
        "feed_forward.experts.{}.w3.weight": "up.weight",
        "feed_forward.experts.{}.w2.weight": "down_proj.weight",
    },
)

FAMILY = Family(
    name="lfm2_moe",
    title="LFM2 with experts",
    architecture="Lfm2MoeForCausalLM",
    fields={
        **stream(65_536, 2048, 32, 128_000, eps=1e-5, tied=True, eps_name="norm_eps"),
        **heads(32, 8),
        **conv(3),
        "rope_parameters": rope(theta=1e6),
        "intermediate_size": whole(7168, "mlp.hidden", high=2**22),
        **of_experts("num_experts", 32, 4, 1792, normalised=True),
        "use_expert_bias": Field(
            boolean,
            True,
            says=("moe.balance",),
            to=lambda value: "bias" if value else "none",
            of=lambda said: said == "bias",
        ),
        "routed_scaling_factor": number(1.0, "moe.scale", low=1e-3, high=1e3),
        **first_dense(2, "num_dense_layers"),
        "layer_types": layer_types((FULL, "conv"), missing("layer_types")),
    },
    always={"moe.scores": "sigmoid", "moe.sum_eps": 1e-6},
    kinds=kinds({FULL: ATTENTION, "conv": CONV}, EXPERTS, MLP),
    layers=layers(
        lambda values: after_the_first(values, "num_dense_layers"), by("layer_types")
    ),
    names=AROUND,
)
