"""Rec-1, Rec-2, Mamba-1: a selective state-space layer, a state for each channel."""

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
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
        states=options.whole("states"),
        dt_rank=-(-options.width // 16) if dt_rank is None else dt_rank,
        gated=options.flag("gate"),
        source=options.word("source"),
        norms=options.word("norms"),
        norm_eps=0.0 if options.word("norms") == "none" else common.eps_of(options),
    )


TEMPLATE = Template(
    kind="selective_scan",
    title="selective state-space layer",
    stem="rec",
    colour="#6a5aa3",
    legend="selective scan",
    features=(
        Feature("z", "expand", flag="gate"),
        Feature("x", "expand"),
        Feature("b", "states", ("kernel",), source="source"),
        Feature("c", "states", ("kernel",), source="source"),
        Feature("dt", "", source="source"),
    ),
    token="semi_separable",
    channel="diagonal",
    features_token=("diagonal", "toeplitz"),
    operator=SelectiveScan,
    build=build,
    conflicts=(("norms", "none", "norm_eps"),),
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
        common.kernel(
            "x, and on b and c of the input", "4 taps, as Mamba; the paper does not say"
        ),
        common.SHIFT,
        Option("gate", "flag", "y times silu(z)", True, field="gated"),
        Option(
            "source",
            "word",
            "what b, c and dt are projected from: the input, or x as it is convolved",
            "input",
            choices=("input", "x"),
            assumption="the paper gives b and c expansions and a convolution of their "
            "own, as groups of the input; Mamba-1 has x, which is no published class",
        ),
        Option(
            "norms",
            "word",
            "RMSNorm of b, c and dt: none, without weights, with weights",
            "none",
            choices=("none", "weightless", "weighted"),
        ),
        common.NORM_EPS,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
