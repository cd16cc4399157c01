"""Small random configurations of families with the gated delta rule."""

from typing import Any

import transformers
from hypothesis import strategies as st

from tests.zoo.configurations import (
    FLAGS,
    FULL,
    LAYERS,
    Draw,
    Given,
    heads,
    stream,
    theta,
    types,
)
from tests.zoo.of_experts import experts, latents, shared, wide

LINEAR = "linear_attention"
NOWHERE = {"rope_type": "default", "rope_theta": None}


def delta(draw: Draw) -> Given:
    """Heads of values, of which several may have keys in common."""
    keys = draw(st.sampled_from([1, 2]))
    return {
        "linear_num_key_heads": keys,
        "linear_num_value_heads": keys * draw(st.sampled_from([1, 2])),
        "linear_key_head_dim": draw(st.sampled_from([4, 6])),
        "linear_value_head_dim": draw(st.sampled_from([3, 4])),
        "linear_conv_kernel_dim": draw(st.sampled_from([2, 4])),
    }


@st.composite
def qwen3_5_text(draw: Draw) -> Any:
    return transformers.Qwen3_5TextConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        intermediate_size=draw(st.sampled_from([8, 12])),
        **delta(draw),
        **theta(draw, partial_rotary_factor=draw(st.sampled_from([0.25, 0.5]))),
        head_dim=8,
        attention_bias=draw(FLAGS),
        layer_types=draw(types(FULL, LINEAR)),
    )


@st.composite
def olmo_hybrid(draw: Draw) -> Any:
    rotation = theta(draw) if draw(FLAGS) else {"rope_parameters": NOWHERE}
    return transformers.OlmoHybridConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        intermediate_size=draw(st.sampled_from([8, 12])),
        **delta(draw),
        **rotation,
        attention_bias=draw(FLAGS),
        linear_allow_neg_eigval=draw(FLAGS),
        layer_types=draw(st.sampled_from([[FULL, LINEAR], [LINEAR, FULL]])),
    )


@st.composite
def kimi_linear(draw: Draw) -> Any:
    given = {**latents(draw), **shared(draw)}
    for name in ("rope_parameters", "first_k_dense_replace", "hidden_act"):
        given.pop(name)
    given["tie_word_embeddings"] = False
    given["num_local_experts"] = given.pop("n_routed_experts")
    return transformers.KimiLinearConfig(
        **{**stream(draw), **given},
        linear_head_dim=draw(st.sampled_from([3, 4])),
        linear_num_heads=draw(st.sampled_from([1, 2])),
        linear_conv_kernel_dim=draw(st.sampled_from([2, 4])),
        layer_types=draw(types(FULL, LINEAR)),
        mlp_layer_types=draw(types("dense", "sparse", layers=LAYERS)),
    )


@st.composite
def qwen3_next(draw: Draw) -> Any:
    given = {**experts(draw), **wide(draw)}
    given["hidden_act"] = "silu"
    return transformers.Qwen3NextConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **given,
        **delta(draw),
        **theta(draw, partial_rotary_factor=draw(st.sampled_from([0.25, 0.5]))),
        head_dim=8,
        attention_bias=draw(FLAGS),
        norm_topk_prob=draw(FLAGS),
        shared_expert_intermediate_size=draw(st.sampled_from([5, 7])),
        mlp_only_layers=draw(st.sampled_from([[], [1]])),
        layer_types=draw(types(FULL, LINEAR)),
    )


@st.composite
def xlstm(draw: Draw) -> Any:
    """Widths that the heads share out, whatever the factors."""
    count = draw(st.sampled_from([1, 2, 3]))
    given = stream(draw, "norm_eps") | {"tie_word_embeddings": False}
    del given["max_position_embeddings"]
    return transformers.xLSTMConfig(
        **given,
        hidden_size=count * 8,
        num_heads=count,
        qk_dim_factor=draw(st.sampled_from([0.5, 0.25, 1.25])),
        v_dim_factor=draw(st.sampled_from([1.0, 0.75])),
        ffn_proj_factor=draw(st.sampled_from([1.3, 2.667])),
        ffn_round_up_to_multiple_of=draw(st.sampled_from([1, 4])),
        gate_soft_cap=draw(st.sampled_from([2.0, 15.0])),
        output_logit_soft_cap=draw(st.sampled_from([3.0, 30.0])),
        eps=1e-30,  # which ours has not
    )


FAMILIES = {
    "xlstm": xlstm(),
    "qwen3_next": qwen3_next(),
    "kimi_linear": kimi_linear(),
    "olmo_hybrid": olmo_hybrid(),
    "qwen3_5_text": qwen3_5_text(),
}
