"""Phi 3.5 with experts: LayerNorm, and experts chosen one after the other."""

from starc.zoo.experts import IN_TRAINING, UNBALANCED, activation, renamed_experts
from starc.zoo.family import Family, every_layer
from starc.zoo.field import flag, in_training, number, whole
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, UNUSED, heads, stream

FAMILY = Family(
    name="phimoe",
    title="Phi 3.5 with experts",
    architecture="PhimoeForCausalLM",
    fields={
        **stream(32_064, 4096, 32, context=131_072, eps=1e-5, tied=False),
        **heads(32, 8),
        "intermediate_size": whole(6400, "moe.hidden", high=2**22),
        "num_local_experts": whole(16, "moe.experts", low=2, high=65_536),
        "num_experts_per_tok": whole(2, "moe.top", low=2, high=2),
        "router_jitter_noise": number(
            *(0.01, "moe.near"),
            low=5e-7,
            high=1e3,
            to=lambda value: 2 * value,
            of=lambda near: near / 2,
        ),
        "input_jitter_noise": in_training(),
        **activation(),
        "rope_parameters": rope(theta=1e6),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "lm_head_bias": flag(False, "model.head_bias"),
        "sliding_window": whole(None, "attn.window", null=None),
        "attention_dropout": in_training(),
        **IN_TRAINING,
    },
    always={"model.norm": "layer", "moe.normalised": False, **UNBALANCED},
    kinds={
        "layer": (
            ATTENTION,
            renamed_experts("block_sparse_moe", ("w1", "w3", "w2"), "gate.weight"),
        )
    },
    layers=every_layer(),
    names={**AROUND, "lm_head.bias": "head.bias"},
    unused=UNUSED,
    limits="rotations that are scaled",
)
