"""Experts, as a `.star` file may say them."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from tests.operators.experts.operator import Experts


def build(options: ResolvedOptions) -> Experts:
    return Experts(
        width=options.width,
        bias=options.flag("bias"),
        hidden=options.whole("hidden"),
        experts=options.whole("experts"),
    )


TEMPLATE = Template(
    kind="experts",
    title="experts",
    stem="experts",
    colour="#404040",
    legend="experts",
    features=(
        Feature("route", ""),
        Feature("up", ""),
    ),
    token="diagonal",
    channel="dense",
    nonlinear=("silu",),
    operator=Experts,
    build=build,
    options=(
        Option("hidden", "whole", "channels of an expert", 12, high=4096),
        Option("experts", "whole", "experts to choose from", 3, high=4096),
        common.BIAS,
    ),
)
