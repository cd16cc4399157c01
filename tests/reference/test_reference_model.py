"""The residual stream, and what holds of every operator in it."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from starc.ir.nodes import Repeat
from starc.ir.residual import PLACEMENTS, Norm
from starc.ir.tensors import parameters
from starc.operators.attention.operator import Attention
from starc.reference import execute, mixing_matrix, random_weights, tensors
from starc.reference.cases import WIDTH
from tests.reference.models import liv, model, random_tokens, seeded
from tests.reference.operators import OPERATORS

TOKENS = random_tokens((2, 10))


@pytest.mark.parametrize("name", OPERATORS)
def test_no_output_depends_on_later_tokens(name: str) -> None:
    m = model(liv("a", OPERATORS[name]), liv("b", OPERATORS[name]))
    weights = random_weights(m, seeded())
    logits = execute(m, weights, TOKENS)
    changed = TOKENS.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % m.vocab
    torch.testing.assert_close(execute(m, weights, changed)[:, :6], logits[:, :6])
    torch.testing.assert_close(execute(m, weights, TOKENS[:, :4]), logits[:, :4])
    assert not torch.allclose(execute(m, weights, changed)[:, 6:], logits[:, 6:])


@pytest.mark.parametrize("name", OPERATORS)
def test_every_tensor_matters(name: str) -> None:
    m = model(liv("a", OPERATORS[name]), liv("b", OPERATORS[name]))
    weights = random_weights(m, seeded())
    execute(m, weights, TOKENS).square().mean().backward()
    for key, weight in weights.items():
        assert weight.shape == tensors(m)[key]
        if not parameters(m)[key].trained:
            assert weight.grad is None, key
            continue
        assert weight.grad is not None and weight.grad.abs().max() > 1e-4, key


@pytest.mark.parametrize("name", OPERATORS)
def test_the_mixing_matrix_is_causal(name: str) -> None:
    op = OPERATORS[name]
    m = model(liv("a", op))
    found = mixing_matrix(m, random_weights(m, seeded()), TOKENS, "a")
    heads = op.heads if op.by_heads else op.inner  # type: ignore[attr-defined]
    if isinstance(op, Attention) and op.differential:
        heads = op.heads // 2
    assert found.shape == (2, heads, 10, 10) and not found.requires_grad
    assert found.min() >= 0 and torch.equal(found, found.tril())
    if isinstance(op, Attention) and not (
        op.gate == "head" or op.sinks or op.differential
    ):
        torch.testing.assert_close(found.sum(-1), torch.ones_like(found[..., 0]))


def test_mixing_matrix_of_an_unknown_label() -> None:
    m = model(liv("a", OPERATORS["glu"]))
    with pytest.raises(KeyError, match="'b'"):
        mixing_matrix(m, random_weights(m, seeded()), TOKENS, "b")


def test_a_missing_tensor_is_named() -> None:
    m = model(liv("a", OPERATORS["glu"]))
    weights = random_weights(m, seeded())
    del weights["a", "up.weight"]
    with pytest.raises(KeyError, match="up.weight"):
        execute(m, weights, TOKENS)


@pytest.mark.parametrize("kind", ["rms", "layer"])
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("softcap", [0.0, 1.5])
def test_the_stream(
    kind: str, placement: str, scale: float, tied: bool, softcap: float
) -> None:
    eps = 0.1  # large, so that its place matters
    m = model(
        liv("a", OPERATORS["glu"]),
        tied=tied,
        norm=Norm(kind, eps),
        placement=placement,
        scale=scale,
        logit_softcap=softcap,
    )
    w = random_weights(m, seeded())

    def norm(x: torch.Tensor, label: str, name: str) -> torch.Tensor:
        weight = w[label, f"{name}.weight"]
        if kind == "rms":
            return F.rms_norm(x, (WIDTH,), weight, eps)
        return F.layer_norm(x, (WIDTH,), weight, w[label, f"{name}.bias"], eps)

    x = F.embedding(TOKENS, w["", "embedding.weight"])
    before, after = placement in ("pre", "sandwich"), placement in ("post", "sandwich")
    x = norm(x, "a", "norm") if placement == "stream" else x
    normed = norm(x, "a", "norm") if before else x
    y = F.silu(F.linear(normed, w["a", "gate.weight"]))
    y = F.linear(y * F.linear(normed, w["a", "up.weight"]), w["a", "out.weight"])
    x = x + scale * (norm(y, "a", "post_norm") if after else y)
    head = w["", "embedding.weight" if tied else "head.weight"]
    logits = F.linear(norm(x, "", "norm"), head)
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    torch.testing.assert_close(execute(m, w, TOKENS), logits)
    places = before + after + (placement == "stream")
    norms = (1 + places) * (2 if kind == "layer" else 1)
    assert len(w) == 4 + (not tied) + norms


def test_a_rolled_repeat_is_its_turns() -> None:
    layers = [liv(f"a_{i}", OPERATORS["ssd"]) for i in range(3)]
    flat = model(*layers)
    rolled = replace(flat, body=(Repeat(tuple((layer,) for layer in layers)),))
    weights = random_weights(flat, seeded())
    assert tensors(rolled) == tensors(flat)
    torch.testing.assert_close(
        execute(rolled, weights, TOKENS), execute(flat, weights, TOKENS)
    )


def test_weights_may_be_of_another_dtype() -> None:
    m = model(liv("a", OPERATORS["attention-gated"]))
    weights = random_weights(m, seeded())
    rounded = {key: w.detach().float() for key, w in weights.items()}
    logits = execute(m, rounded, TOKENS)
    assert logits.dtype == torch.float64
    torch.testing.assert_close(
        logits, execute(m, weights, TOKENS), rtol=1e-5, atol=1e-5
    )
