"""Packed sequences and padded rows are what each would be alone: every operator and
option, every form of sharing, every example."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
import torch

from starc.reference import random_weights
from tests.emitted.architectures import (
    ARCHITECTURES,
    hybrids,
    plain,
    sharing,
    streams,
)
from tests.emitted.helpers import emit
from tests.emitted.sequences import borders, check_packed, check_padded, work
from tests.emitted.small import EXAMPLES, SMALL, fresh, tokens
from tests.emitted.test_reference import SELDOM
from tests.reference.operators import TYPICAL
from tests.sampled import sampled

SHORT, LONG = (1, 0, 5, 2, 0, 0, 13, 1), (3, 0, 0, 70, 1, 2, 66, 1)
"""Tokens of the sequences; LONG: borders within a chunk of every kernel."""

PADDED = [
    ((0, 7, 2, 8), (9, 1, 1, 4, 1, 1)),
    ((0, 3, 0, 17), (3, 6, 1, 5, 1, 1)),
    ((4, 1, 2, 2), (1, 1, 1, 8, 1, 5)),
]
"""Pads of each row, and chunks: longer and shorter than the windows. One row says
nothing at all; in one batch every row has some, also in single tokens."""

PLAIN = plain()
EVERY = [*PLAIN, *sharing(), *hybrids(), *streams()]
SHRUNK = [name for name in SMALL if name in {path.stem for path in EXAMPLES}]


@lru_cache(maxsize=2)
def model_of(name: str, dtype: torch.dtype = torch.float64) -> Any:
    """With random weights, so that each of them matters."""
    emitted = emit(ARCHITECTURES[name])
    weights = random_weights(emitted.ir, torch.Generator().manual_seed(0))
    return emitted.model(weights, dtype)


def packed(name: str) -> None:
    check_packed(model_of(name), LONG if name in PLAIN else SHORT)


def padded(name: str) -> None:
    pads, chunks = PADDED[EVERY.index(name) % len(PADDED)]
    check_padded(model_of(name), torch.tensor(pads), chunks)


OFTEN = [name for name in EVERY if name not in SELDOM]
WAYS = sampled(
    [(way, name) for name in EVERY for way in (packed, padded)],
    [
        *((packed, name) for name in OFTEN),
        *((padded, name) for name in OFTEN if name not in PLAIN or name in TYPICAL),
    ],
)
"""What is real of padded rows is packed: an option that holds there holds here."""


@pytest.mark.parametrize(("way", "name"), WAYS)
def test_each_sequence_is_as_if_alone(way: Callable[[str], None], name: str) -> None:
    way(name)


@pytest.mark.slow
@pytest.mark.parametrize(("pads", "chunks"), PADDED)
@pytest.mark.parametrize("name", [*PLAIN, *hybrids()])
def test_every_padding(
    name: str, pads: tuple[int, ...], chunks: tuple[int, ...]
) -> None:
    for dtype in (torch.float64, torch.float32):
        check_padded(model_of(name, dtype), torch.tensor(pads), chunks)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PLAIN, *hybrids()])
def test_packed_in_float32(name: str) -> None:
    check_packed(model_of(name, torch.float32), SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHRUNK)
def test_examples_packed_in_float32(name: str) -> None:
    check_packed(fresh(name), SHORT)


@pytest.mark.parametrize("name", sampled(SHRUNK, SHRUNK[::3]))
def test_every_example(name: str) -> None:
    model = fresh(name).double()
    check_packed(model, SHORT)
    check_padded(model, torch.tensor(PADDED[0][0]), PADDED[0][1])


FEW = ("attention-sinks", "gated_conv", "long_conv")
SOME = sampled(PLAIN, FEW)


@pytest.mark.parametrize(
    "name", [*SOME, pytest.param("star_genome", marks=pytest.mark.slow)]
)
def test_hundreds_of_sequences(name: str) -> None:
    model = fresh(name).double() if name in SMALL else model_of(name)
    check_packed(model, (1, 2, 0, 1) * 50)


@pytest.mark.parametrize("lengths", [(3, 40, 0, 64, 1, 90, 58), (4,) * 24])
@pytest.mark.parametrize("name", SOME)
def test_packed_is_the_work_of_each_alone(name: str, lengths: tuple[int, ...]) -> None:
    """Nothing is computed across a border, nor again for each: products and passes."""
    model = model_of(name, torch.float32)
    given = tokens(model, 1, sum(lengths))
    parts = given.split(lengths, dim=1)
    alone = work(lambda: torch.cat([model(part) for part in parts], dim=1))
    packed = work(lambda: model(given, cu_seqlens=borders(lengths)))
    assert packed.flops <= alone.flops and packed.written < 1.2 * alone.written


@pytest.mark.parametrize("name", ["star_genome", "striped_mamba", "moe_hybrid"])
@torch.no_grad()
def test_what_stands_at_the_padding_is_never_read(name: str) -> None:
    """Not even where it is no number."""
    model = fresh(name)
    pad = model.config.vocab - 1
    rows, pads = tokens(model, 3, 9) % pad, torch.tensor([0, 4, 9])
    rows = rows.masked_fill(torch.arange(9) < pads[:, None], pad)
    expected = model(rows, model.new_cache(3, 9), pads=pads)[..., :pad]
    model.embedding.weight[pad] = float("nan")
    found = model(rows, model.new_cache(3, 9), pads=pads)[..., :pad]
    assert torch.equal(found, expected) and found.isfinite().all()
