"""Retention: heads, the constants by which their states decay, what comes after."""

from dataclasses import replace
from fractions import Fraction

from starc.alphabet import common, rotation
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.retention.operator import Retention


def build(options: ResolvedOptions) -> Retention:
    heads = common.heads_of(options)
    sizes = common.of_each_head(options, heads)
    return Retention(
        width=options.width,
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        key_dim=sizes["key_dim"],
        head_dim=sizes["head_dim"],
        decay=options.word("decay"),
        decay_scale=float(options.exact("decay_scale")),
        activation=options.word("activation"),
        scale=float(options.exact("scale")) if options.get("scale") else 0.0,
        norm=options.word("norm"),
        weightless=options.flag("weightless"),
        norm_eps=common.eps_of(options),
        gate_activation=options.word("gate"),
        rope=rotation.rotation(options, sizes["key_dim"], "key_dim"),
    )


TEMPLATE = Template(
    kind="retention",
    title="retention",
    stem="retention",
    colour="#b8893b",
    legend="retention",
    features=(
        Feature("q", "key_expand", ("heads", "key_dim", "activation", "rope")),
        Feature("k", "key_expand", ("heads", "key_dim", "activation", "rope")),
        Feature("v", "expand", ("heads", "head_dim", "activation")),
        Feature("gate", "expand", ("heads", "head_dim")),
    ),
    token="semi_separable",
    channel="grouped",
    features_nonlinear=("none", "silu"),
    features_option="activation",
    operator=Retention,
    build=build,
    conflicts=rotation.CONFLICTS,
    options=(
        Option(
            "heads",
            "whole",
            "heads, each with a state and a decay of its own",
            derived="expand x width / 128, or the next smaller number that divides",
            high=common.MOST_HEADS,
        ),
        common.HEAD_KEYS,
        common.HEAD_VALUES,
        Option(
            "decay",
            "word",
            "what is left of a state after a token, for head h = 0, 1, ...: 1 - "
            "2^(-5 - h), or e to the minus 2^(-8 (h + 1) / heads)",
            "halving",
            choices=("halving", "spread"),
        ),
        Option(
            "decay_scale",
            "number",
            "factor of the logs of the decays",
            1,
            low=1e-6,
            high=100,
        ),
        Option(
            "activation",
            "word",
            "what q, k and v go through",
            "none",
            choices=("none", "silu"),
        ),
        replace(
            common.SCALE,
            meaning="factor of q",
            derived="1 / the root of key_dim",
        ),
        Option(
            "norm",
            "word",
            "RMSNorm of the output: of each head, or over all channels",
            "head",
            choices=("head", "full"),
        ),
        Option("weightless", "flag", "that norm has no weights", False),
        common.NORM_EPS,
        Option(
            "gate",
            "word",
            "what the gate goes through on its way to the normed output",
            "silu",
            choices=("silu", "sigmoid"),
            field="gate_activation",
        ),
        Option(
            "rope",
            "flag",
            "rotary positions on q and k",
            derived="as `positions` of the model says",
        ),
        *rotation.OPTIONS,
        common.key_expand(Fraction(1)),
        common.EXPAND,
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
