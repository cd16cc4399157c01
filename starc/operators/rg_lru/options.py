"""RG-LRU: the gated diagonal recurrence of Griffin."""

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.rg_lru.operator import RgLru


def build(options: ResolvedOptions) -> RgLru:
    inner = options.channels()
    blocks = options.maybe("blocks") or options.heads(inner) or 1
    if inner % blocks:
        raise options.fail(
            "does-not-divide",
            "The channels do not divide into blocks",
            "blocks",
            f"{counted(inner, 'channel')}, not divisible by {blocks}",
            "The gates are computed block by block.",
            other="expand",
        )
    return RgLru(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        inner=inner,
        blocks=blocks,
        first_token=options.word("first_token"),
    )


TEMPLATE = Template(
    kind="rg_lru",
    title="gated diagonal recurrence (RG-LRU)",
    stem="lru",
    colour="#b184b3",
    legend="gated recurrence",
    features=(
        Feature("gate", "expand"),
        Feature("x", "expand"),
    ),
    token="semi_separable",
    channel="diagonal",
    features_token=("diagonal", "toeplitz"),
    operator=RgLru,
    build=build,
    options=(
        common.INNER,
        Option(
            "blocks",
            "whole",
            "blocks of channels within which the gates mix",
            derived="blocks of 64 channels; the next smaller number that divides",
            high=common.MOST_HEADS,
        ),
        Option(
            "first_token",
            "word",
            "how the first token of a sequence enters the state: scaled by "
            "sqrt(1 - a^2) as all others, or whole",
            "scaled",
            choices=("scaled", "whole"),
            assumption="the paper's equations have no exception; the authors' code "
            "and RecurrentGemma take it whole",
        ),
        common.kernel("x"),
        common.SHIFT,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
