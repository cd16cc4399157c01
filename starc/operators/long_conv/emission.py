"""Long convolution as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, StateField, biases, inner_width
from starc.operators.long_conv.operator import LongConv


def emission(op: LongConv) -> Emission:
    inner, argument = inner_width(op)
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
        widths={"b": inner, "c": inner, "x": inner},
        inner=inner,
        options=biases(op),
        states=(
            StateField(
                "u",
                f"max_length, {inner}",
                "(B, length, D), what past inputs add behind them",
                float32=True,
            ),
            StateField("added", "", "length up to which that is done"),
            StateField(
                "filter",
                f"max_length, {inner}",
                "(length, D)",
                float32=True,
                per_sequence=False,
            ),
        ),
        kernels=("long_conv",),
        graphs=False,
    )
