"""Gated short convolution as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, inner_width
from starc.operators.gated_conv.operator import GatedConv


def emission(op: GatedConv) -> Emission:
    aliases, argument = inner_width(op)
    gates = ", sigmoid gates" if op.sigmoid_gates else ""
    return Emission(
        template="gated_conv",
        class_name="GatedConv",
        summary=f"c * conv(b * x): causal, depthwise, {op.taps} taps{gates}",
        arguments=(
            *argument,
            Argument("taps", "int", op.taps, "of the gated convolution"),
        ),
        aliases=aliases,
        options={
            "sigmoid_gates": op.sigmoid_gates,
            "filter_bias": op.filter_bias,
            **biases(op),
        },
        state_words={"conv": "(B, taps - 1, D)"},
        kernels=("gated_conv",),
        takes_product=True,
    )
