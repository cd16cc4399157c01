"""mLSTM: heads, and the bound of its gates."""

from fractions import Fraction

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.mlstm.operator import MLSTM

_LARGEST_CAP = 20
"""Of the gates: numbers reach e^(2 c), and on the way back e^(3 c); float32 e^88."""


def build(options: ResolvedOptions) -> MLSTM:
    heads = common.heads_of(options)
    sizes = common.of_each_head(options, heads)
    return MLSTM(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        key_dim=sizes["key_dim"],
        head_dim=sizes["head_dim"],
        softcap=float(options.exact("softcap")),
        norm_eps=common.eps_of(options),
    )


TEMPLATE = Template(
    kind="mlstm",
    title="mLSTM",
    stem="mlstm",
    colour="#a8763e",
    legend="mLSTM",
    features=(
        Feature("q", "key_expand", ("heads", "key_dim")),
        Feature("k", "key_expand", ("heads", "key_dim")),
        Feature("v", "expand", ("heads", "head_dim")),
        Feature("gate", "expand", ("heads", "head_dim")),
        Feature("i", "", ("heads",)),
        Feature("f", "", ("heads",)),
    ),
    token="semi_separable",
    channel="grouped",
    operator=MLSTM,
    build=build,
    options=(
        Option(
            "heads",
            "whole",
            "heads, each with a memory and two gates of its own",
            derived="expand x width / 128, or the next smaller number that divides",
            high=common.MOST_HEADS,
        ),
        common.HEAD_KEYS,
        common.HEAD_VALUES,
        Option(
            "softcap",
            "number",
            "c in c tanh(i / c) and c tanh(f / c), before the exponential and the "
            "sigmoid",
            15,
            low=1e-3,
            high=_LARGEST_CAP,
        ),
        common.NORM_EPS,
        common.key_expand(Fraction(1, 2)),
        common.EXPAND,
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
