"""Models as `lower` gives them: every operator and option, in every form of sharing."""

from dataclasses import replace
from typing import Any

from starc.alphabet import template_of
from starc.ir.nodes import Again, Liv, Loop, Parallel, Section, Written, WrittenStep
from starc.ir.operator import Operator
from starc.ir.residual import Norm
from starc.ir.streams import AltUp, AttentionResidual, Hyper, Streams
from tests.reference.operators import OPERATORS, SHARED
from tests.residuals import settings_of


def use(op: Operator, label: str = "", weights: str = "", **features: str) -> Liv:
    """`label: op weights from ..., k from ...`; features: group=label."""
    return Liv(
        stem=label or template_of(op.kind).stem,
        label=label,
        name=op.kind,
        operator=op,
        labelled=bool(label),
        weights_from=weights,
        features_from=tuple(features.items()),
    )


def again(of: str, label: str = "") -> Again:
    return Again(label or f"{of}_again", label, of, bool(label))


def diff(op: Operator, label: str = "", weights: str = "", **features: str) -> Parallel:
    branches = tuple(
        replace(use(op, "", weights, **features), stem=stem, name=f"{op.kind}-Diff")
        for stem in "ab"
    )
    stem = label or template_of(op.kind).stem
    return Parallel(stem, label, f"{op.kind}-Diff", branches, (1, -1), bool(label))


def beside(*branches: Liv) -> Parallel:
    return Parallel("parallel", "", "parallel", branches, (1,) * len(branches))


def model(*body: WrittenStep, **settings: Any) -> Written:
    sizes: dict[str, Any] = {"width": 16, "vocab": 23, "context": 32}
    return Written("test", **sizes | settings_of(body, **settings))


MLP, SSD = OPERATORS["glu"], OPERATORS["ssd"]
PLAIN, ATTENTION = OPERATORS["attention"], OPERATORS["attention-qk_norm"]


def plain() -> dict[str, Written]:
    """Every operator with its options, twice, so that depth counts."""
    return {
        name: model(use(op), use(op), norm=Norm(eps=1e-3))
        for name, op in OPERATORS.items()
    }


def settings() -> dict[str, Written]:
    body = use(OPERATORS["attention-rope"]), use(MLP)
    wide = use(OPERATORS["long_conv"]), use(OPERATORS["ssd-groups"])
    return {
        "untied": model(*body, tied=False),
        "layer-norm": model(*body, norm=Norm("layer", 1e-3)),
        "layer-norm-no-bias": model(*body, norm=Norm("layer", 1e-3, bias=False)),
        "no-weights": model(*body, norm=Norm("rms", 1e-3, weight=False)),
        "sandwich": model(*body, norm=Norm(eps=1e-3), placement="sandwich"),
        "layer-norm-sandwich": model(*wide, norm=Norm("layer"), placement="sandwich"),
        "softcap": model(*body, logit_softcap=2.0),
        "everything": model(
            *body,
            *wide,
            tied=False,
            norm=Norm("layer", 1e-4),
            placement="sandwich",
            logit_softcap=3.0,
        ),
        "nothing": model(use(MLP)),
        "learned-positions": model(
            use(MLP), learned_positions=True, context=96, embedding_scale=0.5
        ),
        "embedding-norm": model(
            *body,
            norm=Norm(eps=1e-3),
            learned_positions=True,
            context=96,
            embedding_norm=Norm("layer", 1e-3),
        ),
    }


def forms(op: Operator) -> dict[str, Written]:
    """Every form of sharing, with one operator."""
    groups = [group.name for group in op.groups if not group.stack]
    one = {groups[-1]: "a"}
    rest = dict.fromkeys(groups[1:] or groups, "a")
    everything = dict.fromkeys(groups, "a")
    bodies: dict[str, tuple[WrittenStep, ...]] = {
        "weights": (use(op, "a"), use(MLP), use(op, "b", "a"), use(op, "", "b")),
        "one-feature": (use(op, "a"), use(op, "b", **one), use(MLP)),
        "middle-feature": (
            use(op, "a"),
            use(op, "b", **{groups[len(groups) // 2]: "a"}),
        ),
        "features": (use(op, "a"), use(MLP), use(op, **rest), use(op, **rest)),
        "all-features": (use(op, "a"), use(op, **everything)),
        "both": (use(op, "a"), use(op, "b", "a", **one), use(op, "", "b")),
        "again": (use(op, "a"), again("a"), use(MLP), again("a", "b"), again("b")),
        "again-of-borrower": (use(op, "a"), use(op, "b", "a", **rest), again("b")),
        "from-again": (use(op, "a"), again("a", "x"), use(op, "", "x", **_x(one))),
        "diff": (diff(op), use(MLP), diff(op)),
        "diff-weights": (diff(op, "d"), diff(op, "e", "d"), diff(op, "", "e")),
        "diff-feature": (diff(op, "d"), diff(op, "", "", **_d(rest))),
        "diff-again": (diff(op, "d"), again("d", "e"), diff(op, "", "", **_e(one))),
        "branch": (use(op, "a"), beside(use(op, "b", "a"), use(MLP, "m"))),
        "branch-lends": (
            beside(use(op, "a"), use(SSD)),
            use(op, **rest),
            use(op, "", "a"),
        ),
        "branch-borrows": (use(op, "a"), beside(use(op, **one), use(PLAIN))),
        "loop": (Loop(3, (use(op, "a"), use(MLP), use(op, "b", "a"))),),
        "loop-features": (
            Loop(2, (use(op, "a"), use(op, "b", **rest))),
            use(op, "", "", **one),
        ),
        "loop-of-one-owner": (use(op, "a"), Loop(3, (use(op, "", "a"), use(MLP)))),
        "loop-of-one-lender": (use(op, "a"), Loop(2, (use(op, **one), use(MLP)))),
        "loop-again": (use(op, "a"), Loop(2, (use(MLP), again("a")))),
        "loop-diff": (Loop(2, (diff(op, "d"), diff(op, "", "d"))),),
    }
    return {form: model(*body) for form, body in bodies.items()}


def sharing() -> dict[str, Written]:
    """Every form of sharing for every kind of operator."""
    return {
        f"{name}-{form}": made
        for name in SHARED
        for form, made in forms(OPERATORS[name]).items()
    }


def otherwise() -> dict[str, Written]:
    """Weights of one LIV used by others with another window, rotation, and so on."""
    found: dict[str, Written] = {}
    for name, op in OPERATORS.items():
        alike = [o for o in OPERATORS.values() if o.featurizer == op.featurizer]
        if len(alike) > 1 and alike[0] is op:
            users = (use(other, "", "a") for other in alike)
            found[f"{name}-otherwise"] = model(use(op, "a"), use(MLP), *users)
    return found


def _renamed(features: dict[str, str], label: str) -> dict[str, str]:
    return dict.fromkeys(features, label)


def _x(features: dict[str, str]) -> dict[str, str]:
    return _renamed(features, "x")


def _d(features: dict[str, str]) -> dict[str, str]:
    return _renamed(features, "d")


def _e(features: dict[str, str]) -> dict[str, str]:
    return _renamed(features, "e")


def hybrids() -> dict[str, Written]:
    """What people build: several kinds together, sharing across them."""
    conv, scan = OPERATORS["gated_conv"], OPERATORS["selective_scan"]
    windowed = OPERATORS["attention-window"]
    return {
        "lfm2": model(
            Loop(2, (Loop(2, (use(conv), use(MLP))), use(ATTENTION), use(MLP)))
        ),
        "falcon-h1": model(Loop(2, (beside(use(PLAIN), use(SSD)), use(MLP)))),
        "fused-branches": model(
            Loop(2, (beside(use(conv), use(MLP), use(ATTENTION)),))
        ),
        "branches-of-one-kind": model(beside(use(conv), use(conv)), beside(use(conv))),
        "zamba": model(
            use(windowed, "a"),
            use(MLP, "m"),
            Loop(2, (Loop(2, (use(scan),)), again("a"), again("m"))),
        ),
        "star": model(
            diff(conv, "c1"),
            use(MLP, "m"),
            use(ATTENTION, "a1"),
            use(MLP),
            diff(conv, "c2", "c1"),
            use(ATTENTION, "a2", "a1", k="a1", v="a1"),
            again("m"),
            diff(scan),
            use(ATTENTION, "a3", "", k="a2", v="a2"),
        ),
        "two-lenders": model(
            use(PLAIN, "a1"),
            use(PLAIN, "a2"),
            use(PLAIN, "", "a1", k="a1", v="a2"),
        ),
        "two-owners": model(
            use(PLAIN, "a1"),
            use(PLAIN, "a2", "", k="a1"),
            use(PLAIN, "a3", "a2"),  # q and v of a2, k of a1
            use(PLAIN, "", "a2"),
        ),
        "last-iteration-lends": model(
            Loop(2, (use(ATTENTION, "a"), use(MLP))), use(ATTENTION, k="a", v="a")
        ),
        "fused-branch-lends": model(
            beside(use(MLP, "m"), use(conv)), use(MLP, gate="m"), use(ATTENTION)
        ),
        "siblings": model(
            beside(use(ATTENTION, "a"), use(ATTENTION, k="a", v="a")), use(MLP)
        ),
        "branches-in-a-repeat": model(
            beside(*(use(ATTENTION, "a"), use(ATTENTION, k="a", v="a")) * 3),
            Loop(2, (beside(*[use(conv)] * 4, use(MLP, "conv_2")),)),
            use(ATTENTION, "", "a"),
        ),
        "windows-that-lend": model(
            use(windowed, "a"), use(windowed, k="a", v="a"), use(windowed, "", "a")
        ),
    }


def streams() -> dict[str, Written]:
    """Several streams of each kind, around blocks in a loop and a layer alone."""
    kinds: dict[str, Streams] = {
        "altup": AltUp(3, 1e-3),
        "hyper": Hyper(3, 1e-3),
        "hyper-static": Hyper(3, 1e-3, dynamic=False),
        "attention": AttentionResidual(1, 1e-3),
        "attention-normed": AttentionResidual(1, 1e-3, normed=True),
    }
    block = use(ATTENTION), use(MLP), use(OPERATORS["gated_conv"])
    return {
        f"streams-{name}": model(
            Loop(2, (Section(kind, block),)),
            Section(kind, (use(MLP),)),
            norm=Norm(eps=1e-3),
            streams=kind,
        )
        for name, kind in kinds.items()
    }


ARCHITECTURES: dict[str, Written] = (
    plain() | settings() | sharing() | otherwise() | hybrids() | streams()
)
