"""The gated delta rule: heads, their decays, and how much an old value is replaced."""

from dataclasses import replace
from fractions import Fraction

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.gated_delta.operator import GatedDelta

_WIDE = 128
"""Channels of a value in each head, if nobody says otherwise."""


def build(options: ResolvedOptions) -> GatedDelta:
    heads, groups = _heads(options)
    if heads % groups:
        raise options.fail(
            "does-not-divide",
            "The heads do not divide into groups",
            "groups",
            f"{counted(heads, 'head')}, not a multiple of {groups}",
            "The heads of a group have q and k in common.",
            other="heads",
        )
    decay = options.word("decay")
    for name in ("decay_bound", "decay_rank"):
        if decay == "none" and name in options.stated:
            raise options.fail(
                "conflicting-settings",
                f"`{name}` contradicts `decay = none`",
                name,
                "there is no decay",
                f"Nothing decays in {options.name}.",
                "delete it, or write decay = head",
                other="decay",
            )
    operator = GatedDelta(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        key_heads=groups,
        key_dim=_each(options, "key_dim", "key_expand", "groups", groups),
        head_dim=_each(options, "head_dim", "expand", "heads", heads),
        decay=decay,
        decay_bound=float(options.exact("decay_bound")),
        decay_rank=options.whole("decay_rank"),
        beta_limit=options.whole("beta"),
        gate_activation=options.word("gate"),
        gate_rank=options.whole("gate_rank"),
        norm_eps=common.eps_of(options),
    )
    gates, decays = operator.inner, operator.decays
    common.check_latent(options, "gate_rank", operator.gate_rank, gates, "the gate")
    common.check_latent(
        options, "decay_rank", operator.decay_rank, decays, "the decays"
    )
    return operator


def _heads(options: ResolvedOptions) -> tuple[int, int]:
    """Heads of v, and of q and k."""
    heads, groups = options.maybe("heads"), options.maybe("groups")
    if heads is None:
        channels = [] if options.maybe("head_dim") else [options.channels()]
        if groups is None and not options.maybe("key_dim"):
            channels.append(options.channels("key_expand"))
        wide = options.maybe("head_dim") or _WIDE
        most = max(options.channels() // wide, groups or 1)
        step = groups or 1
        choices = range(most - most % step, 0, -step)
        fits = [n for n in choices if all(c % n == 0 for c in channels)]
        heads = fits[0] if fits else step
    return heads, groups or heads


def _each(options: ResolvedOptions, name: str, expand: str, of: str, heads: int) -> int:
    """Channels of a head: what is stated, or a part of expand x width."""
    stated = options.maybe(name)
    if stated is not None:
        return stated
    channels = options.channels(expand)
    if channels % heads:
        raise options.fail(
            "does-not-divide",
            "The channels do not divide into heads",
            of if of in options.stated else "heads",
            f"{counted(channels, 'channel')} for {heads} heads",
            f"{options.name} has {expand} x width = "
            f"{counted(channels, 'channel')}, unless "
            f"{name} is stated.",
            other=expand,
        )
    return channels // heads


TEMPLATE = Template(
    kind="gated_delta",
    title="gated delta rule",
    stem="delta",
    colour="#7f9f4f",
    legend="delta rule",
    features=(
        Feature("q", "key_expand", ("heads",)),
        Feature("k", "key_expand", ("heads",)),
        Feature("v", "expand"),
        Feature("gate", "expand", ("heads", "head_dim"), latent="gate_rank"),
        Feature(
            "decay",
            "",
            ("heads", "key_dim", "decay"),
            flag="decay",
            latent="decay_rank",
        ),
        Feature("beta", ""),
    ),
    token="semi_separable",
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    features_nonlinear=("silu",),
    operator=GatedDelta,
    build=build,
    conflicts=(("decay", "none", "decay_bound"), ("decay", "none", "decay_rank")),
    options=(
        Option(
            "heads",
            "whole",
            "heads of v, each with a state of its own",
            derived="expand x width / 128, or the next smaller number that divides",
            high=common.MOST_HEADS,
            assumption="128 channels of a head, as Qwen3-Next and Kimi Linear have",
        ),
        Option(
            "groups",
            "whole",
            "heads of q and k, each for heads / groups heads of v",
            derived="heads",
            high=common.MOST_HEADS,
            field="key_heads",
        ),
        Option(
            "key_dim",
            "whole",
            "channels of q and k in each of their heads",
            derived="key_expand x width / groups",
            high=common.MOST_HEAD_DIM,
        ),
        common.HEAD_VALUES,
        Option(
            "decay",
            "word",
            "a decay for each head, for each channel of its keys, or none",
            "head",
            choices=("none", "head", "channel"),
        ),
        Option(
            "decay_bound",
            "number",
            "log of a decay stays above minus this, by a sigmoid; none: no bound",
            0,
            low=1 / 1024,
            high=80,
            none=True,
        ),
        Option(
            "decay_rank",
            "whole",
            "channels that the decays are made of; none: their own projection",
            0,
            high=65_536,
            none=True,
        ),
        Option(
            "beta",
            "whole",
            "most of beta: 1 replaces what a key holds, 2 may turn it round",
            1,
            high=2,
            field="beta_limit",
        ),
        Option(
            "gate",
            "word",
            "what the gate goes through on its way to the normed output",
            "silu",
            choices=("silu", "sigmoid"),
            field="gate_activation",
        ),
        Option(
            "gate_rank",
            "whole",
            "channels that the gate is made of; none: its own projection",
            0,
            high=65_536,
            none=True,
        ),
        common.NORM_EPS,
        common.kernel("q, k and v"),
        common.SHIFT,
        common.key_expand(Fraction(1)),
        replace(common.EXPAND, default=2),
        common.BIAS,
        common.OUT_BIAS,
    ),
)
