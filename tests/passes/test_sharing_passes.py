"""share_features, share_weights, prune and fuse, by example and by definition."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings

from starc import passes
from starc.ir.nodes import Feature, Liv, Loop, Model, Parallel, Written, WrittenStep
from starc.ir.verify import InternalError
from starc.operators.attention.operator import Attention
from starc.operators.selective_scan.operator import SelectiveScan
from starc.operators.ssd.operator import Ssd
from starc.passes import PIPELINE
from tests.ir.ir_models import (
    ATTENTION,
    CONV,
    GLU,
    liv,
    model,
    models,
    parallel,
)


def after(*body: WrittenStep, without: str = "") -> dict[str, Liv]:
    result = passes.run(model(*body), frozenset(without.split()))
    return {found.label: found for found in result.livs()}


def shared(*body: WrittenStep, without: str = "") -> tuple[str, ...]:
    return passes.run(model(*body), frozenset(without.split())).shared


def test_borrowed_features_are_not_projected() -> None:
    found = after(liv(ATTENTION, "a"), liv(ATTENTION, "b", "", k="a", v="a"))
    assert found["b"].projections == (("q",),)
    assert found["b"].feature("k") == Feature("k", "a", "a", borrowed=True)
    assert found["a"].projections == (("q", "k", "v"),)


def test_features_computed_twice_where_nothing_is_borrowed() -> None:
    body = liv(ATTENTION, "a"), liv(ATTENTION, "b", "", k="a", v="a")
    found = after(*body, without="share_features")
    assert found["b"].projections == (("q",), ("k", "v"))
    # q has another set of readers than k and v, which b reads from a's input
    assert found["a"].projections == (("q",), ("k", "v"))
    found = after(*body, without="share_features share_weights")
    assert found["a"].projections == (("q", "k", "v"),)
    assert found["b"].projections == (("q",), ("k", "v"))


def test_owners_are_shared() -> None:
    body = liv(CONV, "c"), liv(CONV, "d"), liv(CONV, "", "d"), liv(CONV, "", "c")
    assert shared(*body) == ("c", "d")
    assert shared(*body, without="share_weights") == ()
    # a borrower computes nothing with the weights of what it borrows
    assert shared(liv(ATTENTION, "a"), liv(ATTENTION, "", "", k="a")) == ()
    everything = {"q": "a", "k": "a", "v": "a"}
    assert shared(liv(ATTENTION, "a"), liv(ATTENTION, "", "a", **everything)) == ()
    # but the filter of the mixing is still used when all features are borrowed
    everything = {"b": "c", "c": "c", "x": "c"}
    assert shared(liv(CONV, "c"), liv(CONV, "", "c", **everything)) == ("c",)
    assert shared(liv(CONV, "c"), liv(CONV, "", "", **everything)) == ()


def test_a_projection_is_what_all_users_compute() -> None:
    found = after(
        liv(ATTENTION, "a"),
        liv(ATTENTION, "b", "a"),
        liv(ATTENTION, "c", "a", k="b", v="b"),
    )
    assert found["a"].projections == found["b"].projections == (("q",), ("k", "v"))
    assert found["c"].projections == (("q",),)


def test_projections_of_two_owners() -> None:
    found = after(
        liv(ATTENTION, "a"),
        liv(ATTENTION, "b", "", k="a"),
        liv(ATTENTION, "c", "b"),  # q and v as b, k as a
    )
    assert found["a"].projections == (("q", "v"), ("k",))
    assert found["b"].projections == (("q", "v"),)
    assert found["c"].projections == (("q", "v"), ("k",))


def test_convolved_groups_stand_together() -> None:
    scan = SelectiveScan(width=8, inner=8, states=2, dt_rank=1)
    ssd = Ssd(width=8, heads=2, head_dim=4, states=2)
    gated = Attention(width=8, heads=2, kv_heads=1, head_dim=4, gate="head", kernel=3)
    for operator in (scan, ssd, gated):
        (found,) = after(liv_of(operator)).values()
        (projection,) = found.projections
        assert projection == tuple(group.name for group in operator.groups)
    found = after(liv_of(gated, "a"), liv_of(gated, "b", k="a", v="a"))["b"]
    assert found.projections == (("q", "gate"),)


def liv_of(operator: Attention | Ssd | SelectiveScan, label: str = "", **f: str) -> Liv:
    return Liv(label or "x", label, "X", operator, bool(label), "", tuple(f.items()))


def test_a_parallel_of_one_side_is_pruned() -> None:
    body = parallel(liv(CONV)), parallel(liv(GLU, "m")), liv(GLU)
    result = passes.run(model(*body))
    assert [layer.label for layer in result.layers()] == ["conv_0", "m", "mlp_2"]
    assert all(isinstance(layer, Liv) for layer in result.layers())
    kept = passes.run(model(*body), frozenset({"prune"}))
    assert [type(layer) for layer in kept.layers()] == [Parallel, Parallel, Liv]
    assert [x.label for x in kept.livs()] == [x.label for x in result.livs()]


def test_nothing_to_do_is_no_new_model() -> None:
    flat = passes.run(model(Loop(1, (liv(CONV), liv(GLU)))))
    for step in passes.PIPELINE[2:]:
        assert step.function(flat) is flat, step.name


OPTIONAL = [step.name for step in passes.PIPELINE if not step.required]


@settings(max_examples=60, deadline=None)
@given(models())
def test_by_definition(written: Written) -> None:
    """What each step makes is verified, and held to the definitions, spelled out."""
    for name in ["", *OPTIONAL]:
        steps = [step for step in passes.PIPELINE if step.name != name]
        check_projections(passes.run_steps(steps, written, steps))


def test_the_pass_at_fault_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(found: Model) -> Model:
        return replace(found, shared=("nothing",))

    wrong = [s._replace(function=broken) if s.name == "prune" else s for s in PIPELINE]
    monkeypatch.setattr(passes, "PIPELINE", tuple(wrong))
    with pytest.raises(InternalError, match="in prune"):
        passes.run(model(liv(CONV), liv(GLU)))


def check_projections(found: Model) -> None:
    livs = {one.label: one for one in found.livs()}
    users = defaultdict(set)
    readers = defaultdict(set)
    for label, one in livs.items():
        for f in one.features:
            if not f.borrowed:
                owner = f.weights if f.weights in found.shared else label
                users[f.weights].add(label)
                readers[owner, f.group].add((label, f.input))
        if one.operator.kind in ("gated_conv", "selective_scan"):
            users[one.mixing].add(label)
    assert set(found.shared) in (set(), {o for o in users if len(users[o]) > 1})
    for label, one in livs.items():
        fused = any(len(projection) > 1 for projection in one.projections)
        features = [f for f in one.features if not f.borrowed]
        owners = {
            f.group: f.weights if f.weights in found.shared else label for f in features
        }
        together = {p: i for i, ps in enumerate(one.projections) for p in ps}
        for f in features if fused else ():
            for g in features:
                alike = (
                    owners[f.group] == owners[g.group]
                    and f.input == g.input
                    and readers[owners[f.group], f.group]
                    == readers[owners[g.group], g.group]
                )
                assert (together[f.group] == together[g.group]) == alike
