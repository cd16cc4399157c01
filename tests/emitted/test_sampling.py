"""What `generate` draws from, where it stops, and what it says of both."""

from itertools import product
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.emitted.cuda_graphs import OnGpu
from tests.emitted.small import TEXTS, emitted, fresh, tokens
from tests.sampled import sampled

NEW = 18


class Launches(TorchDispatchMode):
    """Counts what would be launched on a GPU, and how often the host asks for it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.syncs = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        self.syncs += operation is torch.ops.aten._local_scalar_dense.default
        self.count += not operation.is_view
        return operation(*given, **(named or {}))


def launches(run: Any) -> int:
    with Launches() as counted:
        run()
    return int(counted.count)


@pytest.mark.parametrize("rounded", [False, True])
def test_tokens_are_drawn_as_transformers_draws_them(rounded: bool) -> None:
    """Every combination, on logits with ties and without: the same probabilities."""
    transformers = pytest.importorskip("transformers")
    module = emitted("lfm2").module
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 61, (7, 12), generator=generator)
    for penalty, temperature, k, p, least in product(
        (1.0, 1.3, 0.7), (1.0, 0.4), (None, 9), (1.0, 0.9, 0), (0.0, 0.1, 1)
    ):
        logits = 3 * torch.randn(7, 61, generator=generator)
        logits = logits.round() if rounded else logits
        steps = transformers.LogitsProcessorList()
        steps.append(transformers.RepetitionPenaltyLogitsProcessor(penalty))
        steps.append(transformers.TemperatureLogitsWarper(temperature))
        if k is not None:
            steps.append(transformers.TopKLogitsWarper(k))
        steps.append(transformers.TopPLogitsWarper(float(p)))
        steps.append(transformers.MinPLogitsWarper(float(least)))
        expected = steps(rows, logits.clone()).softmax(dim=-1)
        how = module.Sampling(temperature, k, p, least, penalty)
        seen = module.tokens_of(rows, None, 61) if penalty != 1 else None
        with mock.patch.object(torch, "multinomial", lambda found, *_, **__: found):
            found = module.sample(logits, how, seen)
        torch.testing.assert_close(found, expected)


def test_what_a_row_has_is_less_likely_from_then_on() -> None:
    transformers = pytest.importorskip("transformers")
    model = fresh("lfm2").double()
    penalize = transformers.RepetitionPenaltyLogitsProcessor(1.5)
    rows = prompt = tokens(model, 3, 4)
    for _ in range(NEW):
        new = penalize(rows, model(rows)[:, -1].detach()).argmax(dim=-1, keepdim=True)
        rows = torch.cat((rows, new), dim=1)
    options = {"temperature": 0, "repetition_penalty": 1.5}
    found = model.generate(prompt, NEW, **options)
    assert torch.equal(found.tokens, rows)
    assert not torch.equal(found.tokens, model.generate(prompt, NEW, temperature=0)[0])


def ended(row: list[int], given: int, stops: tuple[int, ...]) -> int:
    """Where a row ends: behind the first of the stops that follows what was given."""
    places = [i for i, token in enumerate(row) if token in stops and i >= given]
    return min(places, default=len(row) - 1) + 1


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("name", ["lfm2", "mlp"])
def test_a_stopped_row_repeats_its_last_token(name: str, on_gpu: bool) -> None:
    model = fresh(name).double()
    prompt = tokens(model, 3, 5)
    free, lengths = model.generate(prompt, NEW, generator=seeded())
    assert lengths.tolist() == [5 + NEW] * 3
    asked: Tensor = prompt.as_subclass(OnGpu) if on_gpu else prompt
    one, two, three = int(free[0, 7]), int(free[1, 9]), int(free[2, 6])
    for stop in (one, [two], (one, two, three), ()):
        stops = (stop,) if isinstance(stop, int) else tuple(stop)
        ends = [ended(row, 5, stops) for row in free.tolist()]
        with Launches() as counted:
            found = model.generate(asked, NEW, stop=stop, generator=seeded())
        assert found.lengths.tolist() == ends
        assert found.tokens.shape == (3, max(ends))
        for row, end in enumerate(ends):
            assert torch.equal(found.tokens[row, :end], free[row, :end])
            assert (found.tokens[row, end:] == free[row, end - 1]).all()
        if on_gpu:  # one at the end, and one in eight tokens
            assert counted.syncs <= 1 + NEW // 8


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_nobody_is_left_to_wait_for() -> None:
    model = fresh("lfm2").double()
    prompt = tokens(model, 2, 3)
    first = model.generate(prompt, 1, temperature=0).tokens[:, -1].tolist()
    seen: list[Tensor] = []
    found = model.generate(prompt, 50, temperature=0, stop=first, stream=seen.append)
    assert found.tokens.shape == (2, 4) and len(seen) == 1
    assert found.lengths.tolist() == [4, 4]
    gone = model.generate(prompt[:0], 3, stop=1)
    assert gone.tokens.shape[0] == 0 and gone.lengths.tolist() == []


@pytest.mark.parametrize("name", ["lfm2", "long_conv"])
def test_tokens_come_one_by_one(name: str) -> None:
    model = fresh(name).double()
    prompt = tokens(model, 2, 4)
    called: list[Tensor] = []
    found = model.generate(prompt, 9, generator=seeded(), stream=called.append)
    assert torch.equal(torch.stack(called, dim=1), found.tokens[:, 4:])
    stream_tokens = emitted(name).module.stream_tokens
    steps = stream_tokens(model, prompt, 9, generator=seeded())
    with mock.patch.object(type(model), "hidden", side_effect=model.hidden) as computed:
        next(steps)
        assert computed.call_count == 1  # the others only where they are asked for
    assert torch.is_grad_enabled()
    rest = torch.stack(list(steps), dim=1)
    assert torch.equal(rest, found.tokens[:, 5:])


FEW = ("lfm2", "star", "parallel", "long_conv", "rg_lru")
ALL = sampled(TEXTS, FEW)


@pytest.mark.parametrize("name", ALL)
def test_padded_prompts_go_on_as_their_own(name: str) -> None:
    model = fresh(name).double()
    prompt = tokens(model, 4, 7)
    pads = torch.tensor([0, 3, 6, 1])
    options = {"temperature": 0, "repetition_penalty": 1.2}
    found = model.generate(prompt, 9, pads=pads, **options)
    for row, pad in enumerate(pads.tolist()):
        own = model.generate(prompt[row : row + 1, pad:], 9, **options)
        assert torch.equal(found.tokens[row, pad:], own.tokens[0])
    other = prompt.masked_fill(torch.arange(7) < pads[:, None], 5)
    again = model.generate(other, 9, pads=pads, **options)
    assert torch.equal(again.tokens[:, 7:], found.tokens[:, 7:])


@pytest.mark.parametrize("name", ["lfm2", "parallel", "long_conv"])
def test_what_is_not_asked_costs_nothing(name: str) -> None:
    """A token is a step of the model and what draws it: not one launch more."""
    model = fresh(name)
    prompt = tokens(model, 2, 4)

    @torch.no_grad()
    def plain(count: int) -> None:
        cache = model.new_cache(2, 4 + count)
        new = prompt
        for _ in range(count):
            logits = model(new, cache, last_only=new is prompt)[:, 0]
            new = logits.argmax(dim=-1, keepdim=True)

    def ours(count: int) -> None:
        model.generate(prompt, count, temperature=0)

    few, more = (launches(lambda n=n: plain(n)) for n in (2, 9))
    assert launches(lambda: ours(9)) - launches(lambda: ours(2)) == more - few
    assert launches(lambda: ours(2)) <= few + 2  # the rows joined, and their lengths
