"""Small random configurations of families with experts, over the fields they have."""

from typing import Any

import transformers
from hypothesis import strategies as st

from tests.zoo.configurations import (
    FLAGS,
    FULL,
    LAYERS,
    SLIDING,
    WINDOWS,
    Draw,
    Given,
    heads,
    scaled,
    stream,
    theta,
    types,
)


def experts(draw: Draw, count: str = "num_experts") -> Given:
    """A number of experts that groups divide."""
    top = draw(st.sampled_from([1, 2, 3]))
    return {
        count: draw(st.sampled_from([4, 6])),
        "num_experts_per_tok": top,
        "hidden_act": draw(st.sampled_from(["silu", "relu", "gelu_pytorch_tanh"])),
    }


def wide(draw: Draw) -> Given:
    return {
        "intermediate_size": draw(st.sampled_from([8, 12])),
        "moe_intermediate_size": draw(st.sampled_from([5, 6])),
    }


def shared(draw: Draw) -> Given:
    """Experts by sigmoid scores, groups of them, one shared, dense layers."""
    groups = draw(st.sampled_from([1, 2]))
    return {
        **experts(draw, "n_routed_experts"),
        **wide(draw),
        "num_experts_per_tok": draw(st.sampled_from([1, 2])),
        "n_shared_experts": draw(st.sampled_from([1, 2])),
        "n_group": groups,
        "topk_group": draw(st.integers(1, groups)),
        "routed_scaling_factor": draw(st.sampled_from([1.0, 2.5])),
        "first_k_dense_replace": draw(st.integers(0, LAYERS)),
        "norm_topk_prob": draw(FLAGS),
    }


@st.composite
def mixtral(draw: Draw) -> Any:
    return transformers.MixtralConfig(
        **stream(draw),
        **heads(draw),
        **experts(draw, "num_local_experts"),
        **scaled(draw),
        intermediate_size=draw(st.sampled_from([5, 6])),
        sliding_window=draw(WINDOWS),
    )


@st.composite
def olmoe(draw: Draw) -> Any:
    return transformers.OlmoeConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **experts(draw),
        **theta(draw),
        intermediate_size=draw(st.sampled_from([5, 6])),
        attention_bias=draw(FLAGS),
        norm_topk_prob=draw(FLAGS),
    )


@st.composite
def qwen3_moe(draw: Draw) -> Any:
    return transformers.Qwen3MoeConfig(
        **stream(draw),
        **heads(draw),
        **experts(draw),
        **wide(draw),
        **scaled(draw),
        attention_bias=draw(FLAGS),
        norm_topk_prob=draw(FLAGS),
        use_sliding_window=draw(FLAGS),
        sliding_window=3,
        decoder_sparse_step=draw(st.sampled_from([1, 2])),
        mlp_only_layers=draw(st.sampled_from([[], [1]])),
    )


@st.composite
def dots1(draw: Draw) -> Any:
    return transformers.Dots1Config(
        **stream(draw),
        **heads(draw),
        **shared(draw),
        **scaled(draw),
        attention_bias=draw(FLAGS),
        layer_types=draw(types(FULL, SLIDING)),
        sliding_window=3,
    )


@st.composite
def glm4_moe(draw: Draw) -> Any:
    return transformers.Glm4MoeConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **shared(draw),
        **theta(draw, partial_rotary_factor=draw(st.sampled_from([0.5, 1.0]))),
        **{"head_dim": draw(st.sampled_from([4, 8]))},
        attention_bias=draw(FLAGS),
        use_qk_norm=draw(FLAGS),
    )


def latents(draw: Draw) -> Given:
    """Of k and v, and of q or not; a rotation with yarn's two scales.

    Sizes are even, because V2's rotation looks at pairs as complex numbers.
    """
    rope = scaled(draw)["rope_parameters"]
    if rope["rope_type"] == "yarn" and draw(FLAGS):
        rope.pop("attention_factor", None)
        rope |= {"mscale": draw(st.sampled_from([0.7, 1.0])), "mscale_all_dim": 0.707}
    if rope["rope_type"] == "llama3":
        rope = {"rope_type": "default", "rope_theta": 1e4}
    count = draw(st.sampled_from([1, 2, 3]))
    return {
        "hidden_size": 12,
        "num_attention_heads": count,
        "num_key_value_heads": count,
        "kv_lora_rank": draw(st.sampled_from([4, 6])),
        "q_lora_rank": draw(st.sampled_from([None, 4])),
        "qk_nope_head_dim": draw(st.sampled_from([4, 6])),
        "qk_rope_head_dim": draw(st.sampled_from([2, 4])),
        "v_head_dim": draw(st.sampled_from([3, 4])),
        "attention_bias": draw(FLAGS),
        "rope_parameters": rope,
    }


@st.composite
def deepseek_v3(draw: Draw) -> Any:
    return transformers.DeepseekV3Config(
        **stream(draw),
        **latents(draw),
        **shared(draw),
        rope_interleave=draw(FLAGS),
    )


@st.composite
def deepseek_v2(draw: Draw) -> Any:
    return transformers.DeepseekV2Config(
        **stream(draw),
        **latents(draw),
        **shared(draw),
        mlp_bias=draw(FLAGS),
        topk_method=draw(st.sampled_from(["greedy", "group_limited_greedy"])),
    )


@st.composite
def qwen2_moe(draw: Draw) -> Any:
    return transformers.Qwen2MoeConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **experts(draw),
        **wide(draw),
        **theta(draw),
        qkv_bias=draw(FLAGS),
        norm_topk_prob=draw(FLAGS),
        shared_expert_intermediate_size=draw(st.sampled_from([5, 7])),
        mlp_only_layers=draw(st.sampled_from([[], [1]])),
    )


@st.composite
def lfm2_moe(draw: Draw) -> Any:
    found = experts(draw)
    del found["hidden_act"]
    layers = draw(st.integers(2, 3))
    return transformers.Lfm2MoeConfig(
        **stream(draw, "norm_eps", layers),
        **heads(draw, own_dim=False),
        **found,
        **wide(draw),
        **theta(draw),
        conv_L_cache=draw(st.integers(2, 5)),
        conv_bias=draw(FLAGS),
        num_dense_layers=draw(st.integers(0, layers)),
        use_expert_bias=draw(FLAGS),
        norm_topk_prob=draw(FLAGS),
        routed_scaling_factor=draw(st.sampled_from([1.0, 2.5])),
        layer_types=draw(types(FULL, "conv", layers=layers)),
    )


@st.composite
def gpt_oss(draw: Draw) -> Any:
    found = experts(draw, "num_local_experts")
    del found["hidden_act"]
    return transformers.GptOssConfig(
        **stream(draw),
        **heads(draw),
        **found,
        **draw(st.sampled_from([{}, scaled(draw)])),
        intermediate_size=draw(st.sampled_from([5, 6])),
        swiglu_alpha=draw(st.sampled_from([1.0, 1.702])),
        swiglu_limit=draw(st.sampled_from([0.3, 7.0])),
        attention_bias=draw(FLAGS),
        sliding_window=draw(st.sampled_from([1, 3])),
        **draw(st.sampled_from([{}, {"layer_types": draw(types(FULL, SLIDING))}])),
    )


@st.composite
def phimoe(draw: Draw) -> Any:
    return transformers.PhimoeConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **experts(draw, "num_local_experts") | {"num_experts_per_tok": 2},
        **theta(draw),
        intermediate_size=draw(st.sampled_from([5, 6])),
        lm_head_bias=draw(FLAGS),
        router_jitter_noise=draw(st.sampled_from([0.01, 0.3, 1.0])),
        attention_bias=draw(FLAGS),
        sliding_window=draw(WINDOWS),
    )


@st.composite
def minimax(draw: Draw) -> Any:
    names = ("full_attn", "linear_attn", "mlp")
    factors = [
        f"{name}_{factor}_factor" for name in names for factor in ("alpha", "beta")
    ]
    layers = draw(st.integers(2, 3))
    return transformers.MiniMaxConfig(
        **stream(draw, layers=layers),
        **heads(draw),
        **experts(draw, "num_local_experts") | {"hidden_act": "silu"},
        **scaled(draw),
        intermediate_size=draw(st.sampled_from([5, 6])),
        sliding_window=draw(WINDOWS),
        layer_types=draw(types(FULL, "linear_attention", layers=layers)),
        block_size=draw(st.sampled_from([2, 256])),
        **{name: draw(st.sampled_from([1, 0.5, 3.56])) for name in factors},
    )


FAMILIES = {
    "gpt_oss": gpt_oss(),
    "lfm2_moe": lfm2_moe(),
    "phimoe": phimoe(),
    "qwen2_moe": qwen2_moe(),
    "deepseek_v2": deepseek_v2(),
    "deepseek_v3": deepseek_v3(),
    "dots1": dots1(),
    "glm4_moe": glm4_moe(),
    "minimax": minimax(),
    "mixtral": mixtral(),
    "olmoe": olmoe(),
    "qwen3_moe": qwen3_moe(),
}
