"""OLMoE: a norm over all heads of q and of k, experts in every layer."""

from starc.zoo.experts import IN_TRAINING, MOE, UNBALANCED, activation
from starc.zoo.family import Family, every_layer
from starc.zoo.field import flag, in_training, only, whole
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    QK_NORM,
    UNUSED,
    heads,
    stream,
    with_names,
)

FAMILY = Family(
    name="olmoe",
    title="OLMoE",
    architecture="OlmoeForCausalLM",
    fields={
        **stream(50_304, 2048, 16, context=4096, eps=1e-5, tied=False),
        **heads(16),
        "intermediate_size": whole(2048, "moe.hidden", high=2**22),
        "num_experts": whole(64, "moe.experts", high=65_536),
        "num_experts_per_tok": whole(8, "moe.top", high=65_536),
        "norm_topk_prob": flag(False, "moe.normalised"),
        **activation(),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "clip_qkv": only(None, why="q, k and v within bounds have no word"),
        "attention_dropout": in_training(),
        **IN_TRAINING,
    },
    always={"attn.qk_norm": "full", **UNBALANCED},
    kinds={"layer": (with_names(ATTENTION, QK_NORM), MOE)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
    limits="q, k and v within bounds",
)
