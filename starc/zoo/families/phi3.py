"""Phi 3: Llama whose projections stand in one tensor each."""

from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import ignored, in_training, whole
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, UNUSED, heads, hidden, stream

ATTENTION = Part(
    "attn",
    "attention",
    {
        "input_layernorm.weight": "norm.weight",
        "self_attn.qkv_proj.weight": "q.weight k.weight v.weight",
        "self_attn.o_proj.weight": "out.weight",
    },
)
MLP = Part(
    "mlp",
    "glu",
    {
        "post_attention_layernorm.weight": "norm.weight",
        "mlp.gate_up_proj.weight": "gate.weight up.weight",
        "mlp.down_proj.weight": "out.weight",
    },
)

FAMILY = Family(
    name="phi3",
    title="Phi 3 and 4",
    architecture="Phi3ForCausalLM",
    fields={
        **stream(32_064, 3072, 32, context=4096, eps=1e-5, tied=False),
        **heads(32),
        **hidden(8192),
        "rope_parameters": rope(),
        "original_max_position_embeddings": ignored("of rotations that are scaled"),
        "sliding_window": whole(None, "attn.window", null=None),
        "resid_pdrop": in_training(),
        "embd_pdrop": in_training(),
        "attention_dropout": in_training(),
    },
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
    limits="rotations that are scaled (those with 128K of context)",
)
