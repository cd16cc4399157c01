"""Options that several operators have."""

from dataclasses import replace
from fractions import Fraction

from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.numerals import counted

MOST_HEADS = 4096
MOST_HEAD_DIM = 8192
MOST_TOKENS = 2**24
MOST_EXPAND = 64

BIAS = Option("bias", "flag", "biases in the projections that compute features", False)


def bias_of(group: str) -> Option:
    """Of the projection of one feature group."""
    return Option(
        f"{group}_bias",
        "flag",
        f"a bias in the projection that computes {group}",
        derived="as `bias` says",
        field="bias_except",
    )


OUT_BIAS = Option("out_bias", "flag", "a bias in the output projection", False)

EXPAND = Option(
    "expand",
    "number",
    "channels of the operator over the width of the model",
    1,
    low=1 / 64,
    high=MOST_EXPAND,
)

INNER = replace(EXPAND, field="inner")

HEADS = Option(
    "heads",
    "whole",
    "heads of q",
    derived="width / 64, at least the repeat of k and v; the next smaller number that "
    "divides",
    high=MOST_HEADS,
    assumption="the paper does not say how many heads its SA classes have",
)
KV_HEADS = Option(
    "kv_heads",
    "whole",
    "heads of k and v; each serves heads / kv_heads heads of q",
    derived="heads / the repeat of k and v",
    high=MOST_HEADS,
)
HEAD_DIM = Option(
    "head_dim",
    "whole",
    "channels of each head",
    derived="expand x width / heads",
    high=MOST_HEAD_DIM,
)
_LARGEST_SCALE = 10_000
SCALE = Option(
    "scale",
    "number",
    "factor of the scores q k",
    derived="1 / the root of head_dim",
    low=1 / _LARGEST_SCALE,
    high=_LARGEST_SCALE,
)
NORM_EPS = Option(
    "norm_eps",
    "number",
    "added to the mean square in the operator's own norm",
    derived="that of the model",
    low=1e-12,
    high=1,
)


def eps_of(options: ResolvedOptions) -> float:
    """norm_eps, 0 where nobody states it: that of the model holds."""
    return 0.0 if options.get("norm_eps") is None else float(options.exact("norm_eps"))


def kernel(groups: str, assumption: str = "") -> Option:
    """The featurizer's short convolution on some groups; a class sets its length."""
    return Option(
        "kernel",
        "whole",
        f"taps of the short causal convolution on {groups}",
        0,
        low=2,
        high=16,
        none=True,
        assumption=assumption,
    )


SHIFT = Option(
    "shift",
    "flag",
    "each projection reads a mixture of its token and the one before it, by a learned "
    "share for each channel",
    False,
)


def states(default: int, assumption: str = "") -> Option:
    return Option(
        "states",
        "whole",
        "numbers of state for each channel",
        default,
        high=4096,
        assumption=assumption,
    )


HIDDEN = Option(
    "hidden",
    "whole",
    "channels of gate and up",
    derived="expand x width, up to the next multiple of 8",
    high=2**22,
)
EXPAND_HIDDEN = Option(
    "expand",
    "number",
    "channels of gate and up over the width of the model",
    Fraction(8, 3),
    low=1 / 64,
    high=MOST_EXPAND,
    assumption="12 width^2 parameters with an SA-1, which the paper's totals confirm",
    field="hidden",
)


def hidden(options: ResolvedOptions) -> int:
    """`hidden` as stated, else expand x width, up to the next multiple of 8."""
    stated = None if "expand" in options.stated else options.maybe("hidden")
    if stated is None:
        stated = -(-options.exact("expand") * options.width // 8) * 8
    return stated


# Of units behind a gate, alone or as experts.
LARGEST_LIMIT = 10_000
LIMIT = Option(
    "limit",
    "number",
    "gate is cut above it, up above it and below its negative",
    0,
    low=1e-3,
    high=LARGEST_LIMIT,
    none=True,
)
ALPHA = Option(
    "alpha",
    "number",
    "how steep the sigmoid is in silu: gate sigmoid(alpha gate)",
    1,
    low=1e-3,
    high=LARGEST_LIMIT,
)
UP_OFFSET = Option(
    "up_offset",
    "number",
    "what is added to up, after its limit",
    0,
    low=1e-3,
    high=LARGEST_LIMIT,
    none=True,
)


HEAD_KEYS = Option(
    "key_dim",
    "whole",
    "channels of q and k in each head",
    derived="key_expand x width / heads",
    high=MOST_HEAD_DIM,
)
HEAD_VALUES = Option(
    "head_dim",
    "whole",
    "channels of v in each head",
    derived="expand x width / heads",
    high=MOST_HEAD_DIM,
)


def key_expand(default: Fraction) -> Option:
    """Of q and k, where all heads together have a share of the width."""
    return replace(
        EXPAND,
        name="key_expand",
        meaning="channels of q and of k over the width of the model",
        default=default,
        field="key_dim",
    )


HEAD_CHANNELS = {"key_dim": "key_expand", "head_dim": "expand"}
"""Channels of a head -> the option that says how many all heads have together."""


def of_all_heads(options: ResolvedOptions) -> dict[str, int]:
    """Channels that the heads share out, by the names of those that nobody states."""
    return {
        name: options.channels(expand)
        for name, expand in HEAD_CHANNELS.items()
        if options.maybe(name) is None
    }


_WIDE = 128
"""Channels of a value in each head, if nobody says otherwise."""


def heads_of(options: ResolvedOptions) -> int:
    """As stated; else so many that a value has 128 channels, or as many as are stated,
    or the next smaller number that divides what the heads share out."""
    heads = options.maybe("heads")
    if heads is not None:
        return heads
    most = max(options.channels() // (options.maybe("head_dim") or _WIDE), 1)
    shared = of_all_heads(options).values()
    return next(n for n in range(most, 0, -1) if all(c % n == 0 for c in shared))


def of_each_head(options: ResolvedOptions, heads: int) -> dict[str, int]:
    """`key_dim` and `head_dim`: what is stated, else a part of `of_all_heads`, which
    has to come out whole."""
    sizes = {name: options.maybe(name) for name in HEAD_CHANNELS}
    shared = of_all_heads(options)
    for name, channels in shared.items():
        if channels % heads:
            raise options.fail(
                "does-not-divide",
                "The channels do not divide into heads",
                "heads",
                f"{counted(channels, 'channel')}, not divisible by {heads}",
                f"{options.name} has {HEAD_CHANNELS[name]} x width = "
                f"{counted(channels, 'channel')}, unless {name} is stated.",
                other=HEAD_CHANNELS[name],
            )
    return {name: size or shared[name] // heads for name, size in sizes.items()}


def check_latent(
    options: ResolvedOptions, name: str, rank: int, replaced: int, what: str
) -> None:
    """Raises Unfit where `name`, the channels of a latent, are more than those that it
    stands for: `what`, of which there are `replaced`."""
    if rank > replaced:
        raise options.fail(
            "out-of-range",
            "A latent wider than what it stands for",
            name,
            f"{counted(rank, 'channel')} for {replaced} of {what}",
            f"A latent is a short form of {what}.",
            f"choose {name} at most {replaced}",
        )
