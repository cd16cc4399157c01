"""Every example, made small: causal, decoded in chunks of any sizes, and it learns."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.emitted.small import SMALL, apart, emitted, fresh, tokens
from tests.sampled import sampled

LENGTH = 40


def far_from_initial(name: str) -> Any:
    """In float64, with weights so large that every path matters."""
    model = fresh(name).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(2)
    return model


@pytest.mark.parametrize("name", SMALL)
def test_no_output_sees_a_later_token(name: str) -> None:
    model = far_from_initial(name)
    given = tokens(model, 1, LENGTH)
    with torch.no_grad():
        before = model(given)
        for place in (1, 17, LENGTH - 1):
            other = given.clone()
            other[:, place] = (other[:, place] + 1) % model.config.vocab
            after = model(other)
            # Not bit by bit: an FFT rounds all of its outputs together.
            assert apart(after[:, :place], before[:, :place]) < 1e-12
            assert apart(after[:, place:], before[:, place:]) > 1e-6


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_earlier_tokens_only(name: str) -> None:
    """Through what the embedding gives; every token before but those out of reach."""
    model = far_from_initial(name)
    given, place = tokens(model, 1, 12), 6
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _given: object, x: Tensor) -> None:
        x.retain_grad()
        kept.append(x)

    model.embedding.register_forward_hook(keep)
    model(given)[0, place].square().sum().backward()
    gradient = kept[0].grad
    assert gradient is not None
    sizes = gradient[0].abs().amax(dim=1)
    assert sizes[place + 1 :].max() < 1e-12 * sizes[place]
    ir = emitted(name).ir
    back = [any(x.operator.all_state(1) for x in y.livs) for y in ir.whole().values()]
    reach = min(2, sum(back))  # each layer that looks back does so by a token or more
    assert (sizes[place - reach : place + 1] > 0).all()


@pytest.mark.parametrize("name", sampled(SMALL, list(SMALL)[::4]))
@settings(max_examples=6, deadline=None)
@given(chunks=st.lists(st.integers(1, 20), max_size=12), seed=st.integers(0, 99))
def test_chunks_of_any_sizes(name: str, chunks: list[int], seed: int) -> None:
    model = fresh(name).double()  # a norm of what is almost 0 magnifies rounding
    given_tokens = tokens(model, 2, LENGTH, seed)
    cuts = [cut for cut in torch.tensor([0, *chunks]).cumsum(0) if 0 < cut < LENGTH]
    cache = model.new_cache(2, LENGTH)
    with torch.no_grad():
        expected = model(given_tokens)
        parts = given_tokens.tensor_split([int(cut) for cut in cuts], dim=1)
        found = torch.cat([model(part, cache) for part in parts], 1)
    assert cache.length == LENGTH
    assert apart(found, expected) < 1e-11


@pytest.mark.parametrize("name", sampled(SMALL, list(SMALL)[::5]))
def test_it_learns_a_period(name: str) -> None:
    """Eight tokens over and over, another eight in each sequence: whoever looks back
    or remembers can tell the next, and no other way than by learning all of them."""
    model = fresh(name)
    vocab = model.config.vocab
    words = tokens(model, 4, 8)
    given = words.repeat(1, 5)

    def loss() -> Tensor:
        logits = model(given[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), given[:, 1:].flatten())

    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3, betas=(0.9, 0.95))
    first = loss()
    first.backward()
    # an untied head's logits have a variance of 0.4, which adds about half of it
    assert float(first.detach()) == pytest.approx(math.log(vocab), abs=0.5)
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
    for _ in range(60):
        optimizer.step()
        optimizer.zero_grad()
        last = loss()
        last.backward()
        if float(last.detach()) < 1:
            return
    raise AssertionError(f"a loss of {float(last.detach())} after 60 steps")
