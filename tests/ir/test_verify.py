"""Every rule of the verifier, broken once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from starc import passes
from starc.ir.nodes import Again, Feature, Liv, Model, Parallel
from starc.ir.verify import InternalError, verify
from starc.operators.attention.operator import Attention
from tests.ir.ir_models import ATTENTION, CONV, GLU, difference, liv, model

OTHER = Attention(width=8, heads=2, kv_heads=2, head_dim=4)
RESOLVED = passes.run(
    model(
        liv(ATTENTION, "a"),
        liv(ATTENTION, "b", "a", k="a"),
        liv(OTHER, "c"),
        difference(CONV, "d"),
        liv(GLU, "m"),
    ),
)


def edit(label: str, /, **fields: Any) -> Callable[[Model], Model]:
    def change(whole: Model) -> Model:
        body = tuple(
            replace(x, **fields) if isinstance(x, Liv) and x.label == label else x
            for x in whole.layers()
        )
        return replace(whole, body=body)

    return change


def features(label: str, /, **changed: Feature) -> Callable[[Model], Model]:
    found = next(x for x in RESOLVED.livs() if x.label == label).features
    return edit(label, features=tuple(changed.get(f.group, f) for f in found))


def append(layer: Again | Parallel) -> Callable[[Model], Model]:
    return lambda whole: replace(whole, body=(*whole.body, layer))


DIFFERENCE = next(x for x in RESOLVED.layers() if isinstance(x, Parallel))
PLAIN = (("q",), ("k",), ("v",))
BROKEN: dict[str, tuple[Callable[[Model], Model], str]] = {
    "same label": (edit("c", label="a"), "used twice"),
    "no label": (edit("c", label=""), "empty"),
    "missing feature": (edit("c", features=()), "lacks a feature"),
    "again of nothing": (append(Again("x", "x", "z")), "not before it"),
    "forward": (features("a", q=Feature("q", "c", "a")), "not before it"),
    "other shape": (features("c", k=Feature("k", "a", "c")), "does not fit"),
    "other kind": (features("m", up=Feature("up", "a", "m")), "does not fit"),
    "not computed": (features("b", k=Feature("k", "b", "a", True)), "not computed"),
    "twice": (edit("c", projections=(("q", "k"), ("k", "v"))), "not what it"),
    "left out": (edit("c", projections=(("q", "k"),)), "not what it"),
    "order": (edit("c", projections=(("k", "q", "v"),)), "out of order"),
    "inputs": (
        features("b", k=Feature("k", "a", "a"), q=Feature("q", "a", "b")),
        "not what it",
    ),
    "mixing": (edit("c", mixing="a"), "another operator"),
    "mixing of nothing": (edit("c", mixing="z"), "not before it"),
    "sole owner": (lambda m: replace(m, shared=("c",)), "used by 1"),
    "owner twice": (lambda m: replace(m, shared=("a", "a")), "twice"),
    "no branches": (
        append(replace(DIFFERENCE, label="e", branches=(), signs=())),
        "branches",
    ),
    "same branches": (
        append(replace(DIFFERENCE, label="e", branches=DIFFERENCE.branches[:1] * 2)),
        "one name",
    ),
    "width": (edit("c", operator=replace(OTHER, width=16)), "width 16"),
}


def test_what_the_passes_make_is_right() -> None:
    verify(RESOLVED, "fuse")


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    change, problem = BROKEN[name]
    with pytest.raises(InternalError, match=problem) as raised:
        verify(change(RESOLVED), "fuse")
    assert raised.value.stage == "fuse" and "fuse" in str(raised.value)
