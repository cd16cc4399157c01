"""Granite: Llama with four multipliers."""

from fractions import Fraction

from starc.zoo.family import Family, every_layer
from starc.zoo.field import Field, flag, in_training, number
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, MLP, UNUSED, heads, hidden, stream


def one_over(value: float) -> Fraction | float:
    """What the logits are multiplied with, where theirs are divided."""
    return Fraction(1, int(value)) if value == int(value) else 1 / value


MULTIPLIERS: dict[str, Field] = {
    "embedding_multiplier": number(1.0, "model.embedding_scale", low=1e-4),
    "logits_scaling": number(
        *(1.0, "model.logit_scale"), low=1e-4, to=one_over, of=lambda value: 1 / value
    ),
    "residual_multiplier": number(1.0, "model.residual_scale", low=1e-4),
    "attention_multiplier": number(1.0, "attn.scale", low=1e-4),
}


FAMILY = Family(
    name="granite",
    title="Granite 3",
    architecture="GraniteForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=2048, eps=1e-6, tied=False),
        **heads(32),
        **hidden(11_008),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        **MULTIPLIERS,
        "attention_dropout": in_training(),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
