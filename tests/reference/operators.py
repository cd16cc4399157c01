"""A small instance of every operator and option, by a name for the test's report."""

from starc.ir.operator import Operator
from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention
from starc.operators.gated_conv.operator import GatedConv
from starc.operators.gated_linear_attention.operator import GatedLinearAttention
from starc.operators.glu.operator import Glu
from starc.operators.linear_attention.operator import LinearAttention
from starc.operators.long_conv.operator import LongConv
from starc.operators.min_gru.operator import MinGru
from starc.operators.rg_lru.operator import RgLru
from starc.operators.selective_scan.operator import SelectiveScan
from starc.operators.ssd.operator import Ssd

WIDTH = 16


def attention(heads: int = 4, kv_heads: int = 4, **options: object) -> Attention:
    return Attention(width=WIDTH, heads=heads, kv_heads=kv_heads, head_dim=4, **options)  # type: ignore[arg-type]


def linear_attention(kv_heads: int = 4, **options: object) -> LinearAttention:
    return LinearAttention(
        width=WIDTH, heads=4, kv_heads=kv_heads, head_dim=4, **options  # type: ignore[arg-type]
    )


def glu(activation: str = "silu") -> Glu:
    return Glu(width=WIDTH, hidden=24, activation=activation)


def selective_scan(**options: object) -> SelectiveScan:
    numbers = {"inner": 12, "states": 4, "dt_rank": 2} | options
    return SelectiveScan(width=WIDTH, **numbers)  # type: ignore[arg-type]


def ssd(**options: object) -> Ssd:
    numbers = {"heads": 4, "head_dim": 6, "states": 5} | options
    return Ssd(width=WIDTH, **numbers)  # type: ignore[arg-type]


def rg_lru(**options: object) -> RgLru:
    return RgLru(width=WIDTH, inner=12, blocks=3, **options)  # type: ignore[arg-type]


def gla(**options: object) -> GatedLinearAttention:
    numbers = {"heads": 3, "key_dim": 4, "head_dim": 6, "decay_rank": 5} | options
    return GatedLinearAttention(width=WIDTH, **numbers)  # type: ignore[arg-type]


OPERATORS: dict[str, Operator] = {
    "attention": attention(),
    "attention-grouped": attention(kv_heads=2),
    "attention-multi-query": attention(kv_heads=1, rope=Rope(1e4, 4)),
    "attention-rope": attention(rope=Rope(1e4, 4)),
    "attention-rope-partial": attention(rope=Rope(100.0, 2)),
    "attention-window": attention(window=3),
    "attention-qk-norm": attention(qk_norm=True, rope=Rope(1e4, 4)),
    "attention-gated": attention(gated=True),
    "attention-convolved": attention(kernel=3),
    # Without a rotation the bias of k adds the same to a whole row and changes nothing.
    "attention-biases": attention(bias=True, out_bias=True, rope=Rope(1e4, 4)),
    "attention-everything": attention(
        kv_heads=2,
        kernel=3,
        rope=Rope(1e3, 2),
        window=4,
        qk_norm=True,
        gated=True,
        bias=True,
        out_bias=True,
    ),
    "gated-conv": GatedConv(width=WIDTH, inner=WIDTH),
    "gated-conv-wide": GatedConv(width=WIDTH, inner=24, taps=7, sigmoid_gates=True),
    "gated-conv-biases": GatedConv(
        width=WIDTH, inner=8, taps=2, filter_bias=True, bias=True, out_bias=True
    ),
    "long-conv": LongConv(width=WIDTH, inner=12, context=32, order=8, frequencies=4),
    "selective-scan": selective_scan(),
    "selective-scan-ungated": selective_scan(gated=False, kernel=2, bias=True),
    "selective-scan-bare": selective_scan(kernel=0, states=1),
    "ssd": ssd(),
    "ssd-groups": ssd(state_groups=2, kernel=3),
    "ssd-bare": ssd(kernel=0, bias=True, out_bias=True),
    "rg-lru": rg_lru(),
    "rg-lru-bare": rg_lru(kernel=0, bias=True, out_bias=True),
    "gla": gla(),
    "gla-convolved": gla(kernel=3, bias=True, out_bias=True),
    "min-gru": MinGru(width=WIDTH, inner=WIDTH),
    "min-gru-everything": MinGru(
        width=WIDTH, inner=12, kernel=3, bias=True, out_bias=True
    ),
    "linear-attention": linear_attention(),
    "linear-attention-grouped": linear_attention(kv_heads=2, feature_map="relu"),
    "linear-attention-scaled": linear_attention(feature_map="none", normalize=False),
    "linear-attention-silu": linear_attention(
        feature_map="silu", normalize=False, kernel=3, bias=True
    ),
    "glu": glu(),
    "glu-gelu": glu("gelu"),
    "glu-relu": glu("relu"),
    "glu-sigmoid": glu("sigmoid"),
}
