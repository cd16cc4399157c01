"""An emitted model against the reference: outputs, gradients, token by token."""

from typing import NamedTuple

import torch
from torch import Tensor

from starc.ir.nodes import Model
from starc.reference import execute, random_weights
from tests.emitted.helpers import Emitted, Key, relative

LIMITS = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Of the relative error of outputs; gradients may have twice that."""


class Answer(NamedTuple):
    """What the reference says. `gradients`: of the sum of cotangent x logits."""

    weights: dict[Key, Tensor]
    tokens: Tensor
    logits: Tensor
    cotangent: Tensor
    gradients: dict[Key, Tensor]


def answer(model: Model, length: int) -> Answer:
    """For two sequences of `length` random tokens and random weights."""
    generator = torch.Generator().manual_seed(0)
    weights = random_weights(model, generator)
    tokens = torch.randint(model.vocab, (2, length), generator=generator)
    logits = execute(model, weights, tokens)
    cotangent = torch.randn(logits.shape, dtype=torch.float64, generator=generator)
    gradients = torch.autograd.grad(
        logits, list(weights.values()), cotangent, materialize_grads=True
    )
    return Answer(
        {key: weight.detach() for key, weight in weights.items()},
        tokens,
        logits.detach(),
        cotangent,
        dict(zip(weights, gradients, strict=True)),
    )


def check(
    emitted: Emitted, expected: Answer, dtype: torch.dtype = torch.float64
) -> None:
    """Outputs and gradients of all tokens at once."""
    model = emitted.model(expected.weights, dtype)
    logits = model(expected.tokens)
    assert logits.dtype == dtype and logits.shape == expected.logits.shape
    assert relative(logits, expected.logits) < LIMITS[dtype]
    logits.backward(expected.cotangent.to(dtype))
    found = emitted.gradients(model)
    assert set(found) == set(expected.gradients)
    # The bias of k without a rotation has none, but for rounding in sums of large ones.
    most = max(float(g.abs().max()) for g in expected.gradients.values())
    errors = {
        key: relative(found[key], g, max(1e-6, 1e-5 * most))
        for key, g in expected.gradients.items()
    }
    limit = 2 * LIMITS[dtype]
    wrong = {key: f"{error:.1e}" for key, error in errors.items() if error > limit}
    assert not wrong


def check_decoding(emitted: Emitted, expected: Answer) -> None:
    """A prompt, then chunks and single tokens, from a cache that is just as long."""
    model = emitted.model(expected.weights, torch.float64)
    batch, length = expected.tokens.shape
    chunks = [4, 1, 1, 2, 1, length - 9]
    cache = model.new_cache(batch, length)
    with torch.no_grad():
        parts = [model(part, cache) for part in expected.tokens.split(chunks, dim=1)]
    assert relative(torch.cat(parts, 1), expected.logits) < LIMITS[torch.float64]
