"""GMemless: a gated linear unit, tokens apart."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.glu.operator import Glu

ACTIVATIONS = ("silu", "gelu", "gelu_erf", "relu", "relu2", "sigmoid")


def build(options: ResolvedOptions) -> Glu:
    activation = options.word("activation")
    if options.exact("alpha") != 1 and activation != "silu":
        raise options.fail(
            "conflicting-settings",
            f"`alpha` contradicts `activation = {activation}`",
            "alpha",
            "is of silu alone",
            "`alpha` says how steep the sigmoid of gate sigmoid(alpha gate) is.",
            "write activation = silu, or leave out alpha",
            "activation",
        )
    return Glu(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        bias_except=options.bias_except("gate", "up"),
        hidden=common.hidden(options),
        activation=activation,
        limit=float(options.exact("limit")),
        alpha=float(options.exact("alpha")),
        up_offset=float(options.exact("up_offset")),
        share=options.flag("share"),
        activation_sparsity=float(options.exact("activation_sparsity")),
    )


TEMPLATE = Template(
    kind="glu",
    title="gated linear unit",
    stem="mlp",
    colour="#c9ccd2",
    legend="memoryless (GLU)",
    features=(
        Feature("gate", "expand"),
        Feature("up", "expand"),
        Feature("share", "", flag="share"),
    ),
    token="diagonal",
    channel="dense",
    nonlinear=ACTIVATIONS,
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
            "what gate goes through; gelu is the tanh form, relu2 the square of relu",
            "silu",
            choices=ACTIVATIONS,
        ),
        common.LIMIT,
        common.ALPHA,
        common.UP_OFFSET,
        Option(
            "share",
            "flag",
            "all that a token gets is multiplied with one sigmoid of its input",
            False,
        ),
        Option(
            "activation_sparsity",
            "number",
            "part of the gates that is 0: those below so many deviations above the "
            "mean of a token's, as if they were normal",
            0,
            low=1e-3,
            high=0.999,
            none=True,
        ),
        common.SHIFT,
        common.BIAS,
        *map(common.bias_of, ("gate", "up")),
        common.OUT_BIAS,
    ),
)
