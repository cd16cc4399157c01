"""kernels/linear_attention.py in Triton against the twin of tests/kernels, float64."""

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

linear_attention = Kernel.of(__file__)
inputs, twin = linear_attention.inputs, linear_attention.twin


@pytest.mark.parametrize("length", sample(1, 2, 65))
def test_lengths(length: int) -> None:
    with poisoned():
        linear_attention.agrees(inputs(length, torch.float32))


@some
def test_long() -> None:
    linear_attention.agrees(inputs(1134, torch.float32))


@pytest.mark.parametrize(
    ("groups", "size"),
    some_but([(4, 16)], itertools.product((1, 2, 4), (16, 40, 64))),
)
def test_groups_and_sizes(groups: int, size: int) -> None:
    """Every tile; values of 40 channels (not a power of two) in parts."""
    for normalize in (False, True):
        args = inputs(35, torch.float32, normalize=normalize, groups=groups, size=size)
        args[2] = torch.randn(2, 35, groups, 40)
        args[3] = torch.randn(2, groups, size, 41).abs()
        with poisoned():
            linear_attention.agrees(args)


@pytest.mark.parametrize("size", some_but([8], [8, 64, 128]))
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_low_precision(dtype: torch.dtype, size: int) -> None:
    for length, state, normalize in [(2, True, False), (67, False, True)]:
        args = inputs(length, dtype, state, normalize, size=size)
        linear_attention.agrees(args)
        y, last = linear_attention(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


@some
def test_several_states_are_kept() -> None:
    """In bfloat16 one stands for 256 tokens, and all tiles walk from there."""
    for length, normalize in [(330, True), (520, False)]:
        args = inputs(length, torch.bfloat16, True, normalize, size=16)
        with poisoned():
            linear_attention.agrees(args)


def test_zero_features() -> None:
    """A row of relu features can be all zeros: 0 / eps is 0, not NaN."""
    q, k, v, _, _ = inputs(20, torch.float32)
    for args in ((0 * q, k, v, None), (q, 0 * k, v, None)):
        assert (linear_attention(*args)[0] == 0).all()


def test_state_stays_float32() -> None:
    """Many chunks of bfloat16: sums are not rounded."""
    args = inputs(400, torch.bfloat16)
    _, last = linear_attention(*args)
    close([last], [twin(*(a.double() for a in args[:4]))[1]], 1e-6)


def test_pieces() -> None:
    args = inputs(67, torch.float32, groups=1, heads=2, size=2)
    splits = range(1, 67, 3) if SLOW else [33]
    linear_attention.pieces_agree(args, splits)


@pytest.mark.parametrize("length", [1, pytest.param(35, marks=some)])
def test_views(length: int) -> None:
    linear_attention.views_agree(inputs(length, torch.float32))


@pytest.mark.parametrize("normalize", [True, pytest.param(False, marks=some)])
def test_packed(normalize: bool) -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 70, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        args = inputs(sum(lengths) + padding, torch.float32, False, normalize)
        args[:3] = [a[:1] for a in args[:3]]
        args[3] = torch.randn(len(lengths), 2, 5, 4).abs()
        linear_attention.packed_agree(args, lengths, padding)


def test_one_token_is_in_place() -> None:
    for dtype, size in [(torch.float32, 60), (torch.bfloat16, 100)]:
        linear_attention.steps_in_place(
            inputs(1, dtype, normalize=size == 60, size=size)
        )


def test_unserved_cases_say_so_once() -> None:
    linear_attention.falls_back(inputs(2, torch.float32, size=129), "129 key channels")


@by_interpreter
@pytest.mark.parametrize("repeat", [1, 4])
def test_bytes_moved(repeat: int) -> None:
    """Of one key, normalized, with `repeat` query heads."""

    def count(length: int) -> tuple[int, int]:
        q = torch.zeros(1, length, repeat, 128, dtype=torch.bfloat16)
        k = torch.zeros(1, length, 1, 128, dtype=torch.bfloat16)
        return of(linear_attention.public, q, k, k.clone())

    forward, backward = in_all(count)
    q, k = (BATCH * LENGTH * heads * 128 * 2 for heads in (repeat, 1))
    assert forward <= 2 * (2 * q + 2 * k)
    assert backward <= 2 * (4 * q + 4 * k)
