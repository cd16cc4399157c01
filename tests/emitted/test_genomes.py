"""Random legal genomes of all 17 classes: they compile and run, forward and backward,
see nothing of the future, and decode from a cache what they give at once."""

from functools import lru_cache
from random import Random
from typing import Any

import pytest
import torch

from starc.compiler import to_ir
from starc.frontend.unparse import unparse
from starc.genome import Genome, decode, published, random_genome
from tests.emitted.helpers import OPTIONAL, emit
from tests.emitted.small import apart, tokens

LENGTH = 24
FEW, ALL = 24, 200
SEEDS = [
    *range(FEW),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(FEW, ALL)),
]


def genome(seed: int) -> Genome:
    """Four to eight LIVs; the first class goes round, so that no class is missed."""
    random = Random(seed)
    length, labels = random.randint(4, 8), random.choice((1, 2, 4))
    classes = sorted(published())
    pool = {classes[seed % len(classes)], *random.sample(classes, 3)}
    return random_genome(
        random, length, random.choice(((), tuple(pool))), labels=labels
    )


@lru_cache(maxsize=1)
def made(seed: int) -> Any:
    text = unparse(decode(genome(seed), width=32 if seed % 2 else 64))
    text = text.replace("50_304", "97")
    without = frozenset() if seed % 3 else OPTIONAL
    torch.manual_seed(seed)
    model: Any = emit(to_ir(text), without).module.Model()
    return model


@pytest.mark.parametrize("seed", SEEDS)
def test_forward_and_backward(seed: int) -> None:
    model = made(seed)
    logits = model(tokens(model, 2, LENGTH))
    assert logits.shape == (2, LENGTH, 97)
    logits.square().mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.any() or LENGTH == 1, key


@pytest.mark.parametrize("seed", SEEDS)
def test_causal_and_cached(seed: int) -> None:
    model = made(seed)
    random = Random(seed)
    given = tokens(model, 2, LENGTH, seed)
    other, place = given.clone(), random.randint(1, LENGTH - 1)
    other[:, place:] = (other[:, place:] + 1) % 97
    cuts = sorted(random.sample(range(1, LENGTH), random.randint(1, 8)))
    cache = model.new_cache(2, LENGTH)
    before = cache.nbytes
    with torch.no_grad():
        expected = model(given)
        assert apart(model(other)[:, :place], expected[:, :place]) < 1e-5
        parts = [model(part, cache) for part in given.tensor_split(cuts, dim=1)]
    assert apart(torch.cat(parts, 1), expected) < 1e-5
    assert cache.nbytes == before


def test_the_few_have_every_class() -> None:
    seen = {genes[0] for seed in range(FEW) for genes in genome(seed)}
    assert seen == set(published())
