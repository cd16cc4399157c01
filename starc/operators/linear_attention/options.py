"""Linear attention: low rank and nothing else, a positive map on q and k."""

from starc.alphabet import common
from starc.alphabet.heads import split
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.operators.linear_attention.operator import LinearAttention

_POSITIVE = ("elu", "relu")


def build(options: ResolvedOptions) -> LinearAttention:
    heads, kv_heads, head_dim = split(options)
    feature_map, normalize = options.word("feature_map"), options.get("normalize")
    if normalize and feature_map not in _POSITIVE:
        raise options.fail(
            "conflicting-settings",
            "Nothing to normalize by",
            "normalize",
            f"feature_map = {feature_map} can be negative",
            "Normalizing divides by the sum of q . k, which may then be zero.",
            "say feature_map = elu or relu, or normalize = false",
            "feature_map",
        )
    return LinearAttention(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        feature_map=feature_map,
        normalize=feature_map in _POSITIVE if normalize is None else bool(normalize),
    )


TEMPLATE = Template(
    kind="linear_attention",
    title="linear attention",
    stem="linear_attn",
    colour="#d89a45",
    legend="linear attention",
    features=(
        Feature("q", "expand", ("feature_map",)),
        Feature("k", "expand", ("feature_map",), repeats=True),
        Feature("v", "expand", repeats=True),
    ),
    token="low_rank",
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    features_nonlinear=("none", "elu", "relu", "silu"),
    features_option="feature_map",
    operator=LinearAttention,
    build=build,
    options=(
        common.HEADS,
        common.KV_HEADS,
        common.HEAD_DIM,
        Option(
            "feature_map",
            "word",
            "map on q and k; elu means elu + 1",
            "elu",
            choices=("elu", "relu", "silu", "none"),
        ),
        Option(
            "normalize",
            "flag",
            "divide by the sum of q . k",
            derived="true where feature_map is never negative",
        ),
        common.kernel("q, k and v"),
        common.SHIFT,
        common.EXPAND,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
