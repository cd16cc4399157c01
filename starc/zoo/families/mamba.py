"""Mamba: selective state-space layers, and nothing between."""

from fractions import Fraction
from typing import Any

from starc.zoo.family import Family, every_layer
from starc.zoo.field import Field, flag, ignored, number, only, whole
from starc.zoo.mamba import COMPUTED, CONV_BIAS, START, mamba_1, step_rank
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import depth
from starc.zoo.tensor import Names
from starc.zoo.values import Values


def expand(values: Values) -> Fraction:
    """Channels over the width."""
    return Fraction(int(values["intermediate_size"]), int(values["hidden_size"]))


def _channels(values: Values) -> int:
    return int(values["expand"] * values["hidden_size"])


def _channels_of(seen: Seen) -> int:
    return int(seen.at("mamba.expand") * seen.model.width)


def expand_of(seen: Seen) -> Any:
    """The same of a model, where it is whole, as theirs has to be."""
    found = seen.at("mamba.expand")
    return SILENT if found is SILENT or found.denominator != 1 else int(found)


FIELDS: dict[str, Field] = {
    "hidden_size": whole(768, "model.width", high=131_072),
    "vocab_size": whole(50_280, "model.vocab"),
    "num_hidden_layers": depth(32),
    "layer_norm_epsilon": number(1e-5, "model.eps"),
    "tie_word_embeddings": flag(True, "model.tied"),
    "state_size": whole(16, "mamba.states", high=4096),
    "expand": number(2, low=1e-3, high=64, seen=expand_of),
    "conv_kernel": whole(4, "mamba.kernel", low=2, high=16),
    "use_bias": flag(False, "mamba.bias", "mamba.out_bias"),
    "use_conv_bias": CONV_BIAS,
    "hidden_act": only("silu"),
    **{name: field for name, field in START.items() if name != "time_step_rank"},
    "time_step_rank": step_rank(),
    "intermediate_size": whole(_channels, null=_channels, seen=_channels_of),
    **dict.fromkeys(
        ("use_mambapy", "use_falcon_mambapy", "use_associative_scan"),
        ignored("how it is computed, not what"),
    ),
    **COMPUTED,
}
AROUND: Names = {
    "backbone.embeddings.weight": "embedding.weight",
    "backbone.norm_f.weight": "norm.weight",
    "lm_head.weight": "head.weight",
}

FAMILY = Family(
    name="mamba",
    title="Mamba",
    architecture="MambaForCausalLM",
    fields=FIELDS,
    always={"mamba.expand": expand},
    kinds={"layer": (mamba_1("mixer", "norm"),)},
    layers=every_layer(),
    names=AROUND,
    prefix="backbone.layers.{}.",
    limits="convolutions without biases",
)
