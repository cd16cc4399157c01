"""Long convolution as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, inner_width
from starc.operators.long_conv.operator import LongConv


def emission(op: LongConv) -> Emission:
    aliases, argument = inner_width(op)
    return Emission(
        template="long_conv",
        class_name="LongConv",
        summary="c * conv(b * x): as long as the sequence, the filter a network",
        arguments=(
            *argument,
            Argument(
                "order", "int", op.order, "width of the network that makes the filter"
            ),
            Argument(
                "frequencies", "int", op.frequencies, "of the positions that it reads"
            ),
        ),
        aliases=aliases,
        options=biases(op),
        state_words={
            "u": "(B, length, D), what past inputs add behind them",
            "added": "length up to which that is done",
            "filter": "(length, D)",
        },
        kernels=("long_conv",),
        graphs=False,
    )
