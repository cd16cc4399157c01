"""Zero tokens and zero rows: empty in, empty out, and the cache stays as it was."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from starc.compiler import to_ir
from tests.emitted.architectures import model, use
from tests.emitted.helpers import Emitted, emit
from tests.emitted.small import TEXTS
from tests.reference.operators import OPERATORS, TYPICAL
from tests.sampled import sampled

CASES = {
    **{f"operator {name}": model(use(op)) for name, op in OPERATORS.items()},
    **{f"text {name}": to_ir(text) for name, text in TEXTS.items()},
}
FEW = {*(f"operator {name}" for name in TYPICAL), *(f"text {name}" for name in TEXTS)}
EMPTY = [(2, 0), (0, 0), (0, 1), (0, 3)]


@cache
def emitted(name: str) -> Emitted:
    return emit(CASES[name])


def fresh(name: str) -> Any:
    torch.manual_seed(0)
    made: Any = emitted(name).module.Model()
    return made


def tokens(rows: int, length: int) -> Tensor:
    return torch.randint(0, 20, (rows, length))


@pytest.mark.parametrize("name", sampled(CASES, FEW))
@pytest.mark.parametrize(("rows", "length"), sampled(EMPTY, EMPTY[::3]))
def test_empty_in_empty_out(name: str, rows: int, length: int) -> None:
    made = fresh(name)
    vocab = made.config.vocab
    logits = made(tokens(rows, length))
    assert logits.shape == (rows, length, vocab)
    logits.sum().backward()
    grads = [p.grad for p in made.parameters() if p.grad is not None]
    assert all(not grad.any() for grad in grads)
    for before, gradients in ((0, False), (1, True), (4, False), (4, True)):
        with torch.set_grad_enabled(gradients):
            cache = made.new_cache(rows, 16)
            if before:
                assert made(tokens(rows, before), cache).shape[0] == rows
            logits = made(tokens(rows, length), cache)
        assert logits.shape == (rows, length, vocab)
        assert cache.length == before + length


@pytest.mark.parametrize("name", sampled(CASES, FEW))
def test_zero_tokens_leave_the_cache_as_it_was(name: str) -> None:
    made, given = fresh(name), tokens(2, 7)
    for pieces in ((0, 7), (3, 4), (1, 1, 5), (3, 1, 3)):
        caches = [made.new_cache(2, 16) for _ in range(2)]
        with torch.no_grad():
            for piece in given.split(pieces, dim=1):
                assert made(given[:, :0], caches[1]).shape[:2] == (2, 0)
                expected, found = (made(piece, cache) for cache in caches)
                assert torch.equal(found, expected)
