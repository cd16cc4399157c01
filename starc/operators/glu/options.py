"""GMemless: a gated linear unit, tokens apart."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.glu.operator import Glu


def build(options: ResolvedOptions) -> Glu:
    return Glu(
        width=options.width,
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        hidden=common.hidden(options),
        activation=options.word("activation"),
    )


TEMPLATE = Template(
    kind="glu",
    title="gated linear unit",
    stem="mlp",
    colour="#c9ccd2",
    legend="memoryless (GLU)",
    features=(
        Feature("gate", "expand", ("hidden",)),
        Feature("up", "expand", ("hidden",)),
    ),
    token="diagonal",
    channel="dense",
    nonlinear=("silu", "gelu", "relu", "sigmoid"),
    nonlinear_option="activation",
    operator=Glu,
    build=build,
    conflicts=(("hidden", None, "expand"),),
    options=(
        common.HIDDEN,
        common.EXPAND_HIDDEN,
        Option(
            "activation",
            "word",
            "what gate goes through; gelu is the tanh form",
            "silu",
            choices=("silu", "gelu", "relu", "sigmoid"),
        ),
        common.BIAS,
        common.OUT_BIAS,
    ),
)
