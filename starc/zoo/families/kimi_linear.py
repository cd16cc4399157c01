"""Kimi Linear: delta rules with a decay for each channel of a key, latent attention
without positions in every fourth layer, and experts."""

from collections.abc import Callable, Mapping
from typing import Any

from starc.values import dataclass
from starc.zoo.delta import LINEAR, apart
from starc.zoo.experts import (
    DENSE,
    SPARSE,
    beside,
    grouped,
    kinds,
    layers,
    of_experts,
    renamed_experts,
    shared_experts,
    shared_width,
)
from starc.zoo.family import Family, Part
from starc.zoo.field import Field, also, ignored, in_training, only, whole
from starc.zoo.kinds import FULL, LayerTypes
from starc.zoo.latent import LATENT, LOW_MLA, MLA, of_latents
from starc.zoo.seen import Seen
from starc.zoo.shared import AROUND, UNUSED, stream, with_names
from starc.zoo.tensor import Made
from starc.zoo.values import Values
from starc.zoo.values import word as said

_INSIDE = "linear_attn_config"
LOW = f"{FULL}_low"

DELTA = Part(
    "delta",
    "GatedDelta",
    {
        "input_layernorm.weight": "norm.weight",
        **apart("self_attn"),
        "self_attn.f_a_proj.weight": "decay.weight",
        "self_attn.f_b_proj.weight": "decay_weight",
        "self_attn.g_a_proj.weight": "gate.weight",
        "self_attn.g_b_proj.weight": "gate_weight",
        "self_attn.b_proj.weight": "beta.weight",
        "self_attn.A_log": Made("a_log", theirs=lambda shape, _: (1, 1, *shape, 1)),
        "self_attn.dt_bias": "dt_bias",
        "self_attn.o_norm.weight": "norm_weight",
        "self_attn.o_proj.weight": "out.weight",
    },
    options={"decay": "channel", "gate": "sigmoid"},
)


@dataclass(frozen=True)
class Inside(Field):
    """A field that published files have in an object of their own, as `older`."""

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, _INSIDE)

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        found = given.get(_INSIDE) or {}
        older = self.older[0]
        if isinstance(found, dict) and older in found:
            return self.check(found[older], f"{_INSIDE}.{older}")
        return self.default if name not in given else self.check(given[name], name)


@dataclass(frozen=True)
class Mixers(LayerTypes):
    """Which layers have attention; published files count them from 1."""

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, _INSIDE)

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[str]:
        inside = given.get(_INSIDE) or {}
        full = inside.get("full_attn_layers") if isinstance(inside, dict) else None
        if given.get(name) is None and isinstance(full, list):
            depths = range(1, values["num_hidden_layers"] + 1)
            return [FULL if depth in full else LINEAR for depth in depths]
        return super().read(name, given, values)


def _usual(values: Values) -> list[str]:
    depths = range(values["num_hidden_layers"])
    return [FULL if i and i % 4 == 0 else LINEAR for i in depths]


def _dense(values: Values) -> list[str]:
    first = values["first_k_dense_replace"]
    depths = range(values["num_hidden_layers"])
    return [DENSE if depth < first else SPARSE for depth in depths]


def _mixers(values: Values) -> list[str]:
    low = values["q_lora_rank"] is not None
    return [LOW if low and word == FULL else word for word in values["layer_types"]]


def _of_head(name: str) -> Callable[[Values], int]:
    return lambda values: int(values[name])


def _plain(seen: Seen) -> list[str]:
    return [kind.partition(" ")[0].replace(LOW, FULL) for kind in seen.layers]


_MOE = with_names(
    renamed_experts("block_sparse_moe", ("w1", "w3", "w2"), "gate.weight"),
    {"block_sparse_moe.gate.e_score_correction_bias": "balance"},
)
_PUBLISHED = {
    "num_experts_per_tok": "num_experts_per_token",
    "norm_topk_prob": "moe_renormalize",
    "n_group": "num_expert_group",
    "n_shared_experts": "num_shared_experts",
    "max_position_embeddings": "model_max_length",
}
"""What the family's files call fields that others have too."""


def _linear(older: str, default: int, *says: str, high: int = 8192) -> Inside:
    field = whole(default, *says, high=high)
    return Inside(field.check, default, says=says, older=(older,))


_SHARED: dict[str, Field] = {
    **stream(163_840, 2304, 27, context=1_048_576, eps=1e-5, tied=False),
    **of_latents(32, 32, 512, None),
    "intermediate_size": whole(9216, "mlp.hidden", high=2**22),
    **of_experts("num_local_experts", 256, 8, 1024, normalised=True),
    **shared_experts(1),
    **grouped(1, 1, 2.446),
    "hidden_act": only("silu", why="the convolutions have silu alone"),
}

FAMILY = Family(
    name="kimi_linear",
    title="Kimi Linear",
    architecture="KimiLinearForCausalLM",
    fields={
        **{
            name: also(field, _PUBLISHED[name]) if name in _PUBLISHED else field
            for name, field in _SHARED.items()
        },
        "linear_head_dim": _linear("head_dim", 128, "delta.key_dim", "delta.head_dim"),
        "linear_num_heads": _linear("num_heads", 32, "delta.heads", "delta.groups"),
        "linear_conv_kernel_dim": _linear(
            "short_conv_kernel_size", 4, "delta.kernel", high=16
        ),
        "first_k_dense_replace": whole(1, low=0, high=4096, seen=lambda seen: 1),
        "layer_types": Mixers(
            lambda found, name: found, words=(FULL, LINEAR), usual=_usual, seen=_plain
        ),
        "mlp_layer_types": LayerTypes(
            lambda found, name: found,
            words=(DENSE, SPARSE),
            usual=_dense,
            seen=lambda seen: [kind.rpartition(" ")[2] for kind in seen.layers],
        ),
        "tie_word_embeddings": only(False, why="the family's model ties nothing"),
        **dict.fromkeys(
            (
                *("moe_layer_freq", "moe_router_activation_func", "use_grouped_topk"),
                *("mla_use_nope", "rope_theta", "rope_scaling", "num_nextn_predict"),
            ),
            ignored("the family's model does not read it"),
        ),
        "pretraining_tp": ignored("how it is computed, not what"),
        "attention_dropout": in_training(),
    },
    always={
        **LATENT,
        "model.positions": said("none"),
        "model.tied": False,
        "attn.norm_eps": 1e-6,
        "moe.scores": "sigmoid",
        "shared.hidden": shared_width,
        "delta.decay_rank": _of_head("linear_head_dim"),
        "delta.gate_rank": _of_head("linear_head_dim"),
    },
    kinds=kinds(
        {FULL: MLA, LOW: LOW_MLA, LINEAR: DELTA},
        beside(_MOE, "block_sparse_moe.shared_experts"),
    ),
    layers=layers(lambda values: values["mlp_layer_types"], _mixers),
    names=AROUND,
    unused=UNUSED,
)
