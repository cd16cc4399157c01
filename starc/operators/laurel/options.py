"""LAuReL: how few channels, and whether what comes of them is normed."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.laurel.operator import Laurel

_PART, _LEAST = 32, 8
"""Of the width, as Gemma 3n has 64 of 2,048 channels. Of one channel alone the norm
would leave no more than its sign."""


def build(options: ResolvedOptions) -> Laurel:
    rank = options.maybe("rank")
    if rank is None:
        rank = min(max(options.width // _PART, _LEAST), options.width)
    if rank > options.width:
        raise options.fail(
            "out-of-range",
            "A latent wider than what is made of it",
            "rank",
            f"{counted(rank, 'channel')} for {options.width} of the stream",
            "A projection of low rank has fewer channels than the stream.",
            f"choose rank at most {options.width}",
        )
    return Laurel(
        width=options.width,
        bias=options.flag("bias"),
        rank=rank,
        normed=options.flag("norm"),
    )


TEMPLATE = Template(
    kind="laurel",
    title="augmented residual (LAuReL)",
    stem="laurel",
    colour="#d9d4c5",
    legend="augmented residual",
    features=(Feature("up", "", latent="rank"),),
    instead=(Feature("latent", ""),),
    token="diagonal",
    channel="dense",
    features_latent=("up",),
    operator=Laurel,
    build=build,
    options=(
        Option(
            "rank",
            "whole",
            "channels that the projection goes by way of",
            derived="width / 32, at least 8",
            high=common.MOST_HEAD_DIM,
        ),
        Option(
            "norm", "flag", "RMSNorm of what the projection gives", True, field="normed"
        ),
        common.BIAS,
    ),
)
