"""Cohere's Command R7B: as Command R, and layers that see all have no positions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starc.artefacts import integer
from starc.zoo.families.cohere import ALWAYS, FIELDS, NORM
from starc.zoo.family import Beside, Family
from starc.zoo.field import Field, whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types, windowed
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, MLP, UNUSED, head_dim, without_norm
from starc.zoo.values import Values

LOCAL = replace(without_norm(ATTENTION), alias="local", roles=("attn", "window"))
NOPE = replace(
    without_norm(ATTENTION), alias="nope", roles=("attn",), options={"rope": False}
)
FEED_FORWARD = without_norm(MLP)


def _usual(values: Values) -> Sequence[str]:
    return every(values["sliding_window_pattern"])(values)


def _pattern(found: Any, name: str) -> int:
    return integer(found, name, 1, 4096)


FAMILY = Family(
    name="cohere2",
    title="Command R7B",
    architecture="Cohere2ForCausalLM",
    fields={
        **FIELDS,
        **head_dim(),
        "rope_parameters": rope(adjacent=True),
        "sliding_window": whole(4096, "window.window", null=None),
        "sliding_window_pattern": Field(_pattern, 4),
        "layer_types": layer_types((FULL, SLIDING), _usual),
    },
    always=ALWAYS,
    kinds={
        FULL: (Beside((NOPE, FEED_FORWARD), NORM),),
        SLIDING: (Beside((LOCAL, FEED_FORWARD), NORM),),
    },
    layers=windowed,
    names=AROUND,
    unused=UNUSED,
)
