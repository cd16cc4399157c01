"""The RG-LRU as the emitted file shows it."""

from starc.backend.emission import (
    Argument,
    Emission,
    biases,
    convolution,
    inner_width,
)
from starc.operators.rg_lru.operator import RgLru


def emission(op: RgLru) -> Emission:
    aliases, argument = inner_width(op)
    return Emission(
        template="rg_lru",
        class_name="GatedRecurrence",
        summary="h = a h + sqrt(1 - a^2) i x, y = h gelu(gate): the RG-LRU",
        arguments=(
            *argument,
            Argument("blocks", "int", op.blocks, "of the block-diagonal gates"),
            *convolution(op),
        ),
        aliases=aliases,
        options={"whole": op.first_token == "whole", **biases(op)},
        state_words={"h": "(B, D)"},
        kernels=("rg_lru", *(("short_conv",) if op.kernel else ())),
        functions=(
            "block_diagonal",
            *(("entering",) if op.first_token == "whole" else ()),
        ),
        letters={},
    )
