"""Skeleton: what a `.star` file may say of it, and what it realises."""

from starc.alphabet import common
from starc.alphabet.chosen import Chosen
from starc.alphabet.template import Template
from starc.operators.skeleton.operator import Skeleton


def build(chosen: Chosen) -> Skeleton:
    return Skeleton(
        width=chosen.width,
        bias=chosen.flag("bias"),
        out_bias=chosen.flag("out_bias"),
        inner=chosen.channels(),
    )


TEMPLATE = Template(
    kind="skeleton",
    title="skeleton",
    stem="skeleton",
    colour="#8a8f99",
    legend="skeleton",
    groups=("gate", "x"),
    token="diagonal",
    channel="diagonal",
    nonlinear=("sigmoid",),
    operator=Skeleton,
    build=build,
    expand={"gate": "expand", "x": "expand"},
    fits={"gate": ("inner",), "x": ("inner",)},
    options=(common.INNER, common.BIAS, common.OUT_BIAS),
)
