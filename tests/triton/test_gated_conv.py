"""kernels/gated_conv.py in Triton against the twin of tests/kernels, in float64."""

from typing import Any

import pytest
import torch

from tests.kernels.kernel_checks import with_grads
from tests.triton.triton_checks import (
    NARROW,
    SLOW,
    Kernel,
    kernels,
    on_device,
    poisoned,
    sample,
    some,
    some_but,
)

gated_conv = Kernel.of(__file__)
inputs = gated_conv.inputs


@pytest.mark.parametrize("length", sample(1, 2, 3, 17, 65))
def test_lengths(length: int) -> None:
    with poisoned():
        gated_conv.agrees(inputs(length, dtype=torch.float32))


@some
@pytest.mark.parametrize("width", [3, 7])
def test_long(width: int) -> None:
    gated_conv.agrees(inputs(1134, width, dtype=torch.float32))


@pytest.mark.parametrize("width", some_but([2, 7, 16], [2, 4, 5, 7, 8, 16]))
@pytest.mark.parametrize("sigmoid", [False, True])
def test_widths_and_short_inputs(width: int, sigmoid: bool) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    longer = {1, width - 2, width - 1, width, width + 1, 40} if SLOW else {width - 2}
    for length in sorted({2, width + 2, *longer} - {0}):
        args = inputs(length, width, torch.float32, sigmoid=sigmoid)
        with poisoned():
            gated_conv.agrees(args)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_options(dtype: torch.dtype) -> None:
    every = [(0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 1, 1)]
    for bias, state, sigmoid in every if SLOW else every[:2]:
        for length in (1, 19):
            args = inputs(length, 3, dtype, bool(bias), bool(state), bool(sigmoid))
            gated_conv.agrees(args)
            y, last = gated_conv(*args)
            assert y.dtype == last.dtype == dtype


def test_wide_rows() -> None:
    """Channels over more than one tile, and not a multiple of eight."""
    torch.manual_seed(0)
    args: list[Any] = [torch.randn(2, 6, 500) for _ in "bcx"]
    args += [torch.randn(500, 3), None, torch.randn(2, 2, 500), False]
    gated_conv.agrees(args)


def test_pieces() -> None:
    for width in (2, 3, 7):
        args = inputs(9, width, torch.float32)
        splits = None if SLOW else [5]
        gated_conv.pieces_agree(args, splits)


@pytest.mark.parametrize("length", some_but([9], [1, 9]))
def test_views(length: int) -> None:
    for sigmoid in (False, True):
        args = inputs(length, dtype=torch.float32, sigmoid=sigmoid)
        gated_conv.views_agree(args, 5)


@pytest.mark.parametrize("width", [3, pytest.param(16, marks=some)])
def test_packed(width: int) -> None:
    """Empty, one-token and short sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 21, 1, 0), 6), ((0, 0, 2), 0), ((16, 16), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        for sigmoid in (False, True):
            args = inputs(sum(lengths) + padding, width, torch.float32, sigmoid=sigmoid)
            args[:3] = [a[:1] for a in args[:3]]
            args[5] = torch.randn(len(lengths), width - 1, 5)
            gated_conv.packed_agree(args, lengths, padding)


def test_fused() -> None:
    """One tensor of b, c, x: the same bits, and one gradient."""
    b, c, x, weight, bias, state, _ = inputs(18, dtype=torch.float32)

    def fused(*args: Any) -> Any:
        return gated_conv_fused(torch.cat(args[:3], -1), *args[3:])

    gated_conv_fused = on_device(kernels("gated_conv").gated_conv_fused, state=3)
    args = [b, c, x, weight, bias, state, True]
    outs, grads = with_grads(gated_conv.call, args)
    got_outs, got_grads = with_grads(fused, args)
    for got, want in zip(got_outs + got_grads, outs + grads, strict=True):
        assert got is not None and want is not None and torch.equal(got, want)


def test_one_token_is_in_place() -> None:
    gated_conv.steps_in_place(inputs(1, 4, torch.float32))


def test_unserved_cases_say_so_once() -> None:
    gated_conv.falls_back(inputs(4, 17, torch.float32), "17 taps")
