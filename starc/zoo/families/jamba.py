"""Jamba: Mamba, with attention in some layers, and experts in others."""

from collections.abc import Callable
from typing import Any

from starc.artefacts import ArtefactError, integer
from starc.zoo.experts import (
    DENSE,
    IN_TRAINING,
    MOE,
    NAMES,
    SPARSE,
    UNBALANCED,
    kinds,
    layers,
)
from starc.zoo.families.mamba import expand_of
from starc.zoo.family import Family
from starc.zoo.field import Field, also, flag, ignored, in_training, only, whole
from starc.zoo.kinds import FULL
from starc.zoo.mamba import COMPUTED, CONV_BIAS, mamba_1, step_rank
from starc.zoo.seen import SILENT, Seen, or_one
from starc.zoo.shared import ATTENTION, MLP, heads, renamed, stream
from starc.zoo.tensor import Names
from starc.zoo.values import Values
from starc.zoo.values import word as said

MAMBA = "mamba"


def _places(depths: list[int], layers: int) -> tuple[int, int]:
    """Period and offset of layers of these depths."""
    if not depths:
        return layers + 1, layers
    return (depths[1] - depths[0] if len(depths) > 1 else layers), depths[0]


def _with_attention(seen: Seen) -> tuple[int, int]:
    found = [
        depth for depth, _ in enumerate(seen.layers) if _mixer(seen, depth) == FULL
    ]
    return _places(found, len(seen.layers))


def _with_experts(seen: Seen) -> tuple[int, int]:
    found = [depth for depth, kind in enumerate(seen.layers) if kind.endswith(SPARSE)]
    return _places(found, len(seen.layers))


def _mixer(seen: Seen, depth: int) -> str:
    return seen.layers[depth].partition(" ")[0]


def _experts(seen: Seen) -> int:
    """One expert is none."""
    found = seen.at("moe.experts")
    return 1 if found is SILENT else int(found)


def _place(
    places: Callable[[Seen], tuple[int, int]], index: int, default: int, low: int
) -> Field:
    def check(found: Any, name: str) -> int:
        return integer(found, name, low, 4096)

    return Field(check, default, seen=lambda seen: places(seen)[index])


def _depths(values: Values, of: str) -> list[bool]:
    """Whether each layer is one of those: `attn` or `expert`."""
    name = f"{of}_layer_offset"
    period, offset = values[f"{of}_layer_period"], values[name]
    if offset >= period:
        raise ArtefactError(f"{name} = {offset}: the period is {period}")
    return [depth % period == offset for depth in range(values["num_hidden_layers"])]


def _mixers(values: Values) -> list[str]:
    return [FULL if found else MAMBA for found in _depths(values, "attn")]


def _sparse(values: Values) -> list[str]:
    several = values["num_experts"] > 1
    return [
        SPARSE if found and several else DENSE for found in _depths(values, "expert")
    ]


_RENAMED = {"mlp.": "feed_forward.", "post_attention_": "pre_ff_"}
FEED_FORWARD = renamed(MLP, _RENAMED)
EXPERTS = renamed(MOE, {"mlp.gate.": "feed_forward.router.", **_RENAMED})
AROUND: Names = {
    "model.embed_tokens.weight": "embedding.weight",
    "model.final_layernorm.weight": "norm.weight",
    "lm_head.weight": "head.weight",
}

FAMILY = Family(
    name="jamba",
    title="Jamba",
    architecture="JambaForCausalLM",
    fields={
        **stream(65_536, 4096, 32, context=262_144, eps=1e-6, tied=False),
        **heads(32, 8),
        "intermediate_size": whole(14_336, "mlp.hidden", "moe.hidden", high=2**22),
        "hidden_act": only("silu", why="the convolutions of Mamba have silu alone"),
        "attn_layer_period": _place(_with_attention, 0, 8, low=1),
        "attn_layer_offset": _place(_with_attention, 1, 4, low=0),
        "num_experts": also(
            whole(16, "moe.experts", high=65_536, seen=_experts),
            *(name for name in NAMES if name != "num_experts"),
        ),
        "num_experts_per_tok": whole(2, "moe.top", high=65_536, seen=or_one("moe.top")),
        "expert_layer_period": _place(_with_experts, 0, 2, low=1),
        "expert_layer_offset": _place(_with_experts, 1, 1, low=0),
        **IN_TRAINING,
        "mamba_d_state": whole(16, "mamba.states", high=4096),
        "mamba_d_conv": whole(4, "mamba.kernel", low=2, high=16),
        "mamba_expand": whole(2, "mamba.expand", high=64, seen=expand_of),
        "mamba_dt_rank": step_rank(),
        "mamba_conv_bias": CONV_BIAS,
        "mamba_proj_bias": flag(False, "mamba.bias", "mamba.out_bias"),
        **dict.fromkeys(
            ("use_mamba_kernels", "use_mambapy", "use_associative_scan"),
            ignored("how it is computed, not what"),
        ),
        **COMPUTED,
        "attention_dropout": in_training(),
    },
    always={
        "model.positions": said("none"),
        "mamba.norms": "weighted",
        "moe.normalised": False,
        **UNBALANCED,
    },
    kinds=kinds(
        {FULL: ATTENTION, MAMBA: mamba_1("mamba", "input_layernorm")},
        EXPERTS,
        FEED_FORWARD,
    ),
    layers=layers(_sparse, _mixers),
    names=AROUND,
    limits="convolutions without biases",
)
