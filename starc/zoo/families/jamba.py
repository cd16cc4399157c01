"""Jamba, the configurations without experts: Mamba, with attention in some layers."""

from typing import Any

from starc.artefacts import ArtefactError, integer
from starc.zoo.families.mamba import expand_of
from starc.zoo.family import Family
from starc.zoo.field import Field, flag, ignored, in_training, only, whole
from starc.zoo.kinds import FULL
from starc.zoo.mamba import COMPUTED, CONV_BIAS, mamba_1, step_rank
from starc.zoo.seen import Seen
from starc.zoo.shared import ATTENTION, MLP, heads, hidden, renamed, stream
from starc.zoo.tensor import Names
from starc.zoo.values import Values
from starc.zoo.values import word as said

MAMBA = "mamba"


def _places(seen: Seen) -> tuple[int, int]:
    """Period and offset of the layers with attention."""
    layers = len(seen.layers)
    found = [depth for depth, kind in enumerate(seen.layers) if kind == FULL]
    if not found:
        return layers + 1, layers
    return (found[1] - found[0] if len(found) > 1 else layers), found[0]


def _place(index: int, default: int, low: int) -> Field:
    def check(found: Any, name: str) -> int:
        return integer(found, name, low, 4096)

    return Field(check, default, seen=lambda seen: _places(seen)[index])


def _layers(values: Values) -> list[str]:
    period, offset = values["attn_layer_period"], values["attn_layer_offset"]
    if offset >= period:
        raise ArtefactError(f"attn_layer_offset = {offset}: the period is {period}")
    layers = range(values["num_hidden_layers"])
    return [FULL if depth % period == offset else MAMBA for depth in layers]


FEED_FORWARD = renamed(MLP, {"mlp.": "feed_forward.", "post_attention_": "pre_ff_"})
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
        **hidden(14_336),
        "hidden_act": only("silu", why="the convolutions of Mamba have silu alone"),
        "attn_layer_period": _place(0, 8, low=1),
        "attn_layer_offset": _place(1, 4, low=0),
        "num_experts": only(1, default=16, why="its experts are not imported yet"),
        **dict.fromkeys(
            (
                *("num_experts_per_tok", "expert_layer_period", "expert_layer_offset"),
                *("output_router_logits", "router_aux_loss_coef", "num_local_experts"),
            ),
            ignored("of experts, and there are none"),
        ),
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
    always={"model.positions": said("none"), "mamba.norms": "weighted"},
    kinds={
        FULL: (ATTENTION, FEED_FORWARD),
        MAMBA: (mamba_1("mamba", "input_layernorm"), FEED_FORWARD),
    },
    layers=_layers,
    names=AROUND,
    limits="experts; convolutions without biases",
)
