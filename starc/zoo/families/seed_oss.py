"""Seed-OSS: Llama with biases on q, k and v."""

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
    name="seed_oss",
    title="Seed-OSS",
    architecture="SeedOssForCausalLM",
    fields={
        **stream(155_136, 4096, 64, context=524_288, eps=1e-6, tied=False),
        **heads(80, 8),
        **head_dim(128),
        **hidden(27_648),
        "rope_parameters": rope(),
        "attention_bias": flag(True, "attn.bias"),
        "attention_out_bias": flag(False, "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        "attention_dropout": in_training(0.1),
        "residual_dropout": in_training(0.1),
        "pretraining_tp": only(1, None, why="weights in slices are not read"),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
