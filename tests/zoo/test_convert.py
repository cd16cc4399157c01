"""How weights are moved: memory, types, and what is folded."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from starc.folders import Folder
from starc.source import Source
from starc.zoo import arrays
from starc.zoo.arrays import real, rounded
from starc.zoo.checkpoint import opened
from starc.zoo.convert import Conversion
from starc.zoo.reading import read
from starc.zoo.spelling import source

CONFIG = {
    "model_type": "llama",
    "vocab_size": 8192,
    "hidden_size": 512,
    "intermediate_size": 4096,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "tie_word_embeddings": True,
}


def held(run: Callable[[], object]) -> int:
    """Bytes that a call holds at most, above what was held before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most - before


def test_little_is_held_at_once(tmp_path: Path) -> None:
    """At most 1.2 times the largest tensor, both ways; in truth, a few blocks."""
    reading = read(CONFIG)
    conversion = Conversion(reading, Source("m.star", source(reading, "m")))
    theirs = {row.theirs: torch.zeros(row.shape) for row in conversion.rows}
    save_file(theirs, tmp_path / "model.safetensors")
    largest = 4 * 2 * 4096 * 512  # gate and up of a layer, in float32

    def forward() -> None:
        with opened(Folder(tmp_path)) as tensors:
            conversion.forward(tensors, tmp_path / "ours.safetensors")

    def backward() -> None:
        with opened(Folder(tmp_path), "ours.safetensors") as tensors:
            conversion.backward(tensors, tmp_path / "back.safetensors")

    for run in (forward, backward):
        assert held(run) < min(1.2 * largest, 4 * arrays.BLOCK)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types_stay(tmp_path: Path, dtype: torch.dtype) -> None:
    small = {**CONFIG, "vocab_size": 11, "hidden_size": 8, "intermediate_size": 8}
    reading = read({**small, "num_attention_heads": 2})
    conversion = Conversion(reading, Source("m.star", source(reading, "m")))
    theirs = {row.theirs: torch.randn(row.shape).to(dtype) for row in conversion.rows}
    save_file(theirs, tmp_path / "model.safetensors")
    with opened(Folder(tmp_path)) as tensors:
        conversion.forward(tensors, tmp_path / "ours.safetensors")
    ours = load_file(tmp_path / "ours.safetensors")
    assert {tensor.dtype for tensor in ours.values()} == {dtype}
    with opened(Folder(tmp_path), "ours.safetensors") as tensors:
        conversion.backward(tensors, tmp_path / "back.safetensors")
    back = load_file(tmp_path / "back.safetensors")
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)


def test_bfloat16_is_rounded_as_torch_does() -> None:
    numbers = torch.randn(10_000) * torch.logspace(-40, 38, 10_000)
    special = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan")])
    numbers = torch.cat([numbers, special])
    expected = numbers.bfloat16()
    found = rounded(numbers.numpy(), "BF16")
    bits = expected.view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(found[:-1], bits[:-1])
    assert np.array_equal(real(found, "BF16")[:-1], expected.float().numpy()[:-1])
    assert np.isnan(real(found, "BF16")[-1])
