"""What many families have: the names and fields that came with Llama."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, overload

from starc.artefacts import integer
from starc.zoo.family import Part
from starc.zoo.field import (
    MOST_LAYERS,
    Default,
    Field,
    OnlyIf,
    also,
    flag,
    number,
    same_as,
    whole,
    word,
)
from starc.zoo.kinds import FULL, SLIDING, after_dense, layer_types
from starc.zoo.rope import head_channels
from starc.zoo.seen import or_one
from starc.zoo.tensor import Names, plus_one
from starc.zoo.values import word as said

NORMS = ("norm.*", "post_norm.*", "q_norm", "k_norm")

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "relu": "relu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "sigmoid": "sigmoid",
}
"""Of a gated unit, by their words; `gelu` alone is another function, by erf."""

PLAIN = {
    "gelu": "gelu_erf",
    "gelu_pytorch_tanh": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "relu": "relu",
    "relu2": "relu2",
    "silu": "silu",
}
"""Of a plain MLP."""

AROUND: Names = {
    "model.embed_tokens.weight": "embedding.weight",
    "model.norm.*": "norm.*",
    "lm_head.weight": "head.weight",
}
"""What stands around the layers."""

ATTENTION = Part(
    "attn",
    "attention",
    {
        "input_layernorm.*": "norm.*",
        "self_attn.q_proj.*": "q.*",
        "self_attn.k_proj.*": "k.*",
        "self_attn.v_proj.*": "v.*",
        "self_attn.o_proj.*": "out.*",
    },
)

QK_NORM: Names = {
    "self_attn.q_norm.weight": "q_norm",
    "self_attn.k_norm.weight": "k_norm",
}

LOCAL = replace(ATTENTION, alias="local", roles=("attn",))
"""Attention that may have a window."""

MLP = Part(
    "mlp",
    "glu",
    {
        "post_attention_layernorm.*": "norm.*",
        "mlp.gate_proj.*": "gate.*",
        "mlp.up_proj.*": "up.*",
        "mlp.down_proj.*": "out.*",
    },
)

UNUSED = {"*.rotary_emb.inv_freq": "it follows from rope_theta"}
"""Buffers that older checkpoints hold."""


def depth(layers: int) -> Field:
    """How many layers there are."""
    return whole(layers, high=MOST_LAYERS, seen=lambda seen: len(seen.layers))


def stream(
    vocab: int,
    width: int,
    layers: int,
    context: int,
    eps: float,
    tied: bool,
    eps_name: str = "rms_norm_eps",
) -> dict[str, Field]:
    """Sizes of the stream, by their usual names."""
    return {
        "vocab_size": whole(vocab, "model.vocab"),
        "hidden_size": whole(width, "model.width", high=131_072),
        "num_hidden_layers": depth(layers),
        "max_position_embeddings": whole(context, "model.context"),
        eps_name: number(eps, "model.eps"),
        "tie_word_embeddings": also(flag(tied, "model.tied"), "tie_embedding"),
    }


def heads(heads: int, kv_heads: Default = None) -> dict[str, Field]:
    """How many heads attention has; by default as many of keys as of queries."""
    alike = same_as("num_attention_heads")
    return {
        "num_attention_heads": whole(
            *(heads, "attn.heads"), high=4096, seen=or_one("attn.heads")
        ),
        "num_key_value_heads": whole(
            *(kv_heads or alike, "attn.kv_heads"),
            null=alike,
            high=4096,
            seen=or_one("attn.kv_heads"),
        ),
    }


def head_dim(default: Default = None) -> dict[str, Field]:
    """Channels of a head; by default they share the width."""
    return {
        "head_dim": whole(
            default or head_channels, "attn.head_dim", null=head_channels, high=8192
        )
    }


def upper_windows() -> dict[str, Field]:
    """Qwen's: from max_window_layers on, if use_sliding_window."""

    def window(found: Any, name: str) -> int:
        return integer(found, name, 1, 2**24)

    return {
        "use_sliding_window": flag(False, seen=lambda seen: seen.has(SLIDING)),
        "sliding_window": OnlyIf(
            window, 4096, null=None, says=("local.window",), flag="use_sliding_window"
        ),
        "max_window_layers": whole(28, low=0),
        "layer_types": layer_types((FULL, SLIDING), after_dense),
    }


def without_norm(part: Part) -> Part:
    """As one of several that read the same normed input."""
    names = {k: v for k, v in part.names.items() if v not in ("norm.*", "norm.weight")}
    return replace(part, names=names)


def post(part: Part, norm: str) -> Part:
    """With a norm after it, and none before."""
    after: Names = {f"{norm}.*": "post_norm.*"}
    return replace(part, names={**without_norm(part).names, **after})


def sandwich(part: Part, after: str, before: str | None = None) -> Part:
    """With a norm on both sides; before: its name, where it is another."""
    names = dict(part.names)
    if before is not None:
        names = {f"{before}.*": "norm.*", **without_norm(part).names}
    return replace(part, names={**names, f"{after}.*": "post_norm.*"})


def renamed(part: Part, words: Mapping[str, str]) -> Part:
    """The part where their names begin otherwise."""
    names: Names = {}
    for theirs, ours in part.names.items():
        for old, new in words.items():
            if theirs.startswith(old):
                theirs = new + theirs.removeprefix(old)
        names[theirs] = ours
    return replace(part, names=names)


@overload
def plus_one_norms(of: Part) -> Part: ...
@overload
def plus_one_norms(of: Names) -> Names: ...
def plus_one_norms(of: Part | Names) -> Part | Names:
    """The same where RMSNorm multiplies with 1 + weight."""
    if isinstance(of, Part):
        return replace(of, names=plus_one_norms(of.names))
    return {
        theirs.replace("*", "weight"): plus_one(ours.replace("*", "weight"))
        for theirs, ours in of.items()
        if isinstance(ours, str) and ours in NORMS
    } | {theirs: ours for theirs, ours in of.items() if ours not in NORMS}


SQRT_WIDTH = said("sqrt_width")
"""What Gemma multiplies its embeddings with."""


def with_names(part: Part, names: Names) -> Part:
    """The part with more of their tensors."""
    return replace(part, names={**part.names, **names})


def hidden(default: int, activation: str = "silu") -> dict[str, Field]:
    """The gated unit."""
    return {
        "intermediate_size": whole(default, "mlp.hidden", high=2**22),
        "hidden_act": word(activation, ACTIVATIONS, "mlp.activation"),
    }
