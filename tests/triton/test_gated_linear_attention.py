"""kernels/gated_linear_attention.py in Triton against its float64 twin."""

import warnings

import pytest
import torch
from kernel_checks import BOUND, LENGTHS, agree
from triton_checks import (
    DEVICE,
    SLOW,
    beside,
    close,
    kernels,
    on_device,
    packed_agree,
    pieces_agree,
    poisoned,
    views_agree,
)

module = kernels("gated_linear_attention")
plain = beside("test_gated_linear_attention")
inputs, twin = plain.inputs, plain.twin
gated_linear_attention = on_device(module.gated_linear_attention, state=4)
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")
TIMED = [0, 1, 2, 3]


def packed(q, k, v, log_decay, state, cu_seqlens):
    given = (q, k, v, log_decay, state)
    given = (a if a is None else a.to(DEVICE) for a in given)
    return tuple(
        o.cpu() for o in module.gated_linear_attention(*given, cu_seqlens=cu_seqlens)
    )


def lengths(sample):
    return [n if n in sample else pytest.param(n, marks=some) for n in LENGTHS]


@pytest.mark.parametrize("length", lengths([1, 2, 65, 130]))
def test_lengths(length: int) -> None:
    with poisoned():
        agree(gated_linear_attention, twin, inputs(length, dtype=torch.float32), 1e-6)


@some
def test_long() -> None:
    agree(
        gated_linear_attention, twin, inputs(1134, dtype=torch.float32, batch=1), 1e-6
    )


@pytest.mark.parametrize("size", [16, 40, pytest.param(128, marks=some)])
def test_sizes(size: int) -> None:
    """Every tile; values of 40 channels (not a power of two) in parts."""
    args = inputs(70, size, torch.float32, width=40, batch=1)
    with poisoned():
        agree(gated_linear_attention, twin, args, 1e-6)


@pytest.mark.parametrize("size", [8, 64, pytest.param(128, marks=some)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_low_precision(dtype: torch.dtype, size: int) -> None:
    for length, state in [(2, True), (67, False), *([(130, True)] if SLOW else [])]:
        args = inputs(length, size, dtype, state, 1, 32, batch=1)
        agree(gated_linear_attention, twin, args, BOUND[dtype])
        y, last = gated_linear_attention(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


def test_strong_and_absent_decay() -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), in one chunk and for all:
    in a split at a fixed token exp(+1e4) would stand beside exp(-1e4)."""
    args = inputs(70, dtype=torch.float32, heads=1, batch=1)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    agree(gated_linear_attention, twin, args, 1e-6)
    args[3][:] = 0.0
    agree(gated_linear_attention, twin, args, 1e-6)
    args[3][:] = -30.0  # gradients of the decays are 1e-13 of all others: no rounding
    agree(gated_linear_attention, twin, args, 1e-6)
    args[3][..., ::2] = 0.0  # side by side in one head
    agree(gated_linear_attention, twin, args, 1e-6)


def test_state_stays_float32() -> None:
    """A slow decay over many chunks, bfloat16 inputs: sums are not rounded."""
    args = inputs(400, dtype=torch.bfloat16, batch=1, heads=1)
    args[3] = torch.full_like(args[3], -1e-3, dtype=torch.float32)
    _, last = gated_linear_attention(*args)
    close([last], [twin(*(a.double() for a in args))[1]], 4e-3)


def test_pieces() -> None:
    args = inputs(70, dtype=torch.float32, heads=1, batch=1)
    splits = range(1, 70, 3) if SLOW else [1, 33, 64]
    pieces_agree(gated_linear_attention, args, TIMED, 4, splits=splits)


@pytest.mark.parametrize("length", [1, pytest.param(35, marks=some)])
def test_views(length: int) -> None:
    views_agree(
        module.gated_linear_attention, inputs(length, dtype=torch.float32), TIMED
    )


def test_packed() -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 70, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        total = sum(lengths) + padding
        args = inputs(total, dtype=torch.float32, state=False, batch=1)
        args[4] = torch.randn(len(lengths), 2, 6, 3)
        with poisoned():
            packed_agree(packed, args, TIMED, 4, lengths, padding)


def test_one_token_is_in_place() -> None:
    for dtype, size in [(torch.float32, 6), (torch.bfloat16, 100)]:
        args = [a.to(DEVICE) for a in inputs(1, size, dtype, width=70)]
        with torch.no_grad():
            want = twin(*(a.double() for a in args))
            y, last = module.gated_linear_attention(*args)
        assert last is args[4]
        close((y, last), want, BOUND[dtype])


def test_unserved_cases_say_so_once() -> None:
    args = [a.to(DEVICE) for a in inputs(2, 129, torch.float32, width=2)]
    with pytest.warns(UserWarning, match="129 key channels"):
        y, _ = module.gated_linear_attention(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.gated_linear_attention(*args)
    close([y], [twin(*(a.double() for a in args))[0]], 1e-6)
