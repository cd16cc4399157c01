"""The minGRU as the emitted file shows it."""

from starc.backend.emission import (
    Emission,
    StateField,
    biases,
    convolution,
    inner_width,
)
from starc.operators.min_gru.operator import MinGru


def emission(op: MinGru) -> Emission:
    inner, argument = inner_width(op)
    return Emission(
        template="min_gru",
        class_name="MinGRU",
        summary="h = (1 - z) h + z x, z = sigmoid(gate): the minimal GRU",
        arguments=(*argument, *convolution(op)),
        widths={"gate": inner, "x": inner},
        inner=inner,
        options=biases(op),
        states=(StateField("h", inner, "(B, D)", float32=True),),
        kernels=("min_gru", *(("short_conv",) if op.kernel else ())),
    )
