"""kernels/ssd.py in Triton against the twin of tests/kernels, in float64."""

import itertools

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
    some_but,
)

ssd = Kernel.of(__file__)
inputs, twin = ssd.inputs, ssd.twin


@pytest.mark.parametrize("length", sample(1, 2, 65))
def test_lengths(length: int) -> None:
    with poisoned():
        ssd.agrees(inputs(length, dtype=torch.float32))


@some
def test_long() -> None:
    ssd.agrees(inputs(1134, dtype=torch.float32, batch=1))


@pytest.mark.parametrize(
    ("size", "groups"),
    some_but([(16, 4), (64, 1)], itertools.product((16, 64, 128), (1, 2, 4))),
)
def test_sizes_and_groups(size: int, groups: int) -> None:
    """Every tile; heads of 40 channels (not a power of two) in one or more parts."""
    args = inputs(35, size, torch.float32, groups=groups, width=40, batch=1)
    with poisoned():
        ssd.agrees(args, 1e-6, 3e-6)  # a_log's gradient sums over everything


@some
def test_heads_wider_than_128() -> None:
    """As of mLSTM, which has a row more than its heads are wide."""
    ssd.agrees(inputs(18, 16, torch.float32, heads=1, groups=1, width=129, batch=1))


@pytest.mark.parametrize("size", [8, 128, pytest.param(256, marks=some)])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_low_precision(dtype: torch.dtype, size: int) -> None:
    if size == 256 and dtype != torch.bfloat16:
        pytest.skip("not served")
    for length, state in [(2, True), (67, False), *([(130, True)] if SLOW else [])]:
        args = inputs(length, size, dtype, state, 1, 2, width=32, batch=1)
        ssd.agrees(args)
        y, last = ssd(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


@some
def test_several_states_are_kept() -> None:
    """In bfloat16 one stands for 256 tokens, and all tiles walk from there."""
    for length, groups in [(330, 1), (520, 2)]:
        args = inputs(length, 16, torch.bfloat16, True, groups, 2, 16, batch=1)
        with poisoned():
            ssd.agrees(args)


def test_strong_and_absent_decay() -> None:
    """dt A from -1e4 (exp gives 0) to 0 (exp gives 1), within a chunk and for all."""
    args = inputs(35, dtype=torch.float32, heads=2, groups=1, batch=1)
    args[1][:, ::3], args[1][:, 1::3] = 1e3, 0.0
    ssd.agrees(args)
    args[1][:] = 0.0
    ssd.agrees(args)
    args[1][:] = 30.0  # gradients of the decays are 1e-13 of all others: no rounding
    ssd.agrees(args)


def test_state_stays_float32() -> None:
    """A slow decay over many chunks, bfloat16 inputs: sums are not rounded."""
    args = inputs(400, dtype=torch.bfloat16, batch=1, heads=2, groups=1)
    args[1] = torch.full_like(args[1], 1e-3, dtype=torch.float32)
    args[2] = torch.zeros(2)
    _, last = ssd(*args)
    close([last], [twin(*(a.double() for a in args))[1]], 4e-3)


def test_pieces() -> None:
    args = inputs(70, dtype=torch.float32, heads=2, groups=1, batch=1)
    splits = range(1, 70, 3) if SLOW else [33]
    ssd.pieces_agree(args, splits)


@pytest.mark.parametrize("length", [1, pytest.param(35, marks=some)])
def test_views(length: int) -> None:
    ssd.views_agree(inputs(length, dtype=torch.float32))


def test_packed() -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 35, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        total = sum(lengths) + padding
        for groups in (1, 4) if SLOW else (4,):
            args = inputs(
                total, dtype=torch.float32, state=False, groups=groups, batch=1
            )
            args[6] = torch.randn(len(lengths), 4, 3, 6)
            ssd.packed_agree(args, lengths, padding)


def test_one_token_is_in_place() -> None:
    for dtype, size in [(torch.float32, 6), (torch.bfloat16, 200)]:
        ssd.steps_in_place(inputs(1, size, dtype, width=70))


def test_unserved_cases_say_so_once() -> None:
    ssd.falls_back(inputs(2, 257, torch.float32, width=2), "257 states")


@by_interpreter
def test_bytes_moved() -> None:
    """Linear in the heads of a group as well.

    Odd numbers of heads, as programs then take all of a group, as with many tokens.
    """
    heads, width, states = 32, 64, 128

    def with_heads(length: int, heads: int) -> tuple[int, int]:
        x = torch.zeros(1, length, heads, width, dtype=torch.bfloat16)
        b = torch.zeros(1, length, 1, states, dtype=torch.bfloat16)
        dt, one = torch.zeros(1, length, heads), torch.zeros(heads)
        return of(ssd.public, x, dt, one, b, b.clone(), one.clone())

    def count(length: int) -> tuple[int, int]:
        one, three = with_heads(length, 1), with_heads(length, 3)
        more = [(b - a) * (heads - 1) // 2 for a, b in zip(one, three, strict=True)]
        return one[0] + more[0], one[1] + more[1]

    forward, backward = in_all(count)
    x = BATCH * LENGTH * heads * width * 2
    b, dt = BATCH * LENGTH * states * 2, BATCH * LENGTH * heads * 4
    assert forward <= 2 * (2 * x + 2 * b + dt)
    assert backward <= 3 * (3 * x + 4 * b + 2 * dt)
