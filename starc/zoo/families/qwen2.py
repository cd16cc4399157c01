"""Qwen 2 and 2.5: biases on q, k and v, and a window in the upper layers."""

from starc.zoo.family import Family
from starc.zoo.field import in_training
from starc.zoo.kinds import FULL, SLIDING, windowed
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    LOCAL,
    MLP,
    UNUSED,
    heads,
    hidden,
    stream,
    upper_windows,
)

FAMILY = Family(
    name="qwen2",
    title="Qwen 2 and 2.5",
    architecture="Qwen2ForCausalLM",
    fields={
        **stream(151_936, 4096, 32, context=32_768, eps=1e-6, tied=False),
        **heads(32, 32),
        **hidden(22_016),
        "rope_parameters": rope(),
        **upper_windows(),
        "attention_dropout": in_training(),
    },
    always={"attn.bias": True},
    kinds={FULL: (ATTENTION, MLP), SLIDING: (LOCAL, MLP)},
    layers=windowed,
    names=AROUND,
    unused=UNUSED,
)
