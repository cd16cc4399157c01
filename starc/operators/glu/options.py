"""GMemless: a gated linear unit, tokens apart."""

from fractions import Fraction

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
        hidden=_hidden(options),
        activation=options.word("activation"),
    )


def _hidden(options: ResolvedOptions) -> int:
    """`hidden` as stated, else expand x width, up to the next multiple of 8."""
    hidden = None if "expand" in options.stated else options.maybe("hidden")
    if hidden is None:
        hidden = -(-options.exact("expand") * options.width // 8) * 8
    return hidden


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
        Option(
            "hidden",
            "whole",
            "channels of gate and up",
            derived="expand x width, up to the next multiple of 8",
            high=2**22,
        ),
        Option(
            "expand",
            "number",
            "channels of gate and up over the width of the model",
            Fraction(8, 3),
            low=1 / 64,
            high=common.MOST_EXPAND,
            assumption="12 width^2 parameters with an SA-1, which the paper's totals "
            "confirm",
            field="hidden",
        ),
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
