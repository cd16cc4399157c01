"""Arguments are checked at the call, in every operator's model, and named."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.emitted.small import TEXTS, fresh, tokens


def refuses(name: str, call: Callable[..., object], *given: Any, **named: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: "):
        call(*given, **named)


@pytest.mark.parametrize("name", TEXTS)
def test_caches_and_tokens(name: str) -> None:
    model = fresh(name)
    given = tokens(model, 2, 3)
    refuses("batch", lambda: model.new_cache(-1, 8))
    refuses("batch", lambda: model.new_cache(2.0, 8))
    refuses("max_length", lambda: model.new_cache(2, -1))
    refuses("dtype", lambda: model.new_cache(2, 8, dtype=torch.int64))
    for rows in (1, 3):
        cache = model.new_cache(rows, 8)
        refuses("tokens", model, given, cache)
        assert cache.length == 0
    refuses("tokens", lambda: model(given, model.new_cache(2, 8, device="meta")))
    for wrong in (given[0], given[None], given.float(), given.bool()):
        refuses("tokens", model, wrong)
        refuses("tokens", model, wrong, model.new_cache(2, 8))
    with pytest.raises(ValueError, match="do not fit a cache of 2"):
        model(given, model.new_cache(2, 2))


BAD: dict[str, tuple[Any, ...]] = {
    "temperature": (-1, -1e-9, float("nan"), float("inf"), float("-inf")),
    "max_new_tokens": (-1, 1.5, float("nan"), "3", None),
    "top_k": (0, -3, 1.5, float("nan")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_generate_names_the_argument(name: str) -> None:
    model = fresh(name)
    prompt = tokens(model, 1, 3)
    for argument, values in BAD.items():
        for value in values:
            options: dict[str, Any] = {"max_new_tokens": 2, argument: value}
            refuses(argument, model.generate, prompt, **options)
    for wrong in (prompt[:, :0], prompt[0], prompt.float()):
        refuses("tokens", model.generate, wrong, 2)


def legal(name: str, value: Any) -> bool:
    if name == "temperature":
        return isinstance(value, (int, float)) and 0 <= value < float("inf")
    return type(value) is int and value >= (name == "top_k")


def answers(model: Any, prompt: Tensor, random: Random) -> None:
    """With any arguments: tokens of the vocabulary, or an error that names one."""
    numbers = [-1, 0, 1, 2, 1.5, 1e-300, 1e-38, 1e-7, 0.3, 1e30, 1e300, 10**18, -0.0]
    numbers += [float("nan"), float("inf"), True, -(10**18)]
    options = {
        "max_new_tokens": random.choice([n for n in numbers if n != 10**18]),
        "temperature": random.choice(numbers),
        "top_k": random.choice(numbers),
    }
    wrong = [name for name, value in options.items() if not legal(name, value)]
    if wrong:
        with pytest.raises(ValueError, match=f"^({'|'.join(wrong)}): "):
            model.generate(prompt, **options)
        return
    found = model.generate(prompt, **options)
    assert found.shape == (1, 2 + int(options["max_new_tokens"])), options
    assert 0 <= found.min() and found.max() < model.config.vocab
    if 0 < options["temperature"] < 1e-6:
        greedy = {**options, "temperature": 0}
        assert torch.equal(found, model.generate(prompt, **greedy))


@pytest.mark.parametrize(
    "cases", [2_000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_any_sampling_arguments(cases: int) -> None:
    random, model = Random(0), fresh("lfm2")
    prompt = tokens(model, 1, 2)
    for _ in range(cases):
        answers(model, prompt, random)
