"""Rec-1 and Rec-2: a selective state-space layer, states for each channel (Mamba)."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.selective_scan.operator import SelectiveScan


def build(options: ResolvedOptions) -> SelectiveScan:
    dt_rank = options.maybe("dt_rank")
    return SelectiveScan(
        width=options.width,
        kernel=options.whole("kernel"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
        states=options.whole("states"),
        dt_rank=-(-options.width // 16) if dt_rank is None else dt_rank,
        gated=options.flag("gate"),
    )


TEMPLATE = Template(
    kind="selective_scan",
    title="selective state-space layer",
    stem="rec",
    colour="#6a5aa3",
    legend="selective scan",
    features=(
        Feature("z", "expand", ("inner",), flag="gate"),
        Feature("x", "expand", ("inner", "kernel")),
        Feature("b", "states", ("states", "kernel")),
        Feature("c", "states", ("states", "kernel")),
        Feature("dt", "", ("dt_rank",)),
    ),
    token="semi_separable",
    channel="diagonal",
    features_token=("diagonal", "toeplitz"),
    operator=SelectiveScan,
    build=build,
    options=(
        common.states(
            16, "the featurizer's expansion, 16 and 2, read as states per channel"
        ),
        common.INNER,
        Option(
            "dt_rank",
            "whole",
            "channels from which the step sizes are made",
            derived="width / 16, rounded up",
            high=65_536,
            assumption="as Mamba; the paper does not say",
        ),
        common.kernel("x, b and c", "4 taps, as Mamba; the paper does not say"),
        Option("gate", "flag", "y times silu(z)", True, field="gated"),
        common.BIAS,
        common.OUT_BIAS,
    ),
)
