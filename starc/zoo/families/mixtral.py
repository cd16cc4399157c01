"""Mixtral: Mistral, with experts in every layer."""

from starc.zoo.experts import IN_TRAINING, UNBALANCED, activation, renamed_experts
from starc.zoo.family import Family, every_layer
from starc.zoo.field import in_training, whole
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, UNUSED, head_dim, heads, stream

FAMILY = Family(
    name="mixtral",
    title="Mixtral",
    architecture="MixtralForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=131_072, eps=1e-5, tied=False),
        **heads(32, 8),
        **head_dim(),
        "intermediate_size": whole(14_336, "moe.hidden", high=2**22),
        "num_local_experts": whole(8, "moe.experts", high=65_536),
        "num_experts_per_tok": whole(2, "moe.top", high=65_536),
        **activation(),
        "rope_parameters": rope(theta=1e6),
        "sliding_window": whole(None, "attn.window", null=None),
        "attention_dropout": in_training(),
        "router_jitter_noise": in_training(),
        **IN_TRAINING,
    },
    always=UNBALANCED,
    kinds={
        "layer": (
            ATTENTION,
            renamed_experts("block_sparse_moe", ("w1", "w3", "w2"), "gate.weight"),
        )
    },
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
