"""Qwen 3.5, text: gated delta rules, and in every fourth layer gated attention."""

from starc.zoo.delta import (
    LINEAR,
    every_fourth,
    query_and_gate,
    sizes,
    together,
)
from starc.zoo.family import Family, by
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
from starc.zoo.tensor import Made

_Q: dict[str, str | Made] = {
    "self_attn.q_proj.*": Made("q.* gate.*", order=query_and_gate)
}
GATED = plus_one_norms(with_names(with_names(ATTENTION, QK_NORM), _Q))
DELTA = together(
    "linear_attn",
    {
        "in_proj_qkv.weight": "q.weight k.weight v.weight",
        "in_proj_z.weight": "gate.weight",
        "in_proj_b.weight": "beta.weight",
        "in_proj_a.weight": "decay.weight",
    },
)
ALWAYS = {"attn.qk_norm": True, "attn.gate": "channel"}

FAMILY = Family(
    name="qwen3_5_text",
    title="Qwen 3.5, text",
    architecture="Qwen3_5ForCausalLM",
    fields={
        **stream(248_320, 4096, 32, context=32_768, eps=1e-6, tied=False),
        **heads(16, 4),
        **head_dim(256),
        "intermediate_size": whole(12_288, "mlp.hidden", high=2**22),
        "hidden_act": only("silu", why="the convolutions have silu alone"),
        **sizes(32, 16, 128, 128),
        **every_fourth(),
        "rope_parameters": rope(fraction=0.25),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
    },
    always=ALWAYS,
    kinds={
        FULL: (GATED, plus_one_norms(MLP)),
        LINEAR: (plus_one_norms(DELTA), plus_one_norms(MLP)),
    },
    layers=by("layer_types"),
    names=plus_one_norms(AROUND),
    unused={**UNUSED, "mtp.*": "it predicts more tokens"},
    limits="the image model around it",
)
