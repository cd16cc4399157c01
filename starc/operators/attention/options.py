"""Softmax attention: SA-1 to SA-4, and whatever heads, windows and gates one wants."""

from starc.alphabet import common
from starc.alphabet.heads import split
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.rotation import rotation
from starc.alphabet.template import Feature, Template
from starc.operators.attention.operator import Attention


def build(options: ResolvedOptions) -> Attention:
    heads, kv_heads, head_dim = split(options)
    window = options.whole("window")
    if not window and options.words["sparsity"] == "banded":
        raise options.fail(
            "missing-parameter",
            "Banded attention without a window",
            "window",
            "the window is missing",
            f"The sparsity of {options.name} is banded: it sees `window` tokens.",
            f"write {options.name}(window = 1024), or banded(window = 1024) in its "
            "definition",
        )
    return Attention(
        width=options.width,
        kernel=options.whole("kernel"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        rope=rotation(options, head_dim),
        window=window,
        qk_norm=options.flag("qk_norm"),
        gated=options.flag("gate"),
    )


TEMPLATE = Template(
    kind="attention",
    title="softmax attention",
    stem="attn",
    colour="#c65f46",
    legend="attention",
    features=(
        Feature("q", "expand", ("heads", "head_dim", "rope", "kernel")),
        Feature(
            "k",
            "expand",
            ("kv_heads", "head_dim", "rope", "window", "kernel"),
            repeats=True,
        ),
        Feature(
            "v", "expand", ("kv_heads", "head_dim", "window", "kernel"), repeats=True
        ),
        Feature("gate", "", ("heads",), flag="gate"),
    ),
    token="low_rank",
    sparsity=("none", "banded"),
    nonlinear=("softmax",),
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    operator=Attention,
    build=build,
    conflicts=(("rope", False, "rope_theta"), ("rope", False, "rope_fraction")),
    options=(
        common.HEADS,
        common.KV_HEADS,
        common.HEAD_DIM,
        Option(
            "window",
            "whole",
            "tokens that a token sees, itself included; none: all before it",
            0,
            high=common.MOST_TOKENS,
            none=True,
        ),
        Option("qk_norm", "flag", "RMSNorm over each head of q and k", False),
        Option(
            "rope",
            "flag",
            "rotary positions on q and k",
            derived="as `positions` of the model says",
            assumption="the paper does not name its positions",
        ),
        Option(
            "rope_theta",
            "number",
            "base of the wavelengths of the rotation",
            derived="as `positions` of the model says",
            high=1e12,
            field="rope",
        ),
        Option(
            "rope_fraction",
            "number",
            "part of each head's channels that is rotated",
            derived="as `positions` of the model says",
            low=1e-3,
            field="rope",
        ),
        Option(
            "gate",
            "flag",
            "each head's output times a sigmoid of the input",
            False,
            field="gated",
        ),
        common.kernel("q, k and v", "SA-2: 3 taps; the paper gives no length"),
        common.EXPAND,
        common.BIAS,
        common.OUT_BIAS,
    ),
)
