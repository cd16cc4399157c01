"""kernels/short_conv.py in Triton against the twin of tests/kernels, in float64."""

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

module = kernels("short_conv")
plain = beside("test_short_conv")
inputs, twin = plain.inputs, plain.twin
short_conv = on_device(module.short_conv, state=3)
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")


def packed(x, weight, bias, state, act, cu_seqlens):
    out = module.short_conv(
        *(a if a is None else a.to(DEVICE) for a in (x, weight, bias, state)),
        act,
        cu_seqlens=cu_seqlens,
    )
    return tuple(o.cpu() for o in out)


def lengths(sample):
    return [n if n in sample else pytest.param(n, marks=some) for n in LENGTHS]


@pytest.mark.parametrize("length", lengths([1, 2, 3, 17, 65]))
def test_lengths(length: int) -> None:
    with poisoned():
        agree(short_conv, twin, inputs(length, dtype=torch.float32), 1e-6)


@some
@pytest.mark.parametrize("width", [3, 7])
def test_long(width: int) -> None:
    agree(short_conv, twin, inputs(1134, width, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("width", [2, 4, pytest.param(5, marks=some), 7, 8, 16])
@pytest.mark.parametrize("act", [None, "silu"])
def test_widths_and_short_inputs(width: int, act: str | None) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    longer = {1, width - 2, width - 1, width, width + 1, 40} if SLOW else {width - 2}
    for length in sorted({2, width + 2, *longer} - {0}):
        args = inputs(length, width, torch.float32, act=act)
        with poisoned():
            agree(short_conv, twin, args, 1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_options(dtype: torch.dtype) -> None:
    for bias, state, act in [
        (0, 0, None),
        (1, 0, "silu"),
        (0, 1, None),
        (1, 1, "silu"),
    ]:
        for length in (1, 19):
            args = inputs(length, 4, dtype, bool(bias), bool(state), act)
            agree(short_conv, twin, args, BOUND[dtype])
            y, last = short_conv(*args)
            assert y.dtype == last.dtype == dtype


def test_wide_rows() -> None:
    """Channels over more than one tile, and not a multiple of eight."""
    torch.manual_seed(0)
    args = [torch.randn(2, 6, 500), torch.randn(500, 4), None, torch.randn(2, 3, 500)]
    args.append("silu")
    agree(short_conv, twin, args, 1e-6)


def test_pieces() -> None:
    for width in (2, 3, 7):
        args = inputs(9, width, torch.float32)
        splits = None if SLOW else [1, 5, 8]
        pieces_agree(short_conv, args, timed=[0], state=3, splits=splits)


@pytest.mark.parametrize("length", [1, 9])
def test_views(length: int) -> None:
    for act in (None, "silu"):
        args = inputs(length, dtype=torch.float32, act=act)
        views_agree(module.short_conv, args, timed=[0, 3])


@pytest.mark.parametrize("width", [3, pytest.param(16, marks=some)])
def test_packed(width: int) -> None:
    """Empty, one-token and short sequences, borders in a chunk, padding at the end."""
    for lengths, padding in [((5, 0, 1, 21, 1, 0), 6), ((0, 0, 2), 0), ((16, 16), 35)]:
        for act in (None, "silu"):
            args = inputs(sum(lengths) + padding, width, torch.float32, act=act)
            args[0] = args[0][:1]
            args[3] = torch.randn(len(lengths), width - 1, 5)
            with poisoned():
                packed_agree(packed, args, [0], 3, lengths, padding)


def test_one_token_is_in_place() -> None:
    torch.manual_seed(0)
    x, weight, bias, state, act = (
        a.to(DEVICE) if isinstance(a, torch.Tensor) else a
        for a in inputs(1, 4, torch.float32)
    )
    with torch.no_grad():
        old = state.clone()
        y, new = module.short_conv(x, weight, bias, state, act)
        assert new is state
        want = twin(*(a.double() for a in (x, weight, bias, old)), act)
        close((y, new), want, 1e-6)
        wide = old[:, :1].expand(-1, 3, -1)  # rows in the same memory: not in place
        kept = wide.clone()
        y, new = module.short_conv(x, weight, bias, wide, act)
        assert new is not wide and torch.equal(wide, kept)


def test_unserved_cases_say_so_once() -> None:
    args = [a.to(DEVICE) for a in inputs(4, 17, torch.float32)[:2]]
    with pytest.warns(UserWarning, match="17 taps"):
        y, _ = module.short_conv(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.short_conv(*args)
    close([y], [twin(*(a.double() for a in args))[0]], 1e-6)
