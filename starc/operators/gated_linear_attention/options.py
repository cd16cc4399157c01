"""GLA: linear attention whose state decays, each key channel by its own rate."""

from fractions import Fraction

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.gated_linear_attention.operator import GatedLinearAttention

_WIDEST_KEY = 128
"""Channels of a head that the kernel keeps the state of."""


def _heads(shared: dict[str, int]) -> int:
    """Heads that divide the channels, by option: 4, fewer, or as many as it takes."""
    fewest = -(-shared.get("key_dim", 0) // _WIDEST_KEY)
    most = max(shared.values(), default=1)
    ordered: tuple[int, ...] = (4, 3, 2, 1)
    if fewest > 4:
        ordered = (*range(fewest, most + 1), 1)
    return next(n for n in ordered if all(c % n == 0 for c in shared.values()))


def build(options: ResolvedOptions) -> GatedLinearAttention:
    heads = options.maybe("heads") or _heads(common.of_all_heads(options))
    sizes = common.of_each_head(options, heads)
    return GatedLinearAttention(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        key_dim=sizes["key_dim"],
        head_dim=sizes["head_dim"],
        decay_rank=options.whole("decay_rank"),
    )


TEMPLATE = Template(
    kind="gated_linear_attention",
    title="gated linear attention (GLA)",
    stem="gla",
    colour="#e3c07c",
    legend="gated linear attention",
    features=(
        Feature("q", "key_expand"),
        Feature("k", "key_expand"),
        Feature("v", "expand"),
        Feature("gate", "expand"),
        Feature("decay", ""),
    ),
    token="semi_separable",
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    operator=GatedLinearAttention,
    build=build,
    options=(
        Option(
            "heads",
            "whole",
            "heads, each with a state of its own",
            derived="4, more where keys would be wider than 128; one that divides",
            high=common.MOST_HEADS,
            assumption="4 as the authors' code has, but 128 channels of a key at most",
        ),
        common.HEAD_KEYS,
        common.HEAD_VALUES,
        Option(
            "decay_rank",
            "whole",
            "channels from which the decays are made",
            16,
            high=65_536,
        ),
        common.kernel("q, k and v"),
        common.SHIFT,
        common.key_expand(Fraction(1, 2)),
        common.EXPAND,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
