"""The RG-LRU as the emitted file shows it."""

from starc.backend.emission import (
    Argument,
    Emission,
    StateField,
    biases,
    convolution,
    inner_width,
)
from starc.operators.rg_lru.operator import RgLru


def emission(op: RgLru) -> Emission:
    inner, argument = inner_width(op)
    return Emission(
        template="rg_lru",
        class_name="GatedRecurrence",
        summary="h = a h + sqrt(1 - a^2) i x, y = h gelu(gate): the RG-LRU",
        arguments=(
            *argument,
            Argument("blocks", "int", op.blocks, "of the block-diagonal gates"),
            *convolution(op),
        ),
        widths={"gate": inner, "x": inner},
        inner=inner,
        options=biases(op),
        states=(StateField("h", inner, "(B, D)", float32=True),),
        kernels=("rg_lru", *(("short_conv",) if op.kernel else ())),
        functions=("block_diagonal",),
        letters={},
    )
