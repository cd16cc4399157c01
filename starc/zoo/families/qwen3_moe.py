"""Qwen 3 with experts."""

from starc.zoo.experts import (
    MOE,
    UNBALANCED,
    activation,
    by_steps,
    kinds,
    layers,
    of_experts,
    sparse_steps,
)
from starc.zoo.family import Family
from starc.zoo.field import OnlyIf, flag, in_training, whole
from starc.zoo.kinds import FULL
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    stream,
    with_names,
)

FAMILY = Family(
    name="qwen3_moe",
    title="Qwen 3 with experts",
    architecture="Qwen3MoeForCausalLM",
    fields={
        **stream(151_936, 2048, 24, context=32_768, eps=1e-6, tied=False),
        **heads(32, 4),
        **head_dim(),
        "intermediate_size": whole(6144, "mlp.hidden", high=2**22),
        **of_experts("num_experts", 128, 8, 768),
        **activation(),
        **sparse_steps(),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "use_sliding_window": flag(
            False, seen=lambda seen: seen.at("attn.window") is not None
        ),
        "sliding_window": OnlyIf(
            whole(4096).check,
            4096,
            null=None,
            says=("attn.window",),
            flag="use_sliding_window",
        ),
        "attention_dropout": in_training(),
    },
    always={"attn.qk_norm": True, **UNBALANCED},
    kinds=kinds({FULL: with_names(ATTENTION, QK_NORM)}, MOE),
    layers=layers(by_steps),
    names=AROUND,
    unused=UNUSED,
)
