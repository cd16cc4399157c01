"""Gemma: norms that multiply with 1 + weight, and embeddings times sqrt(width)."""

from starc.zoo.family import Family, every_layer
from starc.zoo.field import Field, flag, in_training, only, word
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    SQRT_WIDTH,
    UNUSED,
    head_dim,
    heads,
    hidden,
    plus_one_norms,
    stream,
)

ACTIVATION: dict[str, Field] = {
    "hidden_act": word(
        "gelu_pytorch_tanh",
        {"gelu_pytorch_tanh": "gelu", "gelu": "gelu", "silu": "silu", "relu": "relu"},
        "mlp.activation",
    ),
    "hidden_activation": only(None, "gelu_pytorch_tanh"),
}
"""Old files say `gelu` and mean the tanh form, as transformers reads them."""

FAMILY = Family(
    name="gemma",
    title="Gemma",
    architecture="GemmaForCausalLM",
    fields={
        **stream(256_000, 3072, 28, context=8192, eps=1e-6, tied=True),
        **heads(16, 16),
        **head_dim(256),
        **hidden(24_576),
        **ACTIVATION,
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
        "use_bidirectional_attention": only(None, False),
    },
    always={"model.embedding_scale": SQRT_WIDTH},
    kinds={"layer": (plus_one_norms(ATTENTION), plus_one_norms(MLP))},
    layers=every_layer(),
    names=plus_one_norms(AROUND),
    unused=UNUSED,
)
