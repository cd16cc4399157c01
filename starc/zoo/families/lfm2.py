"""LFM2: gated short convolutions, with attention between them."""

from typing import Any

from starc.artefacts import integer
from starc.zoo.family import Family, Part, by
from starc.zoo.field import Field, also, flag, ignored, listed, number, whole
from starc.zoo.kinds import FULL, layer_types
from starc.zoo.rope import rope
from starc.zoo.shared import heads, stream
from starc.zoo.tensor import Made, Names, middle_axis
from starc.zoo.values import Values

ATTENTION_NAMES: Names = {
    "operator_norm.weight": "norm.weight",
    "self_attn.q_proj.*": "q.*",
    "self_attn.k_proj.*": "k.*",
    "self_attn.v_proj.*": "v.*",
    "self_attn.out_proj.*": "out.*",
    "self_attn.q_layernorm.weight": "q_norm",
    "self_attn.k_layernorm.weight": "k_norm",
}
ATTENTION = Part("attn", "attention", ATTENTION_NAMES, options={"qk_norm": True})
CONV = Part(
    "conv",
    "ShortConv",
    {
        "operator_norm.weight": "norm.weight",
        "conv.in_proj.*": "b.* c.* x.*",
        "conv.conv.weight": Made("filter", theirs=middle_axis),
        "conv.conv.bias": "filter_bias",
        "conv.out_proj.*": "out.*",
    },
)
MLP = Part(
    "mlp",
    "SwiGLU",
    {
        "ffn_norm.weight": "norm.weight",
        "feed_forward.w1.weight": "gate.weight",
        "feed_forward.w3.weight": "up.weight",
        "feed_forward.w2.weight": "out.weight",
    },
)
AROUND: Names = {
    "model.embed_tokens.weight": "embedding.weight",
    "model.embedding_norm.weight": "norm.weight",
    "lm_head.weight": "head.weight",
}


def conv(kernel: int) -> dict[str, Field]:
    return {
        "conv_L_cache": whole(kernel, "conv.kernel", low=2, high=16),
        "conv_bias": flag(False, "conv.bias", "conv.out_bias", "conv.filter_bias"),
    }


def _hidden(values: Values) -> int:
    """Two thirds of what is said, times a factor, up to a multiple."""
    size = int(values["intermediate_size"])
    if not values["block_auto_adjust_ff_dim"]:
        return size
    size = int(2 * size / 3)
    if values["block_ffn_dim_multiplier"] is None:
        return size
    size = int(values["block_ffn_dim_multiplier"] * size)
    multiple = values["block_multiple_of"]
    return int(multiple * -(-size // multiple))


def _layers(values: Values) -> list[str]:
    attention = values["full_attn_idxs"]
    layers = range(values["num_hidden_layers"])
    return [FULL if attention is None or i in attention else "conv" for i in layers]


def _indices(found: Any, name: str) -> list[int]:
    return [integer(one, name, 0, 4096) for one in listed(found, name)]


UNREAD = dict.fromkeys(
    (
        *("block_dim", "conv_dim", "conv_dim_out", "num_heads", "block_norm_eps"),
        *("block_mlp_init_scale", "block_out_init_scale", "block_use_xavier_init"),
        *("conv_use_xavier_init", "block_use_swiglu", "use_pos_enc"),
    ),
    ignored("published files have it, and the family's model does not read it"),
)

FAMILY = Family(
    name="lfm2",
    title="LFM2",
    architecture="Lfm2ForCausalLM",
    fields={
        **stream(65_536, 2560, 32, 128_000, eps=1e-5, tied=True, eps_name="norm_eps"),
        **heads(32, 8),
        **conv(3),
        "rope_parameters": rope(theta=1e6),
        "intermediate_size": also(
            whole(12_288, high=2**22, seen=lambda seen: seen.at("mlp.hidden")),
            "block_ff_dim",
        ),
        "block_auto_adjust_ff_dim": flag(True, seen=lambda seen: False),
        "block_ffn_dim_multiplier": number(1.0, null=None, high=64),
        "block_multiple_of": whole(256),
        "full_attn_idxs": Field(_indices, null=None),
        "layer_types": layer_types((FULL, "conv"), _layers),
        **UNREAD,
    },
    always={"mlp.hidden": _hidden},
    kinds={FULL: (ATTENTION, MLP), "conv": (CONV, MLP)},
    layers=by("layer_types"),
    names=AROUND,
)
