"""The minGRU as the emitted file shows it."""

from starc.backend.emission import (
    Emission,
    biases,
    convolution,
    inner_width,
)
from starc.operators.min_gru.operator import MinGru


def emission(op: MinGru) -> Emission:
    aliases, argument = inner_width(op)
    return Emission(
        template="min_gru",
        class_name="MinGRU",
        summary="h = (1 - z) h + z x, z = sigmoid(gate): the minimal GRU",
        arguments=(*argument, *convolution(op)),
        aliases=aliases,
        options=biases(op),
        state_words={"h": "(B, D)"},
        kernels=("min_gru", *(("short_conv",) if op.kernel else ())),
    )
