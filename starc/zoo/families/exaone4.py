"""EXAONE 4: norms after the LIVs; full attention without positions where some slide."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, integer
from starc.zoo.family import Family
from starc.zoo.field import Field, in_training, whole
from starc.zoo.kinds import FULL, SLIDING, layer_types, windowed
from starc.zoo.rope import rope
from starc.zoo.seen import Seen
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    hidden,
    post,
    stream,
    with_names,
)
from starc.zoo.values import Values

ATTN = with_names(post(ATTENTION, "post_attention_layernorm"), QK_NORM)
LOCAL = replace(ATTN, alias="local", roles=("attn", "window"))
NOPE = replace(ATTN, alias="nope", roles=("attn",), options={"rope": False})


def _pattern(found: Any, name: str) -> int | str:
    return found if isinstance(found, str) else integer(found, name, 0, 4096)


def _usual(values: Values) -> list[str]:
    period = values["sliding_window_pattern"]
    if values["sliding_window"] is None or not isinstance(period, int) or not period:
        raise ArtefactError("layer_types is needed without sliding_window and a period")
    layers = range(1, values["num_hidden_layers"] + 1)
    return [SLIDING if depth % period else FULL for depth in layers]


def _layers(values: Values) -> Sequence[str]:
    nope = values["sliding_window"] is not None
    return [f"{FULL} nope" if nope and one == FULL else one for one in windowed(values)]


def _window(seen: Seen) -> Any:
    """None turns the full layers."""
    return None if FULL in seen.layers else seen.at("window.window")


FAMILY = Family(
    name="exaone4",
    title="EXAONE 4",
    architecture="Exaone4ForCausalLM",
    fields={
        **stream(102_400, 4096, 32, context=2048, eps=1e-5, tied=False),
        **heads(32, 32),
        **head_dim(),
        **hidden(16_384),
        "rope_parameters": rope(),
        "sliding_window": whole(4096, "window.window", null=None, seen=_window),
        "sliding_window_pattern": Field(_pattern, 4, null=None),
        "layer_types": layer_types((FULL, SLIDING), _usual),
        "attention_dropout": in_training(),
    },
    always={"attn.qk_norm": True, "model.placement": "post"},
    kinds={
        FULL: (ATTN, post(MLP, "post_feedforward_layernorm")),
        SLIDING: (LOCAL, post(MLP, "post_feedforward_layernorm")),
        f"{FULL} nope": (NOPE, post(MLP, "post_feedforward_layernorm")),
    },
    layers=_layers,
    names=AROUND,
    unused=UNUSED,
)
