"""DiffLlama: each attention is the learned difference of two."""

import math
from dataclasses import replace

from starc.zoo.family import Family, every_layer
from starc.zoo.field import flag, ignored, in_training
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
    with_names,
)

LAMBDAS = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
ATTN = replace(
    with_names(ATTENTION, {f"self_attn.{name}": name for name in LAMBDAS}),
    by_depth={"differential": lambda values, depth: 0.8 - 0.6 * math.exp(-0.3 * depth)},
)

FAMILY = Family(
    name="diffllama",
    title="DiffLlama",
    architecture="DiffLlamaForCausalLM",
    fields={
        **stream(32_000, 2048, 16, context=2048, eps=1e-5, tied=False),
        **heads(32),
        **head_dim(),
        **hidden(8192),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "lambda_std_dev": ignored("how a new model starts"),
        "attention_dropout": in_training(),
    },
    kinds={"layer": (ATTN, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
