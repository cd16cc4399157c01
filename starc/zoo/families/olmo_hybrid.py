"""OLMo Hybrid: delta rules whose states may turn round, and attention without positions
in every fourth layer; norms stand before the first and behind the second."""

from dataclasses import replace
from typing import Any

from starc.zoo.delta import LINEAR, apart, sizes
from starc.zoo.families.olmo2 import ATTN, FEED_FORWARD
from starc.zoo.family import Family, Part, by
from starc.zoo.field import flag, ignored, in_training, only, same_as, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.rope import Rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import AROUND, MLP, UNUSED, heads, stream
from starc.zoo.values import Values
from starc.zoo.values import word as said

DELTA = Part(
    "delta",
    "GatedDelta",
    {
        "attention_layer_norm.weight": "norm.weight",
        **apart("linear_attn"),
        "linear_attn.g_proj.weight": "gate.weight",
        "linear_attn.b_proj.weight": "beta.weight",
        "linear_attn.a_proj.weight": "decay.weight",
        "linear_attn.A_log": "a_log",
        "linear_attn.dt_bias": "dt_bias",
        "linear_attn.o_norm.weight": "norm_weight",
        "linear_attn.o_proj.weight": "out.weight",
    },
    options={"placement": "pre"},
)
BEFORE = replace(
    MLP,
    alias="mlp_pre",
    roles=("mlp",),
    names={
        "feedforward_layer_norm.*": "norm.*",
        **{k: v for k, v in MLP.names.items() if v != "norm.*"},
    },
    options={"placement": "pre"},
)


def _layers(values: Values) -> list[str]:
    found = [FULL if i % 4 == 3 else LINEAR for i in range(values["num_hidden_layers"])]
    return found if FULL in found else [*found[:-1], FULL]


def _key_dim(values: Values) -> int:
    return int(0.75 * values["hidden_size"] / values["linear_num_key_heads"])


def _value_dim(values: Values) -> int:
    return 2 * int(values["linear_key_head_dim"])


_NOWHERE = {"rope_type": "default", "rope_theta": None}


class _MaybeRope(Rope):
    """Without positions where `rope_theta` is stated, and null."""

    def read(self, name: str, given: Any, values: Values) -> Any:
        stated = given.get(name)
        if isinstance(stated, dict) and stated.get("rope_theta", 0) is None:
            return _NOWHERE
        return super().read(name, given, values)

    def settings(self, value: Any, values: Values) -> dict[str, Any]:
        if value == _NOWHERE:
            return {"model.positions": said("none")}
        return super().settings(value, values)

    def back(self, seen: Seen) -> Any:
        found = super().back(seen)
        return _NOWHERE if found is SILENT else found


def _limit(found: Any) -> int:
    return 2 if found else 1


FAMILY = Family(
    name="olmo_hybrid",
    title="OLMo Hybrid",
    architecture="OlmoHybridForCausalLM",
    fields={
        **stream(100_352, 3840, 32, context=65_536, eps=1e-6, tied=False),
        **heads(30),
        "intermediate_size": whole(11_008, "mlp.hidden", high=2**22),
        "hidden_act": only("silu", why="the convolutions have silu alone"),
        **sizes(
            same_as("num_attention_heads"),
            same_as("num_attention_heads"),
            _key_dim,
            _value_dim,
        ),
        "linear_allow_neg_eigval": replace(
            flag(True, "delta.beta"), to=_limit, of=lambda limit: limit == 2
        ),
        "rope_parameters": _MaybeRope(lambda found, name: found),
        "layer_types": layer_types((FULL, LINEAR), _layers),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        **dict.fromkeys(
            (
                *("linear_a_log_min", "linear_a_log_max", "linear_dt_min"),
                *("linear_dt_max", "linear_dt_init_floor"),
            ),
            ignored("how a new model starts"),
        ),
        "attention_dropout": in_training(),
    },
    always={"delta.norm_eps": 1e-5, "attn.qk_norm": "full", "model.placement": "post"},
    kinds={FULL: (ATTN, FEED_FORWARD), LINEAR: (DELTA, BEFORE)},
    layers=by("layer_types"),
    names=AROUND,
    unused=UNUSED,
)
