"""Granite with windows: sinks in every softmax, and layers without positions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, real
from starc.values import dataclass
from starc.zoo.families.granite import MULTIPLIERS
from starc.zoo.family import Family
from starc.zoo.field import Field, flag, in_training, listed, whole
from starc.zoo.kinds import FULL, SLIDING, layer_types, windowed
from starc.zoo.rope import rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    UNUSED,
    heads,
    hidden,
    stream,
    with_names,
)
from starc.zoo.values import Values

ATTN = with_names(ATTENTION, {"self_attn.sinks": "sinks"})
LOCAL = replace(ATTN, alias="local", roles=("attn", "window"))
NOPE = replace(ATTN, alias="nope", roles=("attn",), options={"rope": False})
LOCAL_NOPE = replace(NOPE, alias="local_nope", roles=("attn", "window"))


@dataclass(frozen=True)
class Bases(Field):
    """`layer_rope_theta`: of each layer that of all, or 0, which is no rotation."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[bool]:
        layers = values["num_hidden_layers"]
        if given.get(name) is None:
            return [True] * layers
        found = [real(one, name, 0, 1e12) for one in listed(given[name], name)]
        if len(found) != layers:
            raise ArtefactError(f"{name} has {len(found)} entries, not {layers}")
        for one in found:
            if one not in (0, values["rope_parameters"]["theta"]):
                raise ArtefactError(f"{name}: {one:g} is not the rope_theta of all")
        return [one != 0 for one in found]

    def back(self, seen: Seen) -> Any:
        if not any("nope" in kind for kind in seen.layers):
            return SILENT
        base = seen.values.get("rope_parameters", {}).get("rope_theta", 0)
        return [0 if "nope" in kind else base for kind in seen.layers]


def _usual(values: Values) -> list[str]:
    return [
        SLIDING if depth % 4 else FULL for depth in range(values["num_hidden_layers"])
    ]


def _layers(values: Values) -> Sequence[str]:
    turned = zip(windowed(values), values["layer_rope_theta"], strict=True)
    return [kind if one else f"{kind} nope" for kind, one in turned]


FAMILY = Family(
    name="granite_swa",
    title="Granite with windows",
    architecture="GraniteSWAForCausalLM",
    fields={
        **stream(100_352, 2560, 24, context=8192, eps=1e-5, tied=True),
        **heads(20, 4),
        **hidden(8192),
        "rope_parameters": rope(),
        "layer_rope_theta": Bases(lambda found, name: found),
        "sliding_window": whole(128, "window.window", null=None),
        "layer_types": layer_types((FULL, SLIDING), _usual),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        **MULTIPLIERS,
        "attention_dropout": in_training(),
    },
    always={"attn.sinks": True},
    kinds={
        FULL: (ATTN, MLP),
        SLIDING: (LOCAL, MLP),
        f"{FULL} nope": (NOPE, MLP),
        f"{SLIDING} nope": (LOCAL_NOPE, MLP),
    },
    layers=_layers,
    names=AROUND,
    unused=UNUSED,
    limits="several bases of rotation in one model",
)
