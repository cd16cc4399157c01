"""Qwen 3: q and k go through a norm, head by head."""

from starc.zoo.family import Family
from starc.zoo.field import flag, in_training
from starc.zoo.kinds import FULL, SLIDING, windowed
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    LOCAL,
    MLP,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    hidden,
    stream,
    upper_windows,
    with_names,
)

FAMILY = Family(
    name="qwen3",
    title="Qwen 3",
    architecture="Qwen3ForCausalLM",
    fields={
        **stream(151_936, 4096, 32, context=32_768, eps=1e-6, tied=False),
        **heads(32, 32),
        **head_dim(128),
        **hidden(22_016),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        **upper_windows(),
        "attention_dropout": in_training(),
    },
    always={"attn.qk_norm": True},
    kinds={
        FULL: (with_names(ATTENTION, QK_NORM), MLP),
        SLIDING: (with_names(LOCAL, QK_NORM), MLP),
    },
    layers=windowed,
    names=AROUND,
    unused=UNUSED,
)
