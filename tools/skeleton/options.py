"""Skeleton: what a `.star` file may say of it, and what it realises."""

from starc.alphabet import common
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.skeleton.operator import Skeleton


def build(options: ResolvedOptions) -> Skeleton:
    return Skeleton(
        width=options.width,
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=options.channels(),
    )


TEMPLATE = Template(
    kind="skeleton",
    title="skeleton",
    stem="skeleton",
    colour="#8a8f99",
    legend="skeleton",
    features=(
        Feature("gate", "expand"),
        Feature("x", "expand"),
    ),
    token="diagonal",
    channel="diagonal",
    nonlinear=("sigmoid",),
    operator=Skeleton,
    build=build,
    options=(common.INNER, common.BIAS, common.OUT_BIAS),
)
