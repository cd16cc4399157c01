"""Qwen 2 with experts, and one that all tokens share, behind a gate."""

from starc.zoo.experts import (
    MOE,
    UNBALANCED,
    activation,
    beside,
    by_steps,
    kinds,
    layers,
    of_experts,
    sparse_steps,
)
from starc.zoo.family import Family
from starc.zoo.field import flag, in_training, only, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, UNUSED, heads, stream

FAMILY = Family(
    name="qwen2_moe",
    title="Qwen 2 with experts",
    architecture="Qwen2MoeForCausalLM",
    fields={
        **stream(151_936, 2048, 24, context=32_768, eps=1e-6, tied=False),
        **heads(16, 16),
        "intermediate_size": whole(5632, "mlp.hidden", high=2**22),
        **of_experts("num_experts", 60, 4, 1408),
        "shared_expert_intermediate_size": whole(5632, "shared.hidden", high=2**22),
        **activation(),
        **sparse_steps(),
        "rope_parameters": rope(),
        "qkv_bias": flag(True, "attn.bias"),
        "use_sliding_window": only(False, why="windows of some layers"),
        "sliding_window": whole(4096, null=None, low=0),
        "max_window_layers": whole(28, low=0),
        "layer_types": layer_types(
            (FULL,), lambda values: [FULL] * values["num_hidden_layers"]
        ),
        "attention_dropout": in_training(),
    },
    always=UNBALANCED,
    kinds=kinds(
        {FULL: ATTENTION}, beside(MOE, "mlp.shared_expert", "shared_expert_gate")
    ),
    layers=layers(by_steps),
    names=AROUND,
    unused=UNUSED,
    limits="windows of some layers",
)
