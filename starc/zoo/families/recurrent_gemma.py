"""RecurrentGemma: gated diagonal recurrences, with attention in a window."""

import struct
from dataclasses import replace
from fractions import Fraction
from typing import Any

from starc.zoo.family import Family, Part
from starc.zoo.field import (
    Field,
    flag,
    ignored,
    in_training,
    number,
    only,
    whole,
    words_of,
)
from starc.zoo.rope import rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import (
    ATTENTION,
    MLP,
    depth,
    head_dim,
    heads,
    plus_one_norms,
    renamed,
)
from starc.zoo.tensor import Made, Names, Shape, middle_axis, plus_one
from starc.zoo.values import Values

WORDS = ("recurrent", "attention")


def _by_blocks(shape: Shape, values: Values) -> Shape:
    blocks = int(values["num_attention_heads"])
    return blocks, shape[0] // blocks


def _bias(name: str) -> Made:
    return Made(name, theirs=_by_blocks)


_LRU: Names = {
    "temporal_pre_norm.weight": plus_one("norm.weight"),
    "temporal_block.linear_y.*": "gate.*",
    "temporal_block.linear_x.*": "x.*",
    "temporal_block.conv_1d.weight": Made("x.conv.weight", theirs=middle_axis),
    "temporal_block.conv_1d.bias": "x.conv.bias",
    "temporal_block.rg_lru.recurrent_param": "decay",
    "temporal_block.rg_lru.input_gate_weight": "input_gate_weight",
    "temporal_block.rg_lru.input_gate_bias": _bias("input_gate_bias"),
    "temporal_block.rg_lru.recurrent_gate_weight": "recurrence_gate_weight",
    "temporal_block.rg_lru.recurrent_gate_bias": _bias("recurrence_gate_bias"),
    "temporal_block.linear_out.*": "out.*",
}
LRU = Part("lru", "RG-LRU", _LRU)
ATTN = plus_one_norms(
    renamed(
        ATTENTION,
        {"input_layernorm": "temporal_pre_norm", "self_attn.": "temporal_block."},
    )
)
FEED_FORWARD = plus_one_norms(
    renamed(MLP, {"post_attention_layernorm": "channel_pre_norm", "mlp.": "mlp_block."})
)


def _bfloat16(value: float) -> float:
    """The nearest number of 8 bits, as theirs holds the square root of the width."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    (found,) = struct.unpack("<f", struct.pack("<I", bits))
    return float(found)


def _lru_width(seen: Seen) -> Any:
    found = seen.at("lru.expand")
    return SILENT if found is SILENT else int(found * seen.model.width)


def _heads(seen: Seen) -> int:
    """Of attention, or the blocks of the recurrence: as many."""
    found = seen.at("attn.heads")
    return int(seen.at("lru.blocks") if found is SILENT else found)


_HEADS = heads(10)
_HEADS["num_attention_heads"] = replace(_HEADS["num_attention_heads"], seen=_heads)


def _expand(values: Values) -> Any:
    return Fraction(values["lru_width"], values["hidden_size"])


def _layers(values: Values) -> list[str]:
    layers, block = values["num_hidden_layers"], values["block_types"]
    return [block[depth % len(block)] for depth in range(layers)]


def _block(found: Any, name: str) -> list[str]:
    return words_of(found, name, WORDS)


FAMILY = Family(
    name="recurrent_gemma",
    title="RecurrentGemma",
    architecture="RecurrentGemmaForCausalLM",
    fields={
        "vocab_size": whole(256_000, "model.vocab"),
        "hidden_size": whole(2560, "model.width", high=131_072),
        "num_hidden_layers": depth(26),
        "rms_norm_eps": number(1e-6, "model.eps"),
        "tie_word_embeddings": flag(True, "model.tied"),
        **_HEADS,
        **head_dim(),
        "lru_width": whole(
            lambda values: values["hidden_size"],
            null=lambda values: values["hidden_size"],
            high=2**22,
            seen=_lru_width,
        ),
        "intermediate_size": whole(
            *(7680, "mlp.hidden"),
            low=2,
            high=2**23,
            to=lambda value: value // 2,
            of=lambda hidden: 2 * hidden,
        ),
        "hidden_activation": only("gelu_pytorch_tanh"),
        "conv1d_width": whole(4, "lru.kernel", low=2, high=16),
        "attention_window_size": whole(2048, "attn.window"),
        "rope_parameters": rope(fraction=0.5),
        "attention_bias": flag(False, "attn.bias"),
        "logits_soft_cap": number(30.0, "model.logit_softcap", low=1e-3),
        "block_types": Field(
            _block,
            ["recurrent", "recurrent", "attention"],
            seen=lambda seen: list(seen.layers),
        ),
        **dict.fromkeys(
            ("w_init_variance_scale", "final_w_init_variance_scale"),
            ignored("how a new model starts"),
        ),
        "attention_dropout": in_training(),
    },
    always={
        "model.embedding_scale": lambda values: _bfloat16(values["hidden_size"] ** 0.5),
        "attn.out_bias": True,
        "lru.bias": True,
        "lru.out_bias": True,
        "lru.blocks": lambda values: values["num_attention_heads"],
        "lru.expand": _expand,
        "lru.first_token": "whole",
        "mlp.activation": "gelu",
        "mlp.bias": True,
        "mlp.out_bias": True,
    },
    kinds={"recurrent": (LRU, FEED_FORWARD), "attention": (ATTN, FEED_FORWARD)},
    layers=_layers,
    names={
        "model.embed_tokens.weight": "embedding.weight",
        "model.final_norm.weight": plus_one("norm.weight"),
        "lm_head.weight": "head.weight",
    },
)
