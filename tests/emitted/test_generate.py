"""`generate` and `new_cache`, as a user calls them."""

from unittest import mock

import pytest
import torch

from starc.ir.cost import costs
from tests.emitted import cuda_graphs
from tests.emitted.small import SMALL, TEXTS, emitted, fresh, tokens
from tests.sampled import sampled

NEW = 8


@pytest.mark.parametrize("name", TEXTS)
def test_greedy_tokens_are_those_of_the_full_forward(name: str) -> None:
    model = fresh(name).double()  # no ties between logits
    prompt = tokens(model, 3, 6)
    found, lengths = model.generate(prompt, NEW, temperature=0)
    assert lengths.tolist() == [6 + NEW] * 3
    assert torch.equal(found, model.generate(prompt, NEW, temperature=0.0).tokens)
    assert found.dtype == prompt.dtype and found.shape == (3, 6 + NEW)
    assert torch.equal(found[:, :6], prompt)
    assert torch.equal(model(found)[:, 5:-1].argmax(dim=-1), found[:, 6:])
    assert torch.equal(model.generate(prompt, NEW, top_k=1).tokens, found)


def test_a_generator_decides() -> None:
    model = fresh("lfm2")
    prompt = tokens(model, 2, 3)

    def sampled(seed: int, **options: object) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        made = model.generate(prompt, 20, generator=generator, **options)
        found: torch.Tensor = made.tokens
        return found

    assert torch.equal(sampled(1), sampled(1))
    assert not torch.equal(sampled(1), sampled(2))
    assert torch.equal(sampled(1, top_k=1_000), sampled(1))
    hot, cold = sampled(1, temperature=5.0), sampled(1, temperature=1e-4)
    assert not torch.equal(hot, sampled(1))
    assert torch.equal(cold, model.generate(prompt, 20, temperature=0).tokens)


def test_top_k_takes_the_likeliest() -> None:
    model = fresh("lfm2")
    prompt = tokens(model, 2, 3)
    likeliest = model(prompt)[:, -1].topk(3).indices
    seen = set()
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        made = model.generate(prompt, 1, top_k=3, generator=generator)
        new = made.tokens[:, -1:]
        assert (new == likeliest).any(dim=1).all()
        seen.add(int(new[0]))
    assert len(seen) == 3


def test_one_token_prompts_and_nothing_new() -> None:
    model = fresh("parallel")
    prompt = tokens(model, 2, 1)
    assert model.generate(prompt, 3).tokens.shape == (2, 4)
    assert torch.equal(model.generate(prompt, 0).tokens, prompt)


@pytest.mark.parametrize("name", TEXTS)
def test_what_does_not_fit_the_cache_is_an_error(name: str) -> None:
    model = fresh(name)
    cache = model.new_cache(1, 5)
    given = tokens(model, 1, 5)
    with torch.no_grad():
        expected = model(given)
        model(given[:, :4], cache)
        with pytest.raises(ValueError, match=r"4 \+ 2 tokens .* cache of 5.*new_cache"):
            model(given[:, :2], cache)
        last = model(given[:, 4:], cache)  # the refused tokens left nothing behind
    assert torch.allclose(last, expected[:, 4:], atol=1e-5)


@pytest.mark.parametrize("name", TEXTS)
def test_new_cache(name: str) -> None:
    model = fresh(name)
    one, two = model.new_cache(1, 32), model.new_cache(2, 32)
    half = model.new_cache(1, 32, device="cpu", dtype=torch.bfloat16)
    assert one.nbytes <= two.nbytes <= 2 * one.nbytes
    for cache, size in (one, 4), (half, 2):  # recurrences keep float32 all the same
        assert cache.nbytes == costs(emitted(name).ir, 32, size).total.cache_bytes
    far = model.new_cache(2, 32, device=torch.device("meta"))
    assert far.nbytes == two.nbytes


@pytest.mark.parametrize("name", sampled(SMALL, list(SMALL)[::4]))
def test_a_cuda_graph_gives_the_same_tokens(name: str) -> None:
    """Longer than the windows; what it works on stays where it is."""
    model, module = fresh(name).double(), emitted(name).module
    if not hasattr(module, "DecodeGraph"):
        # the work for a token depends on its place, or nothing is kept of it
        work = {"long_conv", "grouped_linear"} & {*vars(module)}
        assert work or not model.new_cache(1, 1).nbytes
        return
    prompt = tokens(model, 2, 5)
    expected = model.generate(prompt, 24, temperature=0).tokens

    def sample(*given: object) -> torch.Tensor:
        found: torch.Tensor = on_device(*given).as_subclass(cuda_graphs.OnGpu)
        return found

    on_device = module.sample
    with (
        cuda_graphs.without_gpu() as graphs,
        mock.patch.object(module, "sample", sample),
    ):
        found = model.generate(prompt, 24, temperature=0).tokens
    assert graphs.replays == 22  # of 23 tokens; the first of them warms up
    assert torch.equal(found, expected)
