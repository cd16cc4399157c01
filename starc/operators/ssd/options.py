"""Mamba-2: one scalar decay for each head, large states."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.ssd.operator import Ssd


def build(options: ResolvedOptions) -> Ssd:
    heads, head_dim = options.maybe("heads"), options.maybe("head_dim")
    if heads is None or head_dim is None:
        channels = options.channels()
        if heads is None and head_dim is None:
            found = options.heads(channels)
            assert found is not None  # one head always divides
            heads = found
        elif heads is None:
            heads = _quotient(options, channels, "head_dim", head_dim or 1)
        head_dim = _quotient(options, channels, "heads", heads)
    groups = options.whole("groups")
    if heads % groups:
        raise options.fail(
            "does-not-divide",
            "The heads do not divide into groups",
            "groups",
            f"{counted(heads, 'head')}, not a multiple of {groups}",
            "The heads of a group have b and c in common.",
            other="heads",
        )
    lowest, highest = (float(options.exact(name)) for name in ("dt_min", "dt_max"))
    if highest and lowest > highest:
        raise options.fail(
            "out-of-range",
            "`dt_max` is less than `dt_min`",
            "dt_max",
            "too small",
            "The step size is kept between the two.",
            other="dt_min",
        )
    norm = options.word("norm")
    return Ssd(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        head_dim=head_dim,
        states=options.whole("states"),
        state_groups=groups,
        norm="full" if norm == "grouped" and groups == 1 else norm,
        gate="before" if norm == "none" else options.word("gate"),
        norm_eps=0.0 if norm == "none" else common.eps_of(options),
        dt_min=lowest,
        dt_max=highest,
    )


def _quotient(options: ResolvedOptions, channels: int, name: str, divisor: int) -> int:
    if channels % divisor:
        raise options.fail(
            "does-not-divide",
            "The channels do not divide into heads",
            name,
            f"{counted(channels, 'channel')}, not divisible by {divisor}",
            f"{options.name} has expand x width = {channels} channels.",
            other="expand",
        )
    return channels // divisor


def _limit(name: str, meaning: str) -> Option:
    return Option(name, "number", f"{meaning}, dt", 0, low=1e-9, high=1e9, none=True)


TEMPLATE = Template(
    kind="ssd",
    title="state-space duality (Mamba-2)",
    stem="mamba",
    colour="#9486c6",
    legend="state-space duality",
    features=(
        Feature("z", "expand"),
        Feature("x", "expand"),
        Feature("b", "states"),
        Feature("c", "states"),
        Feature("dt", ""),
    ),
    token="semi_separable",
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    operator=Ssd,
    build=build,
    conflicts=(("norm", "none", "gate"), ("norm", "none", "norm_eps")),
    options=(
        Option(
            "heads",
            "whole",
            "heads, each with a decay of its own",
            derived="expand x width / head_dim",
            high=common.MOST_HEADS,
        ),
        Option(
            "head_dim",
            "whole",
            "channels of each head",
            derived="64, or the next larger number that divides",
            high=common.MOST_HEAD_DIM,
        ),
        common.states(128),
        Option(
            "groups",
            "whole",
            "sets of b and c, each for heads / groups heads",
            1,
            high=common.MOST_HEADS,
            field="state_groups",
        ),
        common.EXPAND,
        Option(
            "norm",
            "word",
            "RMSNorm of the output: over all channels, over those of each group, none",
            "full",
            choices=("full", "grouped", "none"),
        ),
        Option(
            "gate",
            "word",
            "silu(z) before the norm: norm(y silu(z)), or after it: norm(y) silu(z)",
            "before",
            choices=("before", "after"),
        ),
        common.NORM_EPS,
        _limit("dt_min", "the least step size"),
        _limit("dt_max", "the largest step size"),
        common.kernel("x, b and c"),
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
