"""Arguments are checked at the call, in every operator's model, and named."""

from collections.abc import Callable
from random import Random
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from tests.emitted.small import TEXTS, emitted, fresh, tokens


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


def bad_pads(rows: int, length: int) -> list[Any]:
    """What no padding of (rows, length) tokens is."""
    return [
        torch.full((rows,), -1),
        torch.full((rows,), length + 1),
        torch.zeros(rows + 1, dtype=torch.int64),
        torch.zeros(rows, 1, dtype=torch.int64),
        torch.zeros(rows),
        torch.zeros(rows, dtype=torch.bool),
        torch.zeros(rows, dtype=torch.int64, device="meta"),
        [0] * rows,
        1,
    ]


@pytest.mark.parametrize("name", TEXTS)
def test_packed_and_padded(name: str) -> None:
    """Nothing is computed, and a cache is as it was."""
    model = fresh(name)
    row, rows = tokens(model, 1, 6), tokens(model, 2, 6)
    borders = torch.tensor([0, 2, 6])
    wrong: list[Any] = [
        torch.tensor([1, 6]),
        torch.tensor([0, 4, 2, 6]),
        torch.tensor([0, 7]),
        torch.tensor([0, 5]),
        torch.tensor([0]),
        torch.tensor([], dtype=torch.int64),
        torch.tensor([[0, 6]]),
        torch.tensor(6),
        borders.float(),
        borders > 0,
        borders.to("meta"),
        borders.tolist(),
    ]
    cache = model.new_cache(2, 8)
    with mock.patch.object(model.embedding, "forward", side_effect=AssertionError):
        for given in wrong:
            refuses("cu_seqlens", model, row, cu_seqlens=given)
        refuses("cu_seqlens", model, rows, cu_seqlens=borders)
        refuses("cu_seqlens", model, row, model.new_cache(1, 8), cu_seqlens=borders)
        pads = torch.zeros(1, dtype=torch.int64)
        refuses("cu_seqlens", model, row, cu_seqlens=borders, pads=pads)
        for given in bad_pads(2, 6):
            refuses("pads", model, rows, pads=given)
            refuses("pads", model, rows, cache, pads=given)
    assert cache.length == 0
    assert torch.equal(model(rows, cache), model(rows, model.new_cache(2, 8)))


BAD: dict[str, tuple[Any, ...]] = {
    "temperature": (-1, -1e-9, float("nan"), float("inf"), float("-inf")),
    "max_new_tokens": (-1, 1.5, float("nan"), "3", None),
    "top_k": (0, -3, 1.5, float("nan")),
    "top_p": (-0.1, 1.01, float("nan"), "0.9", None),
    "min_p": (-0.1, 1.01, float("nan"), float("inf"), "0.9"),
    "repetition_penalty": (0, -1.2, 1e9, float("nan"), float("inf"), None),
    "stop": (-1, 61, [3, 61], [1.5], 1.5, "</s>", True, {3}),
}


@pytest.mark.parametrize("name", TEXTS)
def test_generate_names_the_argument(name: str) -> None:
    model = fresh(name)
    prompt = tokens(model, 1, 3)
    for argument, values in BAD.items():
        for value in values:
            options: dict[str, Any] = {"max_new_tokens": 2, argument: value}
            refuses(argument, model.generate, prompt, **options)
            refuses(
                argument, emitted(name).module.stream_tokens, model, prompt, **options
            )
    for wrong in (prompt[:, :0], prompt[0], prompt.float(), prompt.tolist()):
        refuses("tokens", model.generate, wrong, 2)
    for pads in (torch.tensor([3]), *bad_pads(1, 3)):
        refuses("pads", model.generate, prompt, 2, pads=pads)


RANGES = {
    "temperature": (0, float("inf")),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repetition_penalty": (0.01, 100),
}


def legal(name: str, value: Any) -> bool:
    if name in RANGES:
        least, most = RANGES[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and least <= value <= most and value != float("inf")
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
    options |= {
        name: random.choice([*numbers, 0.9, 0.5])
        for name in ("top_p", "min_p", "repetition_penalty")
        if random.random() < 0.2
    }
    wrong = [name for name, value in options.items() if not legal(name, value)]
    if wrong:
        with pytest.raises(ValueError, match=f"^({'|'.join(wrong)}): "):
            model.generate(prompt, **options)
        return
    found = model.generate(prompt, **options).tokens
    assert found.shape == (1, 2 + int(options["max_new_tokens"])), options
    assert 0 <= found.min() and found.max() < model.config.vocab
    if 0 < options["temperature"] < 1e-6:
        greedy = {**options, "temperature": 0}
        assert torch.equal(found, model.generate(prompt, **greedy).tokens)


@pytest.mark.parametrize(
    "cases", [2_000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_any_sampling_arguments(cases: int) -> None:
    random, model = Random(0), fresh("lfm2")
    prompt = tokens(model, 1, 2)
    for _ in range(cases):
        answers(model, prompt, random)
