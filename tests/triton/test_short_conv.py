"""kernels/short_conv.py in Triton against the twin of tests/kernels, in float64."""

from typing import Any

import pytest
import torch

from tests.triton.triton_checks import (
    NARROW,
    SLOW,
    Kernel,
    poisoned,
    sample,
    some,
    some_but,
)

short_conv = Kernel.of(__file__)
inputs = short_conv.inputs


@pytest.mark.parametrize("length", sample(1, 2, 3, 17, 65))
def test_lengths(length: int) -> None:
    with poisoned():
        short_conv.agrees(inputs(length, dtype=torch.float32))


@some
@pytest.mark.parametrize("width", [3, 7])
def test_long(width: int) -> None:
    short_conv.agrees(inputs(1134, width, dtype=torch.float32))


@pytest.mark.parametrize("width", some_but([2, 7, 16], [2, 4, 5, 7, 8, 16]))
@pytest.mark.parametrize("act", [None, "silu"])
def test_widths_and_short_inputs(width: int, act: str | None) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    longer = {1, width - 2, width - 1, width, width + 1, 40} if SLOW else {width - 2}
    for length in sorted({2, width + 2, *longer} - {0}):
        args = inputs(length, width, torch.float32, act=act)
        with poisoned():
            short_conv.agrees(args)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_options(dtype: torch.dtype) -> None:
    every = [(0, 0, None), (1, 1, "silu"), (1, 0, "silu"), (0, 1, None)]
    for bias, state, act in every if SLOW else every[:2]:
        for length in (1, 19):
            args = inputs(length, 4, dtype, bool(bias), bool(state), act)
            short_conv.agrees(args)
            y, last = short_conv(*args)
            assert y.dtype == last.dtype == dtype


def test_wide_rows() -> None:
    """Channels over more than one tile, and not a multiple of eight."""
    torch.manual_seed(0)
    args: list[Any]
    args = [torch.randn(2, 6, 500), torch.randn(500, 4), None, torch.randn(2, 3, 500)]
    args.append("silu")
    short_conv.agrees(args)


def test_pieces() -> None:
    for width in (2, 3, 7):
        args = inputs(9, width, torch.float32)
        splits = None if SLOW else [5]
        short_conv.pieces_agree(args, splits)


@pytest.mark.parametrize("length", some_but([9], [1, 9]))
def test_views(length: int) -> None:
    for act in (None, "silu"):
        args = inputs(length, dtype=torch.float32, act=act)
        short_conv.views_agree(args, 3)


@pytest.mark.parametrize("width", [3, pytest.param(16, marks=some)])
def test_packed(width: int) -> None:
    """Empty, one-token and short sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 21, 1, 0), 6), ((0, 0, 2), 0), ((16, 16), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        for act in (None, "silu"):
            args = inputs(sum(lengths) + padding, width, torch.float32, act=act)
            args[0] = args[0][:1]
            args[3] = torch.randn(len(lengths), width - 1, 5)
            short_conv.packed_agree(args, lengths, padding)


def test_one_token_is_in_place() -> None:
    short_conv.steps_in_place(inputs(1, 4, torch.float32))


def test_unserved_cases_say_so_once() -> None:
    short_conv.falls_back(inputs(4, 17, torch.float32), "17 taps")
