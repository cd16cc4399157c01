"""Qwen3-Next: gated delta rules, in every fourth layer gated attention, and experts."""

from starc.zoo.delta import (
    LINEAR,
    by_key_head,
    every_fourth,
    query_and_gate,
    sizes,
    together,
)
from starc.zoo.experts import (
    MOE,
    UNBALANCED,
    beside,
    by_steps,
    kinds,
    layers,
    of_experts,
    sparse_steps,
)
from starc.zoo.family import Beside, Family, by
from starc.zoo.field import flag, in_training, only, whole
from starc.zoo.kinds import FULL
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    plus_one_norms,
    stream,
    with_names,
)
from starc.zoo.tensor import Made, Names

_Q: Names = {"self_attn.q_proj.*": Made("q.* gate.*", order=query_and_gate)}
GATED = plus_one_norms(with_names(with_names(ATTENTION, QK_NORM), _Q))
DELTA = together(
    "linear_attn",
    {
        "in_proj_qkvz.weight": Made(
            "q.weight k.weight v.weight gate.weight",
            order=by_key_head(False, False, True, True),
        ),
        "in_proj_ba.weight": Made(
            "beta.weight decay.weight", order=by_key_head(True, True)
        ),
    },
)
_SPARSE = beside(MOE, "mlp.shared_expert", "shared_expert_gate")

FAMILY = Family(
    name="qwen3_next",
    title="Qwen3-Next",
    architecture="Qwen3NextForCausalLM",
    fields={
        **stream(151_936, 2048, 48, context=32_768, eps=1e-6, tied=False),
        **heads(16, 2),
        **head_dim(256),
        "intermediate_size": whole(5632, "mlp.hidden", high=2**22),
        "hidden_act": only("silu", why="the convolutions have silu alone"),
        **sizes(32, 16, 128, 128),
        **every_fourth(),
        **of_experts("num_experts", 512, 10, 512, normalised=True),
        "shared_expert_intermediate_size": whole(512, "shared.hidden", high=2**22),
        **sparse_steps(),
        "rope_parameters": rope(fraction=0.25),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
    },
    always={"attn.qk_norm": True, "attn.gate": "channel", **UNBALANCED},
    kinds=kinds(
        {FULL: GATED, LINEAR: plus_one_norms(DELTA)},
        Beside(_SPARSE.parts, plus_one_norms({"post_attention_layernorm.*": "norm.*"})),
        plus_one_norms(MLP),
    ),
    layers=layers(by_steps, by("layer_types")),
    names=plus_one_norms(AROUND),
    unused={**UNUSED, "mtp.*": "it predicts more tokens"},
)
