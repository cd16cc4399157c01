"""gpt-oss: sinks in every softmax, every second layer with a window, biased experts."""

from dataclasses import replace

from starc.zoo.experts import IN_TRAINING, UNBALANCED
from starc.zoo.family import Family, Part, by
from starc.zoo.field import also, flag, ignored, in_training, number, whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    UNUSED,
    head_dim,
    heads,
    stream,
    with_names,
)
from starc.zoo.tensor import by_turns

ATTN = with_names(ATTENTION, {"self_attn.sinks": "sinks"})
LOCAL = replace(ATTN, alias="local", roles=("attn",))
EXPERTS = Part(
    "moe",
    "MoE",
    {
        "post_attention_layernorm.weight": "norm.weight",
        "mlp.router.weight": "router.weight",
        "mlp.router.bias": "router.bias",
        "mlp.experts.gate_up_proj": by_turns("gate.weight up.weight"),
        "mlp.experts.gate_up_proj_bias": by_turns("gate.bias up.bias"),
        "mlp.experts.down_proj": by_turns("down_proj.weight"),
        "mlp.experts.down_proj_bias": "down_proj.bias",
    },
)
YARN = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}

FAMILY = Family(
    name="gpt_oss",
    title="gpt-oss",
    architecture="GptOssForCausalLM",
    fields={
        **stream(201_088, 2880, 36, context=131_072, eps=1e-5, tied=False),
        **heads(64, 8),
        **head_dim(64),
        "intermediate_size": whole(2880, "moe.hidden", high=2**22),
        "num_local_experts": also(
            whole(128, "moe.experts", high=65_536), "num_experts"
        ),
        "num_experts_per_tok": also(
            whole(4, "moe.top", high=65_536), "experts_per_token"
        ),
        "swiglu_alpha": number(1.702, "moe.alpha", low=1e-3, high=1e4),
        "swiglu_limit": number(7.0, "moe.limit", low=1e-3, high=1e4),
        "rope_parameters": rope(theta=150_000.0, otherwise=YARN),
        "attention_bias": flag(True, "attn.bias", "attn.out_bias"),
        "sliding_window": whole(128, "local.window", null=None),
        "layer_types": layer_types((FULL, SLIDING), every(2)),
        "hidden_act": ignored("the family's model does not read it"),
        "initial_context_length": ignored("the family's model does not read it"),
        "attention_dropout": in_training(),
        **IN_TRAINING,
    },
    always={
        "attn.sinks": True,
        "moe.up_offset": 1,
        "moe.bias": True,
        "moe.out_bias": True,
        **UNBALANCED,
    },
    kinds={FULL: (ATTN, EXPERTS), SLIDING: (LOCAL, EXPERTS)},
    layers=by("layer_types"),
    names=AROUND,
    unused=UNUSED,
    limits="weights in MXFP4",
)
