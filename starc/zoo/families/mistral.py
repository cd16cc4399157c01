"""Mistral: Llama with a window."""

from starc.zoo.family import Family, every_layer
from starc.zoo.field import in_training, whole
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    UNUSED,
    head_dim,
    heads,
    hidden,
    stream,
)

FAMILY = Family(
    name="mistral",
    title="Mistral",
    architecture="MistralForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=4096 * 32, eps=1e-6, tied=False),
        **heads(32, 8),
        **head_dim(),
        **hidden(14_336),
        "rope_parameters": rope(),
        "sliding_window": whole(4096, "attn.window", null=None),
        "attention_dropout": in_training(),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
