"""Llama, and the many models that have its form."""

from starc.zoo.family import Family, every_layer
from starc.zoo.field import flag, in_training, only
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
    name="llama",
    title="Llama",
    architecture="LlamaForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=2048, eps=1e-6, tied=False),
        **heads(32),
        **head_dim(),
        **hidden(11_008),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        "attention_dropout": in_training(),
        "pretraining_tp": only(1, None, why="weights in slices are not read"),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
