"""A plain MLP: one projection, an activation, one back; tokens apart."""

from dataclasses import replace

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.mlp.operator import Mlp

ACTIVATIONS = ("gelu", "gelu_erf", "relu", "relu2", "silu")


def build(options: ResolvedOptions) -> Mlp:
    return Mlp(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        hidden=common.hidden(options),
        activation=options.word("activation"),
    )


TEMPLATE = Template(
    kind="mlp",
    title="plain MLP",
    stem="mlp",
    colour="#aab0bb",
    legend="memoryless (MLP)",
    features=(Feature("up", "expand"),),
    token="diagonal",
    channel="dense",
    nonlinear=ACTIVATIONS,
    nonlinear_option="activation",
    operator=Mlp,
    build=build,
    conflicts=(("hidden", None, "expand"),),
    options=(
        replace(common.HIDDEN, meaning="channels of up"),
        replace(
            common.EXPAND_HIDDEN,
            meaning="channels of up over the width of the model",
            default=4,
            assumption="",
        ),
        Option(
            "activation",
            "word",
            "what up goes through; gelu is the tanh form, relu2 the square of relu",
            "gelu",
            choices=ACTIVATIONS,
        ),
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
