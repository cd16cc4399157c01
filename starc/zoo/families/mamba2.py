"""Mamba-2 alone: no attention, no other layer between."""

from collections.abc import Sequence

from starc.artefacts import ArtefactError
from starc.zoo.family import Family
from starc.zoo.field import flag, number, only, whole
from starc.zoo.mamba import (
    COMPUTED,
    CONV_BIAS,
    START,
    expansion,
    mamba_2,
    step_limits,
)
from starc.zoo.shared import depth
from starc.zoo.values import Values


def _layers(values: Values) -> Sequence[str]:
    channels = int(values["expand"] * values["hidden_size"])
    if values["num_heads"] * values["head_dim"] != channels:
        raise ArtefactError(f"num_heads and head_dim do not make {channels} channels")
    return ["layer"] * int(values["num_hidden_layers"])


FAMILY = Family(
    name="mamba2",
    title="Mamba-2",
    architecture="Mamba2ForCausalLM",
    fields={
        "hidden_size": whole(4096, "model.width", high=131_072),
        "vocab_size": whole(32_768, "model.vocab"),
        "num_hidden_layers": depth(64),
        "layer_norm_epsilon": number(1e-5, "model.eps"),
        "tie_word_embeddings": flag(False, "model.tied"),
        "num_heads": whole(128, "mamba.heads", high=4096),
        "head_dim": whole(64, "mamba.head_dim", high=8192),
        "state_size": whole(128, "mamba.states", high=4096),
        "n_groups": whole(8, "mamba.groups", high=4096),
        "expand": number(2, low=1e-3, high=64, seen=expansion),
        "conv_kernel": whole(4, "mamba.kernel", low=2, high=16),
        "use_bias": flag(False, "mamba.bias", "mamba.out_bias"),
        "use_conv_bias": CONV_BIAS,
        "hidden_act": only("silu"),
        "time_step_limit": step_limits(),
        **START,
        **COMPUTED,
    },
    always={"mamba.norm": "grouped"},
    kinds={"layer": (mamba_2("mixer", "norm"),)},
    layers=_layers,
    names={
        "backbone.embeddings.weight": "embedding.weight",
        "backbone.norm_f.weight": "norm.weight",
        "lm_head.weight": "head.weight",
    },
    prefix="backbone.layers.{}.",
    limits="convolutions without biases",
)
