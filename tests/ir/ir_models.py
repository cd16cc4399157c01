"""Models as `lower` gives them, built by hand and at random."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from starc.ir.nodes import Again, Layer, Liv, Loop, Parallel, Written, WrittenStep
from starc.ir.operator import Operator
from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention
from starc.operators.gated_conv.operator import GatedConv
from starc.operators.glu.operator import Glu
from starc.operators.selective_scan.operator import SelectiveScan
from tests.residuals import settings_of

ATTENTION = Attention(width=8, heads=2, kv_heads=1, head_dim=4)
CONV = GatedConv(width=8, inner=8)
GLU = Glu(width=8, hidden=16)
SCAN = SelectiveScan(width=8, inner=8, states=4, dt_rank=1)

WORDS = {
    "attention": "attn",
    "gated_conv": "conv",
    "glu": "mlp",
    "selective_scan": "rec",
}
CLASSES = {
    "attention": "SA-1",
    "gated_conv": "GConv-1",
    "glu": "GMemless",
    "selective_scan": "Rec-1",
}


def liv(operator: Operator, label: str = "", weights: str = "", **features: str) -> Liv:
    """`label: operator weights from ..., k from a1`; features: group=label."""
    return Liv(
        label or WORDS[operator.kind],
        label,
        CLASSES[operator.kind],
        operator,
        bool(label),
        weights,
        tuple(features.items()),
    )


def again(of: str, label: str = "") -> Again:
    return Again(label or "mlp", label, of, bool(label))


def difference(
    operator: Operator, label: str = "", weights: str = "", **features: str
) -> Parallel:
    name = CLASSES[operator.kind]
    branches = tuple(
        Liv(
            *(stem, "", name, operator),
            weights_from=weights,
            features_from=tuple(features.items()),
        )
        for stem in "ab"
    )
    stem = label or WORDS[operator.kind]
    return Parallel(stem, label, f"{name}-Diff", branches, (1, -1), bool(label))


def parallel(*branches: Liv) -> Parallel:
    return Parallel("parallel", "", "parallel", branches, (1,) * len(branches))


def model(*body: WrittenStep, **settings: Any) -> Written:
    sizes = {"width": 8, "vocab": 16, "context": 32}
    return Written("m", **{**sizes, **settings_of(body, **settings)})


def transformer(width: int, pairs: int, vocab: int = 50_304) -> Written:
    """Transformer++: SA-1 and GMemless of 8/3, as in facts/star.md."""
    heads = width // 64
    attention = Attention(
        width=width, heads=heads, kv_heads=heads, head_dim=64, rope=Rope(1e4, 64)
    )
    hidden = -(-8 * width // 3 // 8) * 8
    glu = Glu(width=width, hidden=hidden)
    return Written(
        *("transformer", width, vocab, 4096, (Loop(pairs, (liv(attention), liv(glu))),))
    )


def lfm2(width: int, heads: int, hidden: int) -> Written:
    """LFM2 (arXiv 2511.23404): 16 mixers, each with a SwiGLU after it."""
    attention = Attention(
        width=width,
        heads=heads,
        kv_heads=8,
        head_dim=64,
        rope=Rope(1e6, 64),
        qk_norm="head",
    )
    conv, glu = GatedConv(width=width, inner=width), Glu(width=width, hidden=hidden)
    body: list[WrittenStep] = []
    for index in range(16):
        mixer = attention if index in (2, 5, 8, 10, 12, 14) else conv
        body += [liv(mixer), liv(glu)]
    return Written("lfm2", width, 65_536, 4096, tuple(body))


@st.composite
def models(draw: st.DrawFn, loops: bool = True) -> Written:
    """A legal model with any sharing; each label is used by at most a few others."""
    targets: dict[str, list[str]] = {}  # what a label may be shared as: kind -> labels
    count = 0

    def one(alone: bool) -> Layer:
        nonlocal count
        count += 1
        operator = draw(st.sampled_from([ATTENTION, CONV, GLU, SCAN]))
        label = draw(st.sampled_from(["", f"l{count}"]))
        kind = operator.kind
        form = draw(
            st.sampled_from(["plain", "plain", "diff", "again"] if alone else [""])
        )
        if form == "again" and targets.get("any"):
            of = draw(st.sampled_from(targets["any"]))
            return again(of)
        kind = f"{kind}-diff" if form == "diff" else kind
        known = targets.get(kind, [])
        source = st.sampled_from(["", *known])
        weights = draw(source)
        groups = draw(st.sets(st.sampled_from([g.name for g in operator.groups])))
        features = {g: s for g in sorted(groups) if (s := draw(source))}
        make: Callable[..., Liv | Parallel]
        make = difference if form == "diff" else liv
        made = make(operator, label, weights, **features)
        if label:
            targets.setdefault(kind, []).append(label)
            if alone:
                targets.setdefault("any", []).append(label)
        return made

    def side_by_side() -> Parallel:
        branches = [one(alone=False) for _ in range(draw(st.integers(1, 3)))]
        return parallel(*[branch for branch in branches if isinstance(branch, Liv)])

    def steps(depth: int) -> tuple[Layer | Loop, ...]:
        found: list[Layer | Loop] = []
        for _ in range(draw(st.integers(1, 4))):
            choice = draw(st.sampled_from(["liv", "liv", "parallel", "loop"]))
            if choice == "parallel":
                found.append(side_by_side())
            elif choice == "loop" and depth and loops:
                found.append(Loop(draw(st.integers(1, 4)), steps(depth - 1)))
            else:
                found.append(one(alone=True))
        return tuple(found)

    return model(*steps(2))
