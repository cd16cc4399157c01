"""Sharing: against models that hold copies instead, and against plain PyTorch."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from starc.ir.nodes import Again, Liv, Model
from starc.ir.tensors import parameters
from starc.operators.glu.operator import Glu
from starc.reference import execute, mixing_matrix, random_weights, tensors
from tests.reference.models import (
    Weights,
    differential,
    liv,
    model,
    parallel,
    random_tokens,
    seeded,
)
from tests.reference.operators import OPERATORS, SHARED

TOKENS = random_tokens((2, 8))
ATTENTION, GLU, SSD, RG_LRU = (
    OPERATORS[kind] for kind in ("attention", "glu", "ssd", "rg_lru")
)


def same_function(shared: Model, copied: Model, origin: dict[str, str]) -> None:
    """Both compute the same where label L of `copied` holds copies of `origin[L]`'s.

    A tensor that `origin`'s LIV does not have under its own label keeps its own. The
    gradient of a shared tensor is the sum of those of its copies.
    """
    weights = random_weights(shared, seeded())
    copies: Weights = {}
    owners = {}
    for label, name in tensors(copied):
        key = label, name
        if key not in weights:
            key = origin[label], name
        owners[label, name] = key
        copies[label, name] = weights[key].detach().clone().requires_grad_()
    assert set(owners.values()) == set(weights)
    found, expected = execute(shared, weights, TOKENS), execute(copied, copies, TOKENS)
    torch.testing.assert_close(found, expected)
    found.square().mean().backward()
    expected.square().mean().backward()
    for key, weight in weights.items():
        parts = [copies[copy].grad for copy, owner in owners.items() if owner == key]
        if weight.grad is None:  # a bias on a choice
            assert not parameters(shared)[key].trained and not any(parts)
            continue
        total = torch.stack([part for part in parts if part is not None]).sum(0)
        torch.testing.assert_close(weight.grad, total)


@pytest.mark.parametrize("name", SHARED)
def test_weights_from_equals_copies(name: str) -> None:
    op = OPERATORS[name]
    shared = model(liv("a", op), liv("m", GLU), liv("b", op, weights_from="a"))
    copied = model(liv("a", op), liv("m", GLU), liv("b", op))
    own = {name for label, name in tensors(shared) if label == "b"}
    out = {parameter.name for parameter in op.output}
    assert {"norm.weight", *out} <= own
    assert own <= {"norm.weight", *out, "norm_weight"}
    same_function(shared, copied, {"b": "a"})


@pytest.mark.parametrize("name", SHARED)
def test_same_as_equals_copies(name: str) -> None:
    op = OPERATORS[name]
    shared = model(
        liv("a", op),
        Again("x", "x", "a"),
        liv("m", GLU),
        Again("y", "y", "a"),
    )
    copied = model(liv("a", op), liv("x", op), liv("m", GLU), liv("y", op))
    same_function(shared, copied, {"x": "a", "y": "a"})


def test_differential_weights_from_equals_copies() -> None:
    op = OPERATORS["gated_conv"]
    shared = model(differential("a", op), differential("b", op, "a"))
    copied = model(differential("a", op), differential("b", op))
    same_function(shared, copied, {"b.a": "a.a", "b.b": "a.b"})


def test_parallel_again_equals_copies() -> None:
    def branches(label: str) -> list[str]:
        return [f"{label}.attn", f"{label}.rec"]

    def layer(label: str):  # type: ignore[no-untyped-def]
        first, second = branches(label)
        return parallel(label, liv(first, ATTENTION), liv(second, SSD))

    origin = {"q": "p", "q.attn": "p.attn", "q.rec": "p.rec"}
    same_function(
        model(layer("p"), Again("q", "q", "p")), model(layer("p"), layer("q")), origin
    )


def test_a_differential_layer_subtracts() -> None:
    op = SSD
    twice = model(differential("a", op))
    weights = random_weights(twice, seeded())
    weights |= {("a.b", n): w for (at, n), w in weights.items() if at == "a.a"}
    nothing = execute(model(), weights, TOKENS)
    torch.testing.assert_close(execute(twice, weights, TOKENS), nothing)
    weights["a.b", "out.weight"] = -weights["a.a", "out.weight"]
    added = {("a", n): w for (at, n), w in weights.items() if at in ("a", "a.a")}
    added["a", "out.weight"] = 2 * weights["a.a", "out.weight"]
    torch.testing.assert_close(
        execute(twice, weights, TOKENS),
        execute(model(liv("a", op)), weights | added, TOKENS),
    )


def test_sides_of_a_parallel_are_added() -> None:
    """Two GLUs side by side are one, its hidden channels those of both."""
    m = model(parallel("p", liv("p.one", GLU), liv("p.two", GLU)))
    w = random_weights(m, seeded())
    assert isinstance(GLU, Glu)
    wide = model(liv("p", replace(GLU, hidden=48)))
    joined = dict(w)
    for name, axis in (("gate.weight", 0), ("up.weight", 0), ("out.weight", 1)):
        joined["p", name] = torch.cat([w["p.one", name], w["p.two", name]], axis)
    torch.testing.assert_close(execute(m, w, TOKENS), execute(wide, joined, TOKENS))


def norm(w: Weights, label: str, x: Tensor) -> Tensor:
    return F.rms_norm(x, (16,), w[label, "norm.weight"], 1e-5)


def heads(w: Weights, key: tuple[str, str], x: Tensor) -> Tensor:
    y: Tensor = F.linear(x, w[key]).unflatten(-1, (4, 4))
    return y.transpose(1, 2)


def attend(w: Weights, label: str, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q = heads(w, (label, "q.weight"), x)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.linear(y.transpose(1, 2).flatten(2), w[label, "out.weight"])


def test_keys_and_values_from_an_earlier_attention() -> None:
    borrowed = {"k": "a", "v": "a"}
    m = model(
        liv("a", ATTENTION),
        liv("m", GLU),
        liv("b", ATTENTION, "", borrowed),
    )
    w = random_weights(m, seeded())
    assert ("b", "k.weight") not in w and ("b", "v.weight") not in w
    x = w["", "embedding.weight"][TOKENS]
    n = norm(w, "a", x)
    k, v = heads(w, ("a", "k.weight"), n), heads(w, ("a", "v.weight"), n)
    x = x + attend(w, "a", n, k, v)
    n = norm(w, "m", x)
    gate = F.silu(F.linear(n, w["m", "gate.weight"]))
    y = gate * F.linear(n, w["m", "up.weight"])
    x = x + F.linear(y, w["m", "out.weight"])
    x = x + attend(w, "b", norm(w, "b", x), k, v)
    logits = F.linear(norm(w, "", x), w["", "embedding.weight"])
    torch.testing.assert_close(execute(m, w, TOKENS), logits)


def test_keys_from_a_use_of_another_liv() -> None:
    """`k from x` where x is `same as a`: a's weights, the input at that use."""
    m = model(
        liv("a", ATTENTION),
        Again("x", "x", "a"),
        liv("b", ATTENTION, "", {"k": ("a", "x")}),
    )
    w = random_weights(m, seeded())
    x = w["", "embedding.weight"][TOKENS]
    for _ in range(2):
        n = norm(w, "a", x)
        k, v = heads(w, ("a", "k.weight"), n), heads(w, ("a", "v.weight"), n)
        x = x + attend(w, "a", n, k, v)
    n = norm(w, "b", x)
    x = x + attend(w, "b", n, k, heads(w, ("b", "v.weight"), n))
    logits = F.linear(norm(w, "", x), w["", "embedding.weight"])
    torch.testing.assert_close(execute(m, w, TOKENS), logits)


def test_keys_from_a_liv_with_another_ones_weights() -> None:
    """`a`; `b: weights from a`; `c: k from b` is a's projection of b's input."""
    m = model(
        liv("a", ATTENTION),
        liv("b", ATTENTION, "a"),
        liv("c", ATTENTION, "", {"k": ("a", "b"), "v": ("a", "b")}),
    )
    w = random_weights(m, seeded())
    x = w["", "embedding.weight"][TOKENS]
    for label in ("a", "b"):
        n = norm(w, label, x)
        k, v = heads(w, ("a", "k.weight"), n), heads(w, ("a", "v.weight"), n)
        q = {("own", "q.weight"): w["a", "q.weight"]}
        q["own", "out.weight"] = w[label, "out.weight"]
        x = x + attend(q, "own", n, k, v)
    x = x + attend(w, "c", norm(w, "c", x), k, v)
    logits = F.linear(norm(w, "", x), w["", "embedding.weight"])
    torch.testing.assert_close(execute(m, w, TOKENS), logits)


def test_both_clauses_together() -> None:
    """`weights from a` with `k, v from a`: only the input of q is the LIV's own."""
    op = OPERATORS["attention-everything"]
    m = model(liv("a", op), liv("b", op, "a", {"k": "a", "v": "a"}))
    w = random_weights(m, seeded())
    own = {name for label, name in w if label == "b"}
    assert own == {"norm.weight", "out.weight", "out.bias"}
    # With out projections that write nothing both stand on the same stream; with the
    # same norm they then mix alike.
    w["a", "out.weight"], w["a", "out.bias"] = (
        torch.zeros_like(w["a", f"out.{kind}"]) for kind in ("weight", "bias")
    )
    w["b", "norm.weight"] = w["a", "norm.weight"]
    first, second = (mixing_matrix(m, w, TOKENS, label) for label in "ab")
    torch.testing.assert_close(first, second)


def test_a_group_borrowed_by_a_recurrence() -> None:
    """b of the second SSD layer is the first one's, after convolution and silu."""
    m = model(
        liv("a", SSD),
        liv("c", RG_LRU),
        liv("b", SSD, "", {"b": "a"}),
    )
    w = random_weights(m, seeded())
    assert ("b", "b.conv.weight") not in w and ("b", "dt_bias") in w
    # The same model with its second layer's own b, when all layers see one stream and
    # its norm and projection of b are the first one's.
    w |= {
        (label, "out.weight"): torch.zeros_like(w[label, "out.weight"])
        for label in "ac"
    }
    w["b", "norm.weight"] = w["a", "norm.weight"]
    own = model(*list(m.layers())[:2], liv("b", SSD))
    copies = {("b", n): t for (at, n), t in w.items() if at == "a" and n[:2] == "b."}
    torch.testing.assert_close(execute(m, w, TOKENS), execute(own, w | copies, TOKENS))


def test_what_passes_say_of_how_changes_nothing() -> None:
    m = model(
        liv("a", ATTENTION),
        parallel("p", liv("p.x", ATTENTION, "a"), liv("p.y", GLU)),
        liv("b", ATTENTION, "", {"k": "a", "v": "a"}),
    )
    a, p, b = m.layers()
    assert isinstance(a, Liv) and isinstance(b, Liv)
    b = replace(
        b, features=tuple(replace(f, borrowed=f.input != "b") for f in b.features)
    )
    a = replace(a, projections=(("q", "k", "v"),))
    later = replace(m, body=(a, p, b), shared=("a",))
    w = random_weights(m, seeded())
    assert tensors(later) == tensors(m)
    torch.testing.assert_close(execute(later, w, TOKENS), execute(m, w, TOKENS))
