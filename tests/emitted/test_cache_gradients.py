"""A sequence in pieces, through a cache, has the gradients of one pass.

And of the pieces alone where `detach` stands between them. The texts of `small` have
every operator, form of sharing and example.
"""

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.emitted.small import SMALL, apart, fresh, gradients, tokens
from tests.sampled import sampled

SPLITS = [[9, 1, 1, 13], [1] * 5 + [3, 16], [12, 12]]
"""Shorter and longer than the windows, prompts and single tokens."""


def loss(logits: Tensor) -> Tensor:
    """Something of all logits, each token's its own."""
    weight = torch.linspace(-1, 1, logits[0].numel()).view(logits[0].shape)
    return (logits * weight.to(logits)).sum()


def in_pieces(model: Any, given: Tensor, split: list[int]) -> Tensor:
    cache = model.new_cache(*given.shape)
    parts = [model(part, cache) for part in given.split(split, dim=1)]
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize("name", sampled(SMALL, list(SMALL)[::2]))
def test_gradients_through_a_cache_are_those_of_one_pass(name: str) -> None:
    model = fresh(name).double()
    given = tokens(model, 2, 24)
    logits = model(given)
    loss(logits).backward()
    expected = gradients(model)
    assert expected.keys() == dict(model.named_parameters()).keys()
    for split in SPLITS:
        model.zero_grad()
        found_logits = in_pieces(model, given, split)
        loss(found_logits).backward()
        assert apart(found_logits, logits) < 1e-6  # states are float32
        for key, found in gradients(model).items():
            assert apart(found, expected[key]) < 1e-5, (split, key)


@pytest.mark.parametrize("name", sampled(SMALL, list(SMALL)[1::2]))
def test_detach_truncates(name: str) -> None:
    """Each piece has its own backward and step of an optimizer: nothing of an earlier
    one is asked for again, and nothing that a later one needs has changed."""
    model = fresh(name)
    given = tokens(model, 2, 20)
    parts = given.split([8, 1, 11], dim=1)
    cache = model.new_cache(2, 20)
    for part in parts:
        loss(model(part, cache)).backward()
        assert all(g.isfinite().all() for g in gradients(model).values())
        cache.detach()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.001)
    cache = model.new_cache(2, 20)
    loss(model(parts[0], cache)).backward()
    if not cache.nbytes:
        return  # it keeps nothing, so nothing is asked for again
    with pytest.raises(RuntimeError, match="second time"):
        loss(model(parts[1], cache)).backward()


@pytest.mark.parametrize("name", SMALL)
def test_without_gradients_long_buffers_stay_where_they_are(name: str) -> None:
    """Decoding copies nothing that holds every token."""
    model = fresh(name)
    cache = model.new_cache(1, 12)
    with torch.no_grad():
        model(tokens(model, 1, 4), cache)
        before = long_buffers(model, cache)
        model(tokens(model, 1, 1), cache)
        model(tokens(model, 1, 3), cache)
    after = long_buffers(model, cache)
    assert [id(buffer) for buffer in after] == [id(buffer) for buffer in before]


def long_buffers(model: Any, cache: object) -> list[Tensor]:
    if not cache.nbytes:  # type: ignore[attr-defined]
        return []
    leaves = sys.modules[type(model).__module__].leaves
    kept = [vars(state) for state in leaves(cache.states)]  # type: ignore[attr-defined]
    found = [values.get(name) for values in kept for name in ("k", "v", "u", "filter")]
    return [value for value in found if value is not None]
