"""Latent attention: heads whose keys and values are made of a latent of low rank."""

from dataclasses import replace

from starc.alphabet import common, rotation
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.latent_attention.operator import LatentAttention

_WIDE = 128
"""Channels of a value in each head, if nobody says otherwise."""


def build(options: ResolvedOptions) -> LatentAttention:
    heads, value_dim = _heads(options)
    rope_dims, head_dim = options.maybe("rope_dims"), options.maybe("head_dim")
    if rope_dims is None:
        rope_dims = max(value_dim // 4 * 2, 2)
        if head_dim is not None:
            rope_dims = max(min(rope_dims, head_dim // 6 * 2), 2)
    if head_dim is None:
        head_dim = value_dim + rope_dims
    if rope_dims >= head_dim:
        raise options.fail(
            "out-of-range",
            "No channel of a head is made of the latent",
            "rope_dims" if "rope_dims" in options.stated else "head_dim",
            f"{rope_dims} of {counted(head_dim, 'channel')} of a head",
            "A key is made of the latent but for `rope_dims` of its `head_dim` "
            "channels, which all heads have alike.",
            "choose rope_dims below head_dim",
            "head_dim",
        )
    made = heads * (head_dim - rope_dims + value_dim)
    rank, q_rank = options.maybe("rank"), options.whole("q_rank")
    if rank is None:
        rank = max(min(4 * value_dim, made // 2), 1)
    queries = heads * head_dim
    common.check_latent(options, "rank", rank, made, "the keys and values")
    common.check_latent(options, "q_rank", q_rank, queries, "the queries")
    return LatentAttention(
        width=options.width,
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        bias_except=options.bias_except("q", "k", "v"),
        heads=heads,
        head_dim=head_dim,
        value_dim=value_dim,
        rope_dims=rope_dims,
        rank=rank,
        q_rank=q_rank,
        rope=rotation.rotation(options, rope_dims, "rope_dims"),
        scale=float(options.exact("scale")) if options.get("scale") else 0.0,
        norm_eps=common.eps_of(options),
    )


def _heads(options: ResolvedOptions) -> tuple[int, int]:
    """Heads, and the channels of a value in each."""
    heads, value_dim = options.maybe("heads"), options.maybe("value_dim")
    if heads is not None and value_dim is not None:
        return heads, value_dim
    channels = options.channels()
    if heads is None:
        wide = value_dim or _WIDE
        most = max(channels // wide, 1)
        heads = next(n for n in range(most, 0, -1) if channels % n == 0)
    if value_dim is None:
        if channels % heads:
            raise options.fail(
                "does-not-divide",
                "The width does not divide into heads",
                "heads",
                f"{counted(channels, 'channel')}, not divisible by {heads}",
                f"{options.name} shares its channels evenly between its heads.",
                "say heads and value_dim",
            )
        value_dim = channels // heads
    return heads, value_dim


TEMPLATE = Template(
    kind="latent_attention",
    title="latent attention",
    stem="mla",
    colour="#a8553f",
    legend="latent attention",
    features=(
        Feature("q", "", ("heads", "head_dim", "norm_eps"), latent="q_rank"),
        Feature("k", "", ("rope",), latent="rank"),
        Feature("v", "", ("norm_eps",), latent="rank"),
    ),
    token="low_rank",
    nonlinear=("softmax",),
    channel="grouped",
    features_latent=("k", "v"),
    operator=LatentAttention,
    build=build,
    conflicts=rotation.CONFLICTS,
    options=(
        replace(
            common.HEADS,
            meaning="heads",
            derived="expand x width / 128, or the next smaller number that divides",
            assumption="",
        ),
        replace(
            common.HEAD_DIM,
            meaning="channels of each head of q and k",
            derived="value_dim + rope_dims",
        ),
        Option(
            "value_dim",
            "whole",
            "channels of each head of v",
            derived="expand x width / heads",
            high=common.MOST_HEAD_DIM,
        ),
        Option(
            "rope_dims",
            "whole",
            "of the channels of a head of k, those that all heads have alike: they are "
            "made of the input, and rotated",
            derived="half of value_dim, at most a third of head_dim",
            high=common.MOST_HEAD_DIM,
        ),
        Option(
            "rank",
            "whole",
            "channels of the latent that k and v are made of",
            derived="4 value_dim, at most half of what is made of it",
            high=2**20,
        ),
        Option(
            "q_rank",
            "whole",
            "channels of a latent that q is made of; none: its own projection",
            0,
            high=2**20,
            none=True,
        ),
        Option(
            "rope",
            "flag",
            "rotary positions on rope_dims channels of q and k",
            derived="as `positions` of the model says",
        ),
        *rotation.OPTIONS,
        common.SCALE,
        replace(
            common.NORM_EPS,
            meaning="added to the mean square in the norms of the latents",
        ),
        common.EXPAND,
        common.BIAS,
        *map(common.bias_of, ("q", "k", "v")),
        common.OUT_BIAS,
    ),
)
