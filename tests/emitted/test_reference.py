"""The emitted model is the reference: outputs and gradients, for every operator,
option and form of sharing, with the optional passes and without, and token by token."""

from collections.abc import Callable
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from starc.reference import execute, random_weights
from tests.emitted.architectures import ARCHITECTURES, hybrids, plain, settings
from tests.emitted.helpers import OPTIONAL, Emitted, Key, emit, relative, tokens

LONG, SHORT = 70, 11
"""Tokens; LONG is more than a chunk of every kernel."""

LIMITS = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Of the relative error of outputs; gradients may have twice that."""

SMALL = plain() | settings() | hybrids()
"""Where float32 is tried: in the forms of sharing it says nothing that float64 does
not, and rounding grows with depth (up to 6e-5 in gradients of some)."""


@lru_cache(maxsize=2)
def emit_once(name: str) -> Emitted:
    return emit(ARCHITECTURES[name])


@lru_cache(maxsize=2)
def reference(
    name: str,
) -> tuple[dict[Key, Tensor], Tensor, dict[Key, Tensor], Tensor, Tensor]:
    """Weights, logits, gradients of a weighted sum of these, its weights, tokens."""
    model = emit_once(name).ir
    generator = torch.Generator().manual_seed(0)
    weights = random_weights(model, generator)
    read = tokens(2, LONG if name in plain() else SHORT)
    logits = execute(model, weights, read)
    cotangent = torch.randn(logits.shape, dtype=torch.float64, generator=generator)
    gradients = torch.autograd.grad(
        logits, list(weights.values()), cotangent, materialize_grads=True
    )
    return (
        {key: weight.detach() for key, weight in weights.items()},
        logits.detach(),
        dict(zip(weights, gradients, strict=True)),
        cotangent,
        read,
    )


def check(name: str, emitted: Emitted, dtype: torch.dtype) -> None:
    weights, expected, gradients, cotangent, read = reference(name)
    model = emitted.model(weights, dtype)
    logits = model(read)
    assert logits.dtype == dtype and logits.shape == expected.shape
    assert relative(logits, expected) < LIMITS[dtype]
    logits.backward(cotangent.to(dtype))
    found = emitted.gradients(model)
    assert set(found) == set(gradients)
    errors = {key: relative(found[key], gradients[key]) for key in gradients}
    limit = 2 * LIMITS[dtype]
    wrong = {key: f"{error:.1e}" for key, error in errors.items() if error > limit}
    assert not wrong


def float64(name: str) -> None:
    check(name, emit_once(name), torch.float64)


def unoptimized(name: str) -> None:
    check(name, emit(ARCHITECTURES[name], OPTIONAL), torch.float64)


def decoded(name: str) -> None:
    """A prompt, then chunks and single tokens, from a cache that is just as long."""
    weights, expected, _, _, read = reference(name)
    model = emit_once(name).model(weights, torch.float64)
    length = read.shape[1]
    chunks = [4, 1, 1, 2, 1, length - 9]
    cache = model.new_cache(2, length)
    with torch.no_grad():
        found = [model(part, cache) for part in read.split(chunks, dim=1)]
    assert relative(torch.cat(found, 1), expected) < LIMITS[torch.float64]


# The ways of one model stand beside each other, so that its reference is made once.
@pytest.mark.parametrize("way", [float64, unoptimized, decoded])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_the_reference(name: str, way: Callable[[str], None]) -> None:
    way(name)


@pytest.mark.parametrize("name", SMALL)
def test_float32(name: str) -> None:
    check(name, emit_once(name), torch.float32)


@pytest.mark.parametrize("left_out", sorted(OPTIONAL))
@pytest.mark.parametrize("name", hybrids())
def test_without_one_pass(name: str, left_out: str) -> None:
    check(name, emit(ARCHITECTURES[name], {left_out}), torch.float64)
