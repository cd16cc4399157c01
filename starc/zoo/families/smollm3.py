"""SmolLM3: every fourth layer has no positions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, integer
from starc.values import dataclass
from starc.zoo.family import Family
from starc.zoo.field import Field, flag, in_training, listed, only, whole
from starc.zoo.kinds import FULL, SLIDING, layer_types
from starc.zoo.rope import rope
from starc.zoo.seen import Seen
from starc.zoo.shared import AROUND, ATTENTION, MLP, UNUSED, heads, hidden, stream
from starc.zoo.values import Values

NOPE = replace(ATTENTION, alias="nope", roles=("attn",), options={"rope": False})
LOCAL = replace(ATTENTION, alias="local", roles=("attn", "window"))
LOCAL_NOPE = replace(NOPE, alias="local_nope", roles=("attn", "window"))


@dataclass(frozen=True)
class Turned(Field):
    """Whether each layer has rotary positions: 1, or 0."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[int]:
        layers, period = values["num_hidden_layers"], values["no_rope_layer_interval"]
        if given.get(name) is None:
            return [int((depth + 1) % period != 0) for depth in range(layers)]
        found = [integer(one, name, 0, 1) for one in listed(given[name], name)]
        if len(found) < layers:
            raise ArtefactError(f"{name} has {len(found)} entries, not {layers}")
        return found[:layers]

    def back(self, seen: Seen) -> list[int]:
        return [int(kind.endswith("1")) for kind in seen.layers]


def _usual(values: Values) -> list[str]:
    sliding = values["use_sliding_window"] and values["sliding_window"] is not None
    return [
        SLIDING if sliding and not one else FULL for one in values["no_rope_layers"]
    ]


def _layers(values: Values) -> Sequence[str]:
    window = values["use_sliding_window"] and values["sliding_window"] is not None
    if SLIDING in values["layer_types"] and not window:
        raise ArtefactError("layer_types has sliding layers, and there is no window")
    turned = zip(values["layer_types"], values["no_rope_layers"], strict=True)
    return [f"{kind} {one}" for kind, one in turned]


FAMILY = Family(
    name="smollm3",
    title="SmolLM3",
    architecture="SmolLM3ForCausalLM",
    fields={
        **stream(128_256, 2048, 36, context=32_768, eps=1e-6, tied=True),
        **heads(16, 4),
        **hidden(11_008),
        "rope_parameters": rope(theta=2e6),
        "use_sliding_window": flag(False, seen=lambda seen: seen.has(SLIDING)),
        "sliding_window": whole(None, "window.window", null=None),
        "no_rope_layer_interval": whole(4),
        "no_rope_layers": Turned(check=lambda found, name: found),
        "layer_types": layer_types((FULL, SLIDING), _usual),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        "attention_dropout": in_training(),
        "pretraining_tp": only(1, None, 2, why="weights in slices are not read"),
    },
    kinds={
        f"{FULL} 1": (ATTENTION, MLP),
        f"{FULL} 0": (NOPE, MLP),
        f"{SLIDING} 1": (LOCAL, MLP),
        f"{SLIDING} 0": (LOCAL_NOPE, MLP),
    },
    layers=_layers,
    names=AROUND,
    unused=UNUSED,
)
