"""minGRU: a gated recurrence whose gate does not see the state."""

from starc.alphabet import common
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.min_gru.operator import MinGru


def build(options: ResolvedOptions) -> MinGru:
    return MinGru(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
    )


TEMPLATE = Template(
    kind="min_gru",
    title="minimal gated recurrence (minGRU)",
    stem="gru",
    colour="#8f4f86",
    legend="minimal GRU",
    features=(
        Feature("gate", "expand"),
        Feature("x", "expand"),
    ),
    token="semi_separable",
    channel="diagonal",
    features_token=("diagonal", "toeplitz"),
    features_nonlinear=("sigmoid",),
    operator=MinGru,
    build=build,
    options=(
        common.INNER,
        common.kernel("x"),
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
