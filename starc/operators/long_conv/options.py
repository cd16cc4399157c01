"""GConv-2: a gated long convolution whose filter a small network makes (Hyena)."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.long_conv.operator import LongConv


def build(options: ResolvedOptions) -> LongConv:
    return LongConv(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
        context=options.stream.context,
        order=options.whole("order"),
        frequencies=options.whole("frequencies"),
    )


TEMPLATE = Template(
    kind="long_conv",
    title="gated long convolution",
    stem="long_conv",
    colour="#68a8a0",
    legend="long convolution",
    features=(
        Feature("b", "expand"),
        Feature("c", "expand"),
        Feature("x", "expand"),
    ),
    token="toeplitz",
    channel="diagonal",
    filter="implicit",
    operator=LongConv,
    build=build,
    options=(
        Option(
            "order",
            "whole",
            "width of the network that makes the filter",
            64,
            high=4096,
            assumption="as in Hyena's own code; the paper does not say",
        ),
        Option(
            "frequencies",
            "whole",
            "sines and cosines of the position that the network sees",
            16,
            high=4096,
            assumption="as in Hyena's own code; the paper does not say",
        ),
        common.INNER,
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
