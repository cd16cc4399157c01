"""MiniMax: lightning attention, attention in some layers, experts in all of them."""

from starc.zoo.experts import IN_TRAINING, UNBALANCED, renamed_experts
from starc.zoo.family import Family, Part, by
from starc.zoo.field import Field, ignored, in_training, number, only, same_as, whole
from starc.zoo.kinds import FULL, every, layer_types
from starc.zoo.rope import head_channels, rope
from starc.zoo.seen import or_one
from starc.zoo.shared import AROUND, ATTENTION, UNUSED, stream
from starc.zoo.tensor import by_head
from starc.zoo.values import Values

LINEAR = "linear_attention"


def _decay_scale(values: Values, depth: int) -> float:
    """Deeper layers forget less; the last one nearly nothing."""
    last = values["num_hidden_layers"] - 1
    return float(1 - depth / (last + 1e-5) + 1e-5)


LIGHTNING = Part(
    "lightning",
    "Retention",
    {
        "input_layernorm.weight": "norm.weight",
        "self_attn.qkv_proj.weight": by_head(
            "q.weight k.weight v.weight", "num_attention_heads"
        ),
        "self_attn.output_gate.weight": "gate.weight",
        "self_attn.norm.weight": "norm_weight",
        "self_attn.out_proj.weight": "out.weight",
    },
    options={
        "decay": "spread",
        "activation": "silu",
        "scale": 1,
        "norm": "full",
        "norm_eps": 1e-6,
        "gate": "sigmoid",
        "rope": False,
    },
    by_depth={"decay_scale": _decay_scale},
)
EXPERTS = renamed_experts("block_sparse_moe", ("w1", "w3", "w2"), "gate.weight")


def _factors(theirs: str, alias: str) -> dict[str, Field]:
    """Of the normed stream, and of what is added to it."""
    of = f"{alias}.skip_scale", f"{alias}.residual_scale"
    return {
        f"{theirs}_{name}_factor": number(1, address, low=1e-4, high=1e4)
        for name, address in zip(("alpha", "beta"), of, strict=True)
    }


FAMILY = Family(
    name="minimax",
    title="MiniMax",
    architecture="MiniMaxForCausalLM",
    fields={
        **stream(32_000, 4096, 32, context=131_072, eps=1e-5, tied=False),
        "num_attention_heads": whole(32, "attn.heads", "lightning.heads", high=4096),
        "num_key_value_heads": whole(
            *(8, "attn.kv_heads"),
            null=same_as("num_attention_heads"),
            high=4096,
            seen=or_one("attn.kv_heads"),
        ),
        "head_dim": whole(
            *(head_channels, "attn.head_dim"),
            *("lightning.key_dim", "lightning.head_dim"),
            null=head_channels,
            high=8192,
        ),
        "intermediate_size": whole(14_336, "moe.hidden", high=2**22),
        "num_local_experts": whole(8, "moe.experts", high=65_536),
        "num_experts_per_tok": whole(2, "moe.top", high=65_536),
        "hidden_act": only("silu", why="lightning attention has silu alone"),
        "rope_parameters": rope(theta=1e6),
        "sliding_window": whole(None, "attn.window", null=None),
        "layer_types": layer_types((FULL, LINEAR), every(2, FULL, LINEAR)),
        **_factors("full_attn", "attn"),
        **_factors("linear_attn", "lightning"),
        **_factors("mlp", "moe"),
        "block_size": ignored("how it is computed, not what"),
        "attention_dropout": in_training(),
        "router_jitter_noise": in_training(),
        **IN_TRAINING,
    },
    always={"model.placement": "stream", **UNBALANCED},
    kinds={FULL: (ATTENTION, EXPERTS), LINEAR: (LIGHTNING, EXPERTS)},
    layers=by("layer_types"),
    names=AROUND,
    unused={
        **UNUSED,
        "*.self_attn.slope_rate": "it follows from the number of the layer",
        "*.self_attn.*_decay": "they follow from the number of the layer",
    },
)
