"""GConv-1: a gated short convolution whose taps are parameters."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.gated_conv.operator import GatedConv


def build(options: ResolvedOptions) -> GatedConv:
    return GatedConv(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
        taps=options.whole("kernel"),
        sigmoid_gates=options.word("gates") == "sigmoid",
        filter_bias=options.flag("filter_bias"),
    )


TEMPLATE = Template(
    kind="gated_conv",
    title="gated short convolution",
    stem="conv",
    colour="#2f7f86",
    legend="gated convolution",
    features=(
        Feature("b", "expand", ("sigmoid_gates",)),
        Feature("c", "expand", ("sigmoid_gates",)),
        Feature("x", "expand"),
    ),
    token="toeplitz",
    channel="diagonal",
    filter="explicit",
    operator=GatedConv,
    build=build,
    options=(
        Option(
            "kernel", "whole", "taps of the filter", 3, low=2, high=16, field="taps"
        ),
        Option(
            "gates",
            "word",
            "what b and c go through; linear: nothing",
            "linear",
            choices=("linear", "sigmoid"),
            assumption="the paper does not say; LFM2 has linear gates",
            field="sigmoid_gates",
        ),
        Option("filter_bias", "flag", "a bias in the filter", False),
        common.INNER,
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
