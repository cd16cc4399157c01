"""The folder with its modeling file, as transformers loads and runs it, against the
emitted model."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, DynamicCache

from starc.export.remote import tensor_name
from tests.export.folders import ALL, RANDOM, exported, ids, loaded
from tests.sampled import sampled

EVERY = sampled((*ALL, *RANDOM), ("star", "parallel"))
FEW = sampled(ALL, ("parallel",))
GREEDY: dict[str, Any] = {"do_sample": False, "pad_token_id": 0, "max_new_tokens": 5}


def close(found: Tensor, expected: Tensor, most: float = 1e-10) -> None:
    error = (found - expected).abs().max() / expected.abs().max()
    assert error <= most, float(error)


def mask_of(x: Tensor, pads: int) -> Tensor:
    mask = torch.ones_like(x)
    mask[0, :pads] = 0
    return mask


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
def test_logits_are_those_of_the_emitted_file(name: str) -> None:
    """At once, in pieces with the cache that comes back, and padded on the left."""
    _, emitted = exported(name, torch.float64)
    model = loaded(name, torch.float64)
    x = ids(model, 2, 9)
    expected = emitted(x)
    close(model(x).logits, expected)
    mask = mask_of(x, 3)
    alone = emitted(x[:1, 3:])
    for real, pieces in ((torch.ones_like(x), (4, 5, 6, 9)), (mask, (2, 6, 7, 8, 9))):
        cache, start, found = None, 0, []
        for stop in pieces:
            part = model(
                x[:, start:stop],
                attention_mask=real[:, :stop],
                cache=cache,
                use_cache=True,
            )
            cache, start = part.cache, stop
            found.append(part.logits)
        whole = torch.cat(found, 1)
        close(whole[1], expected[1])
        close(whole[0, 3:], alone[0] if real is mask else expected[0, 3:])
        if cache is not None and cache.layers:
            assert len(cache) == model.config.num_hidden_layers
            assert cache.get_seq_length() == 9


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_generate(name: str) -> None:
    _, emitted = exported(name)
    model = loaded(name)
    x = ids(model, 2, 7)
    expected = torch.cat((x, _greedy(emitted, x, 5)), 1)
    assert torch.equal(model.generate(x, **GREEDY), expected)
    assert torch.equal(model.generate(x, **GREEDY, use_cache=False), expected)
    assert torch.equal(model.generate(x, **GREEDY, prefill_chunk_size=3), expected)
    assert model.generate(x, **GREEDY | {"do_sample": True}).shape == (2, 12)
    half = GREEDY | {"max_new_tokens": 2, "return_dict_in_generate": True}
    first = model.generate(x, **half)
    more = GREEDY | {"max_new_tokens": 3, "cache": first.cache}
    assert torch.equal(model.generate(first.sequences, **more), expected)


def _greedy(emitted: Any, x: Tensor, tokens: int) -> Tensor:
    found = x
    for _ in range(tokens):
        found = torch.cat((found, emitted(found)[:, -1:].argmax(-1)), 1)
    return found[:, x.shape[1] :]


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    """Generating in batches padded on the left, beams too."""
    model = loaded(name)
    x = ids(model, 2, 7)
    for beams in (1, 3):
        how = GREEDY | {"num_beams": beams}
        together = model.generate(x, attention_mask=mask_of(x, 3), **how)
        assert torch.equal(together[0, 3:], model.generate(x[:1, 3:], **how)[0])
        assert torch.equal(together[1], model.generate(x[1:], **how)[0])


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_beams_reorder_the_states(name: str) -> None:
    model = loaded(name)
    x = ids(model, 2, 5)
    how = GREEDY | {"num_beams": 3}
    found, expected = (model.generate(x, **how, use_cache=c) for c in (True, False))
    assert torch.equal(found, expected)


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_padding_on_the_right_leaves_the_states_alone(name: str) -> None:
    _, emitted = exported(name, torch.float64)
    model = loaded(name, torch.float64)
    x, more = ids(model, 2, 6), ids(model, 2, 1, seed=1)
    mask = torch.ones_like(x)
    mask[0, 4:] = 0
    first = model(x, attention_mask=mask, use_cache=True)
    close(first.logits[0, :4], emitted(x[:1, :4])[0])
    copied = copy.deepcopy(first.cache)
    mask = torch.cat((mask, torch.ones_like(more)), 1)
    expected = emitted(torch.cat((x[:1, :4], more[:1]), 1))[0, -1]
    for cache in (first.cache, copied):
        found = model(more, attention_mask=mask, cache=cache)
        close(found.logits[0, -1], expected)


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_packed_sequences(name: str) -> None:
    """By borders, and by positions that begin again, in a row and in several."""
    _, emitted = exported(name, torch.float64)
    model = loaded(name, torch.float64)
    x = ids(model, 4, 6)
    expected = emitted(x)
    borders = torch.arange(0, 25, 6, dtype=torch.int32)
    found = model(x.view(1, 24), cu_seq_lens_q=borders).logits
    close(found.view(4, 6, -1), expected)
    for rows in (1, 2):
        places = torch.arange(6).repeat(4).view(rows, -1)
        found = model(x.view(rows, -1), position_ids=places).logits
        close(found.view(4, 6, -1), expected)


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_arguments(name: str) -> None:
    _, emitted = exported(name, torch.float64)
    model = loaded(name, torch.float64)
    x = ids(model, 2, 6)
    expected = emitted(x)
    embedded = model.get_input_embeddings()(x)
    if hasattr(model.model, "layer_embeddings"):
        with pytest.raises(ValueError, match="layers have embeddings of their own"):
            model(inputs_embeds=embedded)
    else:
        close(model(inputs_embeds=embedded).logits, expected)
    close(model(x, logits_to_keep=2).logits, expected[:, -2:])
    cache = DynamicCache(config=model.config)
    model(x[:, :4], cache=cache)
    close(model(x[:, 4:], cache=cache).logits, expected[:, 4:])
    close(model(x, return_dict=False)[0], expected)
    loss = model(x, labels=x).loss
    flat = expected[:, :-1].flatten(0, 1)
    close(loss, torch.nn.functional.cross_entropy(flat, x[:, 1:].flatten()), 1e-6)
    with pytest.raises(ValueError, match="give input_ids"):
        model()
    if not model._is_stateful:  # each token is computed alone
        return
    with pytest.raises(ValueError, match="cannot go back"):
        cache.crop(-1)
    with pytest.raises(ValueError, match="cache: of 2 rows"):
        model(x[:1], cache=cache)
    with pytest.raises(ValueError, match="cu_seq_lens_q"):
        model(x[:1], cu_seq_lens_q=torch.tensor([0, 4]))
    with pytest.raises(ValueError, match="attention_mask"):
        model(x, attention_mask=torch.ones(2, 1, 6, 6))


@pytest.mark.parametrize("name", FEW)
def test_saved_and_loaded_again(name: str, tmp_path: Path) -> None:
    model = loaded(name)
    x = ids(model, 1, 5)
    model.save_pretrained(tmp_path / "again")
    again = AutoModelForCausalLM.from_pretrained(
        tmp_path / "again", trust_remote_code=True
    )
    weights = again.state_dict()
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weights[n], w) for n, w in model.state_dict().items())
    # not all bits: products may round otherwise where the file lies in memory
    close(again.eval()(x).logits, model(x).logits, 1e-5)
    base = AutoModel.from_pretrained(exported(name)[0], trust_remote_code=True)
    assert base.eval()(x).last_hidden_state.shape == (1, 5, model.config.hidden_size)


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_16_bits_leave_decays_alone(name: str) -> None:
    """And the answer is about as exact as the emitted file's in 16 bits."""
    folder, emitted = exported(name)
    x = ids(loaded(name), 8, 5)
    rounded = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=True, dtype=torch.bfloat16
    ).eval()
    kinds = {n.split(".")[-1]: p.dtype for n, p in rounded.named_parameters()}
    kept = {"a_log", "dt_bias", "decay", "i_bias", "f_bias"} & kinds.keys()
    assert all(kinds[n] == torch.float32 for n in kept)
    assert kinds["weight"] == torch.bfloat16
    exact = emitted(x)
    peer = copy.deepcopy(emitted).bfloat16()(x).float()
    assert beside(rounded(x).logits.float(), exact) <= 1.5 * beside(peer, exact)
    rounded.generate(x, **GREEDY)


def beside(found: Tensor, exact: Tensor) -> float:
    """The relative difference of a token in the middle of all: some stand at a kink,
    where rounding changes everything."""
    return float(((found - exact).norm(dim=-1) / exact.norm(dim=-1)).median())


@pytest.mark.parametrize("name", FEW)
def test_gradient_checkpointing_changes_no_gradient(name: str) -> None:
    found = []
    for checkpointed in (True, False):
        model = loaded(name, torch.float64).train()
        if checkpointed:
            model.gradient_checkpointing_enable()
        x = ids(model, 2, 6)
        model(x, labels=x).loss.backward()
        found.append({n: p.grad for n, p in model.named_parameters()})
    for key, gradient in found[1].items():
        if gradient is not None:
            torch.testing.assert_close(found[0][key], gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", FEW)
def test_new_models_are_drawn_as_the_emitted_file_does(name: str) -> None:
    folder, emitted = exported(name)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=True)
    emitted = copy.deepcopy(emitted)
    emitted.reset_parameters()
    drawn = model.state_dict()
    for key, expected in emitted.state_dict().items():
        found = drawn[tensor_name(key)]
        assert found.shape == expected.shape
        if found.numel() > 500:  # of fewer numbers it says nothing
            spread = [float(t.double().std()) for t in (found, expected)]
            assert spread[0] == pytest.approx(spread[1], rel=0.2), key
