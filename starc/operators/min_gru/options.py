"""minGRU: a gated recurrence whose gate does not see the state."""

from starc.alphabet import common
from starc.alphabet.chosen import Chosen
from starc.alphabet.template import Template
from starc.operators.min_gru.operator import MinGru


def build(chosen: Chosen) -> MinGru:
    return MinGru(
        width=chosen.width,
        kernel=chosen.whole("kernel"),
        bias=chosen.flag("bias"),
        out_bias=chosen.flag("out_bias"),
        inner=chosen.channels(),
    )


TEMPLATE = Template(
    kind="min_gru",
    title="minimal gated recurrence (minGRU)",
    stem="gru",
    colour="#8f4f86",
    legend="minimal GRU",
    groups=("gate", "x"),
    token="semi_separable",
    channel="diagonal",
    features_token=("diagonal", "toeplitz"),
    features_nonlinear=("sigmoid",),
    operator=MinGru,
    build=build,
    expand={"gate": "expand", "x": "expand"},
    fits={"gate": ("inner",), "x": ("inner", "kernel")},
    options=(common.INNER, common.kernel("x"), common.BIAS, common.OUT_BIAS),
)
