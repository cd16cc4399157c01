"""Helium: Llama whose rotation turns neighbouring channels."""

from starc.zoo.family import Family, every_layer
from starc.zoo.field import flag, in_training
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
    name="helium",
    title="Helium",
    architecture="HeliumForCausalLM",
    fields={
        **stream(48_000, 2560, 24, context=4096, eps=1e-8, tied=False),
        **heads(20, 20),
        **head_dim(128),
        **hidden(7040),
        "rope_parameters": rope(theta=1e5, adjacent=True),
        "attention_bias": flag(False, "attn.bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        "attention_dropout": in_training(),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
