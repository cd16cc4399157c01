"""The kernel of gated linear attention in Triton against its float64 twin."""

import pytest
import torch

from tests.triton.bytes_moved import BATCH, LENGTH, by_interpreter, in_all, of
from tests.triton.triton_checks import (
    NARROW,
    SLOW,
    Kernel,
    close,
    poisoned,
    sample,
    some,
)

gla = Kernel.of(__file__)
inputs, twin = gla.inputs, gla.twin


@pytest.mark.parametrize("length", sample(1, 2, 65, 130))
def test_lengths(length: int) -> None:
    with poisoned():
        gla.agrees(inputs(length, dtype=torch.float32))


@some
def test_long() -> None:
    gla.agrees(inputs(1134, dtype=torch.float32, batch=1), 1e-6)


@pytest.mark.parametrize("size", [16, 40, pytest.param(128, marks=some)])
def test_sizes(size: int) -> None:
    """Every tile; values of 40 channels (not a power of two) in parts."""
    args = inputs(70, size, torch.float32, width=40, batch=1)
    with poisoned():
        gla.agrees(args)


@pytest.mark.parametrize("size", [8, 64, pytest.param(128, marks=some)])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_low_precision(dtype: torch.dtype, size: int) -> None:
    for length, state in [(2, True), (67, False), *([(130, True)] if SLOW else [])]:
        args = inputs(length, size, dtype, state, 1, 32, batch=1)
        gla.agrees(args)
        y, last = gla(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


@some
def test_several_states_are_kept() -> None:
    """In bfloat16 one stands for 256 tokens, and all tiles walk from there."""
    for length in (330, 520):
        args = inputs(length, 16, torch.bfloat16, True, 1, 16, batch=1)
        with poisoned():
            gla.agrees(args)


def test_strong_and_absent_decay() -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), in one chunk and for all:
    in a split at a fixed token exp(+1e4) would stand beside exp(-1e4)."""
    args = inputs(70, dtype=torch.float32, heads=1, batch=1)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    gla.agrees(args)
    args[3][:] = 0.0
    gla.agrees(args)
    args[3][:] = -30.0  # gradients of the decays are 1e-13 of all others: no rounding
    gla.agrees(args)
    args[3][..., ::2] = 0.0  # side by side in one head
    gla.agrees(args)


def test_state_stays_float32() -> None:
    """A slow decay over many chunks, bfloat16 inputs: sums are not rounded."""
    args = inputs(400, dtype=torch.bfloat16, batch=1, heads=1)
    args[3] = torch.full_like(args[3], -1e-3, dtype=torch.float32)
    _, last = gla(*args)
    close([last], [twin(*(a.double() for a in args))[1]], 4e-3)


def test_pieces() -> None:
    args = inputs(70, dtype=torch.float32, heads=1, batch=1)
    splits = range(1, 70, 3) if SLOW else [33]
    gla.pieces_agree(args, splits)


@pytest.mark.parametrize("length", [1, pytest.param(35, marks=some)])
def test_views(length: int) -> None:
    gla.views_agree(inputs(length, dtype=torch.float32))


def test_packed() -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 35, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        total = sum(lengths) + padding
        args = inputs(total, dtype=torch.float32, state=False, batch=1)
        args[4] = torch.randn(len(lengths), 2, 6, 3)
        gla.packed_agree(args, lengths, padding)


def test_one_token_is_in_place() -> None:
    for dtype, size in [(torch.float32, 6), (torch.bfloat16, 100)]:
        gla.steps_in_place(inputs(1, size, dtype, width=70))


def test_unserved_cases_say_so_once() -> None:
    gla.falls_back(inputs(2, 129, torch.float32, width=2), "129 key channels")


@by_interpreter
def test_bytes_moved() -> None:
    """Of one head, whose neighbours share nothing with it."""

    def count(length: int) -> tuple[int, int]:
        q = torch.zeros(1, length, 1, 128, dtype=torch.bfloat16)
        return of(gla.public, q, q.clone(), q.clone(), q.clone())

    forward, backward = in_all(count)
    q = BATCH * LENGTH * 128 * 2
    assert forward <= 2 * 5 * q
    assert backward <= 2 * 9 * q
