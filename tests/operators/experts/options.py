"""Experts, as a `.star` file may say them."""

from starc.alphabet import common
from starc.alphabet.chosen import Chosen
from starc.alphabet.option import Option
from starc.alphabet.template import Template
from tests.operators.experts.operator import Experts


def build(chosen: Chosen) -> Experts:
    return Experts(
        width=chosen.width,
        bias=chosen.flag("bias"),
        hidden=chosen.whole("hidden"),
        experts=chosen.whole("experts"),
    )


TEMPLATE = Template(
    kind="experts",
    title="experts",
    stem="experts",
    colour="#404040",
    legend="experts",
    groups=("route", "up"),
    token="diagonal",
    channel="dense",
    nonlinear=("silu",),
    operator=Experts,
    build=build,
    expand={"route": "", "up": ""},
    fits={"route": ("experts",), "up": ("hidden",)},
    options=(
        Option("hidden", "whole", "channels of an expert", 12, high=4096),
        Option("experts", "whole", "experts to choose from", 3, high=4096),
        common.BIAS,
    ),
)
