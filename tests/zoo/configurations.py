"""Small random configurations of each family, over the fields that it has."""

from collections.abc import Callable
from typing import Any

import transformers
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Given = dict[str, Any]

LAYERS = 2
THETAS = st.sampled_from([1e4, 5e5, 1234.5])
EPS = st.sampled_from([1e-6, 1e-5, 3e-3])
FLAGS = st.booleans()
BIT = st.integers(0, 1)
WINDOWS = st.sampled_from([None, 1, 3, 8])
FULL, SLIDING = "full_attention", "sliding_attention"


def stream(draw: Draw, eps: str = "rms_norm_eps", layers: int = LAYERS) -> Given:
    """Sizes of the stream; widths have a number of heads that divides them."""
    return {
        "vocab_size": draw(st.integers(11, 40)),
        "num_hidden_layers": layers,
        "max_position_embeddings": draw(st.sampled_from([64, 100])),
        "tie_word_embeddings": draw(FLAGS),
        "pad_token_id": None,
        "bos_token_id": 1,
        "eos_token_id": 2,
        eps: draw(EPS),
    }


def heads(draw: Draw, own_dim: bool = True) -> Given:
    """Heads, and channels of each: those that share the width, or others."""
    kv_heads = draw(st.sampled_from([1, 2, 3]))
    repeat = draw(st.sampled_from([1, 2]))
    shared = draw(st.sampled_from([2, 4, 6]))
    found: Given = {
        "num_attention_heads": kv_heads * repeat,
        "num_key_value_heads": kv_heads,
        "hidden_size": kv_heads * repeat * shared,
    }
    if own_dim:
        found["head_dim"] = draw(st.sampled_from([2, 4, 8]))
    return found


def mlp(draw: Draw, words: tuple[str, ...] = ("silu", "relu")) -> Given:
    return {
        "intermediate_size": draw(st.sampled_from([8, 12, 20])),
        "hidden_act": draw(st.sampled_from([*words, "gelu_pytorch_tanh"])),
    }


def theta(draw: Draw, **more: Any) -> Given:
    return {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": draw(THETAS),
            **more,
        }
    }


def scaled(draw: Draw) -> Given:
    """A rotation of any kind that has words."""
    kind = draw(st.sampled_from(["default", "linear", "llama3", "yarn"]))
    more: Given = {"rope_type": kind}
    if kind != "default":
        more["factor"] = draw(st.sampled_from([2.0, 8.0]))
    if kind in ("llama3", "yarn"):
        more["original_max_position_embeddings"] = draw(st.sampled_from([16, 40]))
    if kind == "llama3":
        more |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    if kind == "yarn" and draw(FLAGS):
        more |= {"attention_factor": 1.3, "beta_fast": 16, "truncate": False}
    return theta(draw, **more)


def types(*words: str, layers: int = LAYERS) -> st.SearchStrategy[list[str]]:
    """A word a layer."""
    return st.lists(st.sampled_from(words), min_size=layers, max_size=layers)


@st.composite
def llama(draw: Draw) -> Any:
    return transformers.LlamaConfig(
        **stream(draw),
        **heads(draw),
        **mlp(draw),
        **scaled(draw),
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


@st.composite
def mistral(draw: Draw) -> Any:
    return transformers.MistralConfig(
        **stream(draw),
        **heads(draw),
        **mlp(draw),
        **theta(draw),
        sliding_window=draw(WINDOWS),
    )


def qwen_windows(draw: Draw) -> Given:
    found: Given = {"use_sliding_window": draw(FLAGS)}
    if found["use_sliding_window"]:
        found["sliding_window"] = draw(st.sampled_from([3, 5]))
        found["max_window_layers"] = draw(st.integers(0, LAYERS))
        if draw(FLAGS):
            found["layer_types"] = draw(types(FULL, SLIDING))
    return found


@st.composite
def qwen2(draw: Draw) -> Any:
    return transformers.Qwen2Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        **qwen_windows(draw),
    )


@st.composite
def qwen3(draw: Draw) -> Any:
    return transformers.Qwen3Config(
        **stream(draw),
        **heads(draw),
        **mlp(draw),
        **scaled(draw),
        **qwen_windows(draw),
        attention_bias=draw(FLAGS),
    )


@st.composite
def seed_oss(draw: Draw) -> Any:
    return transformers.SeedOssConfig(
        **stream(draw),
        **heads(draw),
        **mlp(draw),
        **theta(draw),
        attention_bias=draw(FLAGS),
        attention_out_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


@st.composite
def smollm3(draw: Draw) -> Any:
    found: Given = {"use_sliding_window": draw(FLAGS)}
    if found["use_sliding_window"]:
        found["sliding_window"] = draw(st.sampled_from([3, 5]))
        if draw(FLAGS):
            found["layer_types"] = draw(types(FULL, SLIDING))
    if draw(FLAGS):
        found["no_rope_layers"] = draw(st.lists(BIT, min_size=LAYERS, max_size=LAYERS))
    else:
        found["no_rope_layer_interval"] = draw(st.sampled_from([1, 2, 4]))
    return transformers.SmolLM3Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        **found,
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


@st.composite
def lfm2(draw: Draw) -> Any:
    layers = draw(st.integers(2, 3))
    found: Given = {}
    if draw(FLAGS):
        found["layer_types"] = draw(types(FULL, "conv", layers=layers))
    elif draw(FLAGS):
        found["full_attn_idxs"] = draw(st.lists(st.integers(0, layers - 1)))
    return transformers.Lfm2Config(
        **stream(draw, "norm_eps", layers),
        **heads(draw, own_dim=False),
        **theta(draw),
        **found,
        intermediate_size=draw(st.sampled_from([12, 20])),
        block_auto_adjust_ff_dim=draw(FLAGS),
        block_multiple_of=draw(st.sampled_from([4, 8])),
        block_ffn_dim_multiplier=draw(st.sampled_from([1.0, 1.5])),
        conv_L_cache=draw(st.integers(2, 5)),
        conv_bias=draw(FLAGS),
    )


@st.composite
def gemma(draw: Draw) -> Any:
    return transformers.GemmaConfig(
        **stream(draw),
        **heads(draw),
        **mlp(draw, ("gelu", "silu")),
        **theta(draw),
        attention_bias=draw(FLAGS),
    )


@st.composite
def stablelm(draw: Draw) -> Any:
    sizes = heads(draw, own_dim=False)
    dim = sizes["hidden_size"] // sizes["num_attention_heads"]
    turned = draw(st.integers(1, dim // 2)) * 2
    return transformers.StableLmConfig(
        **stream(draw, "layer_norm_eps"),
        **sizes,
        **mlp(draw),
        **theta(draw, partial_rotary_factor=turned / dim),
        use_qkv_bias=draw(FLAGS),
        qk_layernorm=draw(FLAGS),
        use_parallel_residual=draw(FLAGS),
    )


def mamba_sizes(draw: Draw) -> tuple[Given, int]:
    """Of Bamba and Falcon-H1, and the channels."""
    groups = draw(st.sampled_from([1, 2]))
    found: Given = {
        "mamba_n_groups": groups,
        "mamba_n_heads": groups * draw(st.sampled_from([1, 2])),
        "mamba_d_state": draw(st.integers(2, 6)),
        "mamba_d_conv": draw(st.integers(2, 5)),
        "mamba_chunk_size": 4,
        "mamba_proj_bias": draw(FLAGS),
        "time_step_limit": draw(st.sampled_from([(0.0, float("inf")), (0.3, 0.9)])),
    }
    return found, found["mamba_n_heads"] * draw(st.sampled_from([2, 3]))


@st.composite
def mamba2(draw: Draw) -> Any:
    groups, head_dim = draw(st.sampled_from([1, 2])), draw(st.sampled_from([2, 4]))
    num_heads = groups * draw(st.sampled_from([2, 4]))
    found = stream(draw, "layer_norm_epsilon")
    del found["max_position_embeddings"]
    return transformers.Mamba2Config(
        **found,
        hidden_size=num_heads * head_dim // 2,
        num_heads=num_heads,
        head_dim=head_dim,
        n_groups=groups,
        state_size=draw(st.integers(2, 6)),
        conv_kernel=draw(st.integers(2, 5)),
        use_bias=draw(FLAGS),
        chunk_size=4,
        time_step_limit=draw(st.sampled_from([(0.0, float("inf")), (0.3, 0.9)])),
    )


@st.composite
def bamba(draw: Draw) -> Any:
    found, _ = mamba_sizes(draw)
    kv_heads = draw(st.sampled_from([1, 2]))
    count = kv_heads * draw(st.sampled_from([1, 2]))
    return transformers.BambaConfig(
        **stream(draw),
        intermediate_size=draw(st.sampled_from([8, 12])),
        **theta(draw),
        **found,
        hidden_size=4 * count * found["mamba_n_heads"],
        num_attention_heads=count,
        num_key_value_heads=kv_heads,
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
        attn_layer_indices=draw(st.sampled_from([None, [0], [1], [0, 1]])),
    )


@st.composite
def falcon_h1(draw: Draw) -> Any:
    found, inner = mamba_sizes(draw)
    multiplier = st.sampled_from([1.0, 0.5, 1.7])
    names = (
        *("lm_head_multiplier", "embedding_multiplier", "key_multiplier"),
        *("attention_out_multiplier", "attention_in_multiplier"),
        *("ssm_in_multiplier", "ssm_out_multiplier"),
    )
    return transformers.FalconH1Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        intermediate_size=draw(st.sampled_from([8, 12])),
        **theta(draw),
        **found,
        **{name: draw(multiplier) for name in names},
        mamba_d_ssm=inner,
        mlp_multipliers=[draw(multiplier), draw(multiplier)],
        ssm_multipliers=[draw(multiplier) for _ in range(5)],
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
        projectors_bias=draw(FLAGS),
        mamba_rms_norm=draw(FLAGS),
        mamba_norm_before_gate=draw(FLAGS),
    )


@st.composite
def exaone4(draw: Draw) -> Any:
    found: Given = {"sliding_window": draw(st.sampled_from([None, 3, 5]))}
    if found["sliding_window"] is None:
        found["layer_types"] = [FULL] * LAYERS
    elif draw(FLAGS):
        found["layer_types"] = draw(types(FULL, SLIDING))
    else:
        found["sliding_window_pattern"] = draw(st.sampled_from([1, 2, 4]))
    return transformers.Exaone4Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        **found,
    )


MULTIPLIERS = (
    "embedding_multiplier",
    "logits_scaling",
    "residual_multiplier",
    "attention_multiplier",
)


@st.composite
def granite(draw: Draw) -> Any:
    return transformers.GraniteConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        **{name: draw(st.sampled_from([1.0, 0.22, 8.0])) for name in MULTIPLIERS},
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


@st.composite
def granitemoehybrid(draw: Draw) -> Any:
    found, _ = mamba_sizes(draw)
    kv_heads = draw(st.sampled_from([1, 2]))
    count = kv_heads * draw(st.sampled_from([1, 2]))
    return transformers.GraniteMoeHybridConfig(
        **stream(draw),
        **theta(draw),
        **found,
        **{name: draw(st.sampled_from([1.0, 0.22, 8.0])) for name in MULTIPLIERS},
        hidden_size=4 * count * found["mamba_n_heads"],
        num_attention_heads=count,
        num_key_value_heads=kv_heads,
        num_local_experts=draw(st.sampled_from([0, 4, 5])),
        num_experts_per_tok=draw(st.sampled_from([1, 2, 3])),
        intermediate_size=draw(st.sampled_from([5, 6])),
        shared_intermediate_size=draw(st.sampled_from([8, 12])),
        position_embedding_type=draw(st.sampled_from([None, "rope"])),
        layer_types=draw(types("full_attention", "linear_attention")),
        attention_bias=draw(FLAGS),
    )


@st.composite
def helium(draw: Draw) -> Any:
    sizes = heads(draw, own_dim=False)
    return transformers.HeliumConfig(
        **stream(draw),
        **sizes,
        **mlp(draw),
        **theta(draw),
        head_dim=sizes["hidden_size"] // sizes["num_attention_heads"],
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


@st.composite
def gemma3_text(draw: Draw) -> Any:
    kind = {"rope_type": "default"}
    found = mlp(draw)
    found["hidden_activation"] = found.pop("hidden_act")
    return transformers.Gemma3TextConfig(
        **stream(draw),
        **heads(draw),
        **found,
        rope_parameters={
            FULL: scaled(draw)["rope_parameters"],
            SLIDING: {**kind, "rope_theta": draw(THETAS)},
        },
        layer_types=draw(types(FULL, SLIDING)),
        sliding_window=draw(st.sampled_from([3, 5])),
        query_pre_attn_scalar=draw(st.sampled_from([4, 7])),
        final_logit_softcapping=draw(st.sampled_from([None, 3.0])),
        attention_bias=draw(FLAGS),
    )


@st.composite
def gemma3n_text(draw: Draw) -> Any:
    layers = draw(st.integers(2, 3))
    own = draw(st.integers(1, layers))
    kinds = draw(types(FULL, SLIDING, layers=own))
    kinds += [draw(st.sampled_from(kinds)) for _ in range(layers - own)]
    sizes = stream(draw, layers=layers)
    rows = draw(st.sampled_from([sizes["vocab_size"], 7]))
    widths = st.sampled_from([8, 12])
    rotation = {"rope_type": "default"}
    return transformers.Gemma3nTextConfig(
        **sizes,
        **heads(draw),
        layer_types=kinds,
        num_kv_shared_layers=layers - own,
        intermediate_size=draw(
            st.one_of(widths, st.lists(widths, min_size=layers, max_size=layers))
        ),
        hidden_activation=draw(st.sampled_from(["gelu_pytorch_tanh", "gelu", "silu"])),
        activation_sparsity_pattern=[
            draw(st.sampled_from([0.0, 0.5, 0.9])) for _ in range(layers)
        ],
        rope_parameters={
            FULL: scaled(draw)["rope_parameters"],
            SLIDING: {**rotation, "rope_theta": draw(THETAS)},
        },
        sliding_window=draw(st.sampled_from([3, 5])),
        final_logit_softcapping=draw(st.sampled_from([3.0, 30.0])),
        attention_bias=draw(FLAGS),
        vocab_size_per_layer_input=rows,
        hidden_size_per_layer_input=draw(st.sampled_from([3, 4])),
        altup_num_inputs=draw(st.integers(1, 3)),
        laurel_rank=draw(st.sampled_from([1, 3])),
    )


@st.composite
def lfm3(draw: Draw) -> Any:
    layers = draw(st.integers(2, 3))
    found = heads(draw, own_dim=False)
    dim = draw(st.sampled_from([4, 8]))
    proportional = {
        "rope_type": "proportional",
        "rope_theta": draw(THETAS),
        "partial_rotary_factor": draw(st.sampled_from([0.5, 1.0])),
    }
    plain = {"rope_type": "default", "rope_theta": draw(THETAS)}
    gate = draw(FLAGS)
    return transformers.Lfm3Config(
        **stream(draw, "norm_eps", layers),
        **found,
        head_dim=dim,
        rope_parameters={
            FULL: draw(st.sampled_from([proportional, plain])),
            SLIDING: {"rope_type": "default", "rope_theta": draw(THETAS)},
        },
        layer_types=draw(types(FULL, SLIDING, "conv", layers=layers)),
        sliding_window=draw(st.sampled_from([3, 5])),
        intermediate_size=draw(st.sampled_from([12, 20])),
        conv_L_cache=draw(st.integers(2, 7)),
        conv_bias=draw(FLAGS),
        use_sandwich_norm=draw(FLAGS),
        use_attention_gate=gate,
        attention_bias=not gate and draw(FLAGS),
    )


@st.composite
def starcoder2(draw: Draw) -> Any:
    return transformers.Starcoder2Config(
        **stream(draw, "norm_epsilon"),
        **heads(draw, own_dim=False),
        **mlp(draw, ("gelu", "relu", "silu")),
        **theta(draw),
        sliding_window=draw(WINDOWS),
        use_bias=draw(FLAGS),
    )


@st.composite
def phi3(draw: Draw) -> Any:
    return transformers.Phi3Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        sliding_window=draw(WINDOWS),
        original_max_position_embeddings=64,
    )


@st.composite
def nemotron_h(draw: Draw) -> Any:
    groups, kept = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 2]))
    found = stream(draw, "layer_norm_epsilon")
    layers = found.pop("num_hidden_layers") + 1
    found["tie_word_embeddings"] = False  # their class ties nothing
    return transformers.NemotronHConfig(
        **found,
        **heads(draw),
        layers_block_type=draw(
            types("linear_attention", "full_attention", "mlp", "moe", layers=layers)
        ),
        n_routed_experts=4 * draw(st.sampled_from([1, 2])),
        num_experts_per_tok=draw(st.sampled_from([1, 2])),
        moe_intermediate_size=draw(st.sampled_from([5, 6])),
        moe_shared_expert_intermediate_size=draw(st.sampled_from([5, 7])),
        moe_latent_size=draw(st.sampled_from([None, 5])),
        n_group=kept,
        topk_group=draw(st.integers(1, kept)),
        norm_topk_prob=draw(FLAGS),
        routed_scaling_factor=draw(st.sampled_from([1.0, 2.5])),
        intermediate_size=draw(st.sampled_from([8, 12])),
        mlp_hidden_act=draw(st.sampled_from(["relu2", "gelu", "silu"])),
        mlp_bias=draw(FLAGS),
        mamba_num_heads=groups * draw(st.sampled_from([1, 2])),
        mamba_head_dim=draw(st.sampled_from([2, 3])),
        ssm_state_size=draw(st.integers(2, 6)),
        n_groups=groups,
        conv_kernel=draw(st.integers(2, 5)),
        chunk_size=4,
        time_step_min=draw(st.sampled_from([0.001, 0.6])),
        use_bias=draw(FLAGS),
    )


@st.composite
def gemma2(draw: Draw) -> Any:
    found = mlp(draw)
    found["hidden_activation"] = found.pop("hidden_act")
    return transformers.Gemma2Config(
        **stream(draw),
        **heads(draw),
        **found,
        **scaled(draw),
        layer_types=draw(types(FULL, SLIDING)),
        sliding_window=draw(st.sampled_from([3, 5])),
        query_pre_attn_scalar=draw(st.sampled_from([4, 7])),
        final_logit_softcapping=draw(st.sampled_from([None, 3.0])),
        attn_logit_softcapping=draw(st.sampled_from([None, 2.0])),
        attention_bias=draw(FLAGS),
    )


@st.composite
def olmo2(draw: Draw) -> Any:
    return transformers.Olmo2Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **scaled(draw),
        attention_bias=draw(FLAGS),
    )


@st.composite
def olmo3(draw: Draw) -> Any:
    return transformers.Olmo3Config(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        rope_parameters={
            FULL: scaled(draw)["rope_parameters"],
            SLIDING: theta(draw)["rope_parameters"],
        },
        layer_types=draw(types(FULL, SLIDING)),
        sliding_window=draw(st.sampled_from([3, 5])),
        attention_bias=draw(FLAGS),
    )


@st.composite
def granite_swa(draw: Draw) -> Any:
    rotation = theta(draw)
    base = rotation["rope_parameters"]["rope_theta"]
    bases = draw(st.sampled_from([None, [base, 0], [0, base], [0, 0]]))
    return transformers.GraniteSWAConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **rotation,
        **{name: draw(st.sampled_from([1.0, 0.22, 8.0])) for name in MULTIPLIERS},
        layer_rope_theta=bases,
        layer_types=draw(types(FULL, SLIDING)),
        sliding_window=draw(st.sampled_from([3, 5])),
        attention_bias=draw(FLAGS),
        mlp_bias=draw(FLAGS),
    )


def mamba_1(draw: Draw) -> Given:
    """Of Mamba and Falcon Mamba."""
    found = stream(draw, "layer_norm_epsilon")
    del found["max_position_embeddings"]
    return {
        **found,
        "hidden_size": draw(st.sampled_from([6, 8])),
        "state_size": draw(st.integers(2, 5)),
        "expand": draw(st.sampled_from([1, 2])),
        **draw(st.sampled_from([{}, {"intermediate_size": 9}])),
        "conv_kernel": draw(st.integers(2, 5)),
        "use_bias": draw(FLAGS),
        "time_step_rank": draw(st.sampled_from(["auto", 3])),
    }


@st.composite
def mamba(draw: Draw) -> Any:
    return transformers.MambaConfig(**mamba_1(draw))


@st.composite
def falcon_mamba(draw: Draw) -> Any:
    return transformers.FalconMambaConfig(**mamba_1(draw), mixer_rms_eps=draw(EPS))


@st.composite
def jamba(draw: Draw) -> Any:
    period, sparse = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return transformers.JambaConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        intermediate_size=draw(st.sampled_from([8, 12])),
        num_experts=draw(st.sampled_from([1, 4, 5])),
        num_experts_per_tok=draw(st.sampled_from([1, 2, 3])),
        expert_layer_period=sparse,
        expert_layer_offset=draw(st.integers(0, sparse - 1)),
        attn_layer_period=period,
        attn_layer_offset=draw(st.integers(0, period - 1)),
        mamba_d_state=draw(st.integers(2, 5)),
        mamba_d_conv=draw(st.integers(2, 5)),
        mamba_expand=draw(st.sampled_from([1, 2])),
        mamba_dt_rank=draw(st.sampled_from(["auto", 3])),
        mamba_proj_bias=draw(FLAGS),
    )


@st.composite
def recurrent_gemma(draw: Draw) -> Any:
    found, sizes = stream(draw), heads(draw, own_dim=False)
    del found["max_position_embeddings"]
    count = sizes["num_attention_heads"]
    sizes["hidden_size"] = 4 * count
    if draw(FLAGS):
        sizes["head_dim"] = draw(st.sampled_from([4, 8]))
    blocks = st.sampled_from(["recurrent", "attention"])
    return transformers.RecurrentGemmaConfig(
        **found,
        **sizes,
        **theta(draw, partial_rotary_factor=draw(st.sampled_from([0.5, 1.0]))),
        lru_width=draw(st.sampled_from([None, 2 * count])),
        intermediate_size=draw(st.sampled_from([16, 24])),
        conv1d_width=draw(st.integers(2, 5)),
        attention_window_size=draw(st.sampled_from([1, 3, 8])),
        attention_bias=draw(FLAGS),
        logits_soft_cap=draw(st.sampled_from([3.0, 30.0])),
        block_types=draw(st.lists(blocks, min_size=1, max_size=3)),
    )


@st.composite
def diffllama(draw: Draw) -> Any:
    found = heads(draw)
    for name in ("num_attention_heads", "num_key_value_heads", "hidden_size"):
        found[name] *= 2
    return transformers.DiffLlamaConfig(
        **stream(draw),
        **found,
        **mlp(draw),
        **theta(draw),
        attention_bias=draw(FLAGS),
    )


@st.composite
def cohere(draw: Draw) -> Any:
    return transformers.CohereConfig(
        **stream(draw, "layer_norm_eps"),
        **heads(draw, own_dim=False),
        **mlp(draw),
        **theta(draw),
        logit_scale=draw(st.sampled_from([0.0625, 1.0, 0.3])),
        attention_bias=draw(FLAGS),
        use_qk_norm=draw(FLAGS),
    )


@st.composite
def cohere2(draw: Draw) -> Any:
    found: Given = {}
    if draw(FLAGS):
        found["layer_types"] = draw(types(FULL, SLIDING))
    return transformers.Cohere2Config(
        **stream(draw, "layer_norm_eps"),
        **heads(draw),
        **mlp(draw),
        **theta(draw),
        **found,
        logit_scale=draw(st.sampled_from([0.0625, 1.0, 0.3])),
        sliding_window=draw(st.sampled_from([3, 5])),
        attention_bias=draw(FLAGS),
    )


@st.composite
def nanochat(draw: Draw) -> Any:
    return transformers.NanoChatConfig(
        **stream(draw),
        **heads(draw, own_dim=False),
        **scaled(draw),
        intermediate_size=draw(st.sampled_from([8, 12])),
        hidden_act=draw(st.sampled_from(["relu2", "gelu", "silu"])),
        final_logit_softcapping=draw(st.sampled_from([None, 3.0])),
        attention_bias=draw(FLAGS),
    )


@st.composite
def gpt2(draw: Draw) -> Any:
    count = draw(st.sampled_from([1, 2, 3]))
    return transformers.GPT2Config(
        vocab_size=draw(st.integers(11, 40)),
        n_layer=LAYERS,
        n_positions=draw(st.sampled_from([20, 64])),
        n_head=count,
        n_embd=count * draw(st.sampled_from([2, 3, 4])),
        n_inner=draw(st.sampled_from([None, 10])),
        activation_function=draw(st.sampled_from(["gelu_new", "relu", "gelu"])),
        layer_norm_epsilon=draw(EPS),
        tie_word_embeddings=draw(FLAGS),
        resid_pdrop=draw(st.sampled_from([0.0, 0.1])),
        pad_token_id=None,
        bos_token_id=1,
        eos_token_id=2,
    )


@st.composite
def gpt_neox(draw: Draw) -> Any:
    found = heads(draw, own_dim=False)
    del found["num_key_value_heads"]
    dim = found["hidden_size"] // found["num_attention_heads"]
    turned = draw(st.integers(1, dim // 2)) * 2
    return transformers.GPTNeoXConfig(
        **stream(draw, "layer_norm_eps"),
        **found,
        **theta(draw, partial_rotary_factor=turned / dim),
        intermediate_size=draw(st.sampled_from([8, 12])),
        hidden_act=draw(st.sampled_from(["gelu", "gelu_new", "relu"])),
        attention_bias=draw(FLAGS),
        use_parallel_residual=draw(FLAGS),
    )


@st.composite
def phi(draw: Draw) -> Any:
    sizes = heads(draw, own_dim=False)
    dim = sizes["hidden_size"] // sizes["num_attention_heads"]
    turned = draw(st.integers(1, dim // 2)) * 2
    return transformers.PhiConfig(
        **stream(draw, "layer_norm_eps"),
        **sizes,
        **theta(draw, partial_rotary_factor=turned / dim),
        intermediate_size=draw(st.sampled_from([8, 12])),
        hidden_act=draw(st.sampled_from(["gelu", "gelu_new", "relu"])),
        qk_layernorm=draw(FLAGS),
    )


@st.composite
def bloom(draw: Draw) -> Any:
    count = draw(st.sampled_from([1, 2, 3, 4, 6]))
    return transformers.BloomConfig(
        vocab_size=draw(st.integers(11, 40)),
        n_layer=LAYERS,
        n_head=count,
        hidden_size=count * draw(st.sampled_from([2, 3])),
        layer_norm_epsilon=draw(EPS),
        tie_word_embeddings=draw(FLAGS),
        bos_token_id=1,
        eos_token_id=2,
    )


@st.composite
def zamba2(draw: Draw) -> Any:
    sizes = heads(draw, own_dim=False)
    adapted = draw(FLAGS)
    if adapted:  # their adapters of k and v are as wide as that of q
        sizes["num_key_value_heads"] = sizes["num_attention_heads"]
    layers, mamba = 5, sizes["num_attention_heads"]  # which divides the width
    return transformers.Zamba2Config(
        **{**stream(draw, layers=layers), "tie_word_embeddings": True},
        **sizes,
        **theta(draw),
        layers_block_type=draw(types("linear_attention", "hybrid", layers=layers)),
        num_mem_blocks=draw(st.sampled_from([1, 2])),
        use_shared_attention_adapter=adapted,
        adapter_rank=draw(st.sampled_from([1, 3])),
        use_mem_rope=draw(FLAGS),
        intermediate_size=draw(st.sampled_from([8, 12, None])),
        hidden_act=draw(st.sampled_from(["gelu", "silu"])),
        add_bias_linear=draw(FLAGS),
        n_mamba_heads=mamba,
        mamba_ngroups=draw(st.sampled_from([1, mamba])),
        mamba_d_state=draw(st.integers(2, 6)),
        mamba_d_conv=draw(st.integers(2, 5)),
        mamba_expand=draw(st.sampled_from([1, 2])),
        chunk_size=4,
        time_step_min=draw(st.sampled_from([0.001, 0.3])),
    )


FAMILIES: dict[str, st.SearchStrategy[Any]] = {
    "bamba": bamba(),
    "bloom": bloom(),
    "cohere": cohere(),
    "cohere2": cohere2(),
    "diffllama": diffllama(),
    "exaone4": exaone4(),
    "falcon_h1": falcon_h1(),
    "falcon_mamba": falcon_mamba(),
    "gemma": gemma(),
    "gemma2": gemma2(),
    "gemma3_text": gemma3_text(),
    "gemma3n_text": gemma3n_text(),
    "gpt2": gpt2(),
    "gpt_neox": gpt_neox(),
    "granite": granite(),
    "granite_swa": granite_swa(),
    "granitemoehybrid": granitemoehybrid(),
    "helium": helium(),
    "jamba": jamba(),
    "lfm2": lfm2(),
    "lfm3": lfm3(),
    "llama": llama(),
    "mamba": mamba(),
    "mamba2": mamba2(),
    "mistral": mistral(),
    "nanochat": nanochat(),
    "nemotron_h": nemotron_h(),
    "olmo2": olmo2(),
    "olmo3": olmo3(),
    "phi": phi(),
    "phi3": phi3(),
    "qwen2": qwen2(),
    "qwen3": qwen3(),
    "recurrent_gemma": recurrent_gemma(),
    "seed_oss": seed_oss(),
    "smollm3": smollm3(),
    "stablelm": stablelm(),
    "starcoder2": starcoder2(),
    "zamba2": zamba2(),
}
