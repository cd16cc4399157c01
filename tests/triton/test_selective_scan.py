"""kernels/selective_scan.py in Triton against the twin of tests/kernels, in float64."""

import warnings

import fast_scans  # noqa: F401
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

module = kernels("selective_scan")
plain = beside("test_selective_scan")
inputs, twin, TIMED = plain.inputs, plain.twin, plain.TIMED
selective_scan = on_device(module.selective_scan, state=6)
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")


def lengths(sample):
    rest = [n for n in LENGTHS if n not in sample]
    return [*sample, *(pytest.param(n, marks=some) for n in rest)]


@pytest.mark.parametrize("length", lengths([1, 2, 3, 17, 65]))
def test_lengths(length: int) -> None:
    with poisoned():
        agree(selective_scan, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("length", [600, pytest.param(1134, marks=some)])
def test_time_is_split(length: int) -> None:
    """Parts of 256 steps or more, and a last one that is shorter."""
    args = inputs(length, 2, torch.float32)
    if not SLOW:
        args = [a[:1] if n in (*TIMED, 6) else a for n, a in enumerate(args)]
    with poisoned():
        agree(selective_scan, twin, args, 2e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 16, pytest.param(32, marks=some), 64])
def test_sizes(size: int) -> None:
    for length in (1, 9):
        with poisoned():
            agree(selective_scan, twin, inputs(length, size, torch.float32), 1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_options(dtype: torch.dtype) -> None:
    for state in (False, True):
        for length in (1, 19):
            args = inputs(length, 4, dtype, state)
            agree(selective_scan, twin, args, BOUND[dtype])
            y, last = selective_scan(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_wide_rows() -> None:
    """Channels over more than one program, and not a multiple of eight."""
    torch.manual_seed(0)
    args = inputs(5, 16, torch.float32, dim=100)
    agree(selective_scan, twin, args, 1e-6)


def test_strong_and_absent_decay() -> None:
    """dt A from -1e4 (exp gives 0) to 0 (exp gives 1)."""
    args = inputs(40, dtype=torch.float32)
    args[1][:, ::3], args[1][:, 1::3] = 1e4, 0.0
    agree(selective_scan, twin, args, 1e-6)
    args[1][:] = 0.0
    agree(selective_scan, twin, args, 1e-6)


def test_pieces() -> None:
    args = inputs(35, 2, torch.float32)
    splits = None if SLOW else [1, 16, 34]
    pieces_agree(selective_scan, args, TIMED, 6, 2e-6, splits)


@pytest.mark.parametrize("length", [9, pytest.param(70, marks=some)])
def test_views(length: int) -> None:
    views_agree(module.selective_scan, inputs(length, dtype=torch.float32), TIMED)


def test_packed() -> None:
    """Empty, one-token and longer sequences, borders in a tile, padding at the end."""

    def packed(*args):
        there = [a if a is None else a.to(DEVICE) for a in args[:-1]]
        return tuple(
            o.cpu() for o in module.selective_scan(*there, cu_seqlens=args[-1])
        )

    for lengths, padding in [((5, 0, 1, 70, 1, 0), 18), ((0, 0, 2), 0), ((64, 16), 1)]:
        args = inputs(sum(lengths) + padding, 4, torch.float32)
        for n in TIMED:
            args[n] = args[n][:1]
        args[6] = torch.randn(len(lengths), 5, 4)
        with poisoned():
            packed_agree(packed, args, TIMED, 6, lengths, padding, 2e-6)


def test_one_token_is_in_place() -> None:
    args = [a.to(DEVICE) for a in inputs(1, 16, torch.float32)]
    old = args[6].clone()
    with torch.no_grad():
        y, last = module.selective_scan(*args)
        assert last is args[6]
        want = twin(*(a.double() for a in (*args[:6], old)))
        close((y, last), want, 1e-6)
        args[6] = old[:1].expand(2, -1, -1)  # rows in the same memory: not in place
        _, last = module.selective_scan(*args)
        assert last is not args[6] and torch.equal(args[6][1], old[0])


def test_unserved_cases_say_so_once() -> None:
    args = [a.to(DEVICE) for a in inputs(4, 65, torch.float32)]
    with pytest.warns(UserWarning, match="65 states"):
        y, _ = module.selective_scan(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.selective_scan(*args)
    close([y], [twin(*(a.double() for a in args))[0]], 1e-6)
