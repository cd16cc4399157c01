"""kernels/gated_conv.py in Triton against the twin of tests/kernels, in float64."""

import warnings

import pytest
import torch
from kernel_checks import BOUND, LENGTHS, agree, with_grads
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

module = kernels("gated_conv")
plain = beside("test_gated_conv")
inputs, twin = plain.inputs, plain.twin
gated_conv = on_device(module.gated_conv, state=5)
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")


def packed(b, c, x, weight, bias, state, sigmoid, cu_seqlens):
    out = module.gated_conv(
        *(a if a is None else a.to(DEVICE) for a in (b, c, x, weight, bias, state)),
        sigmoid,
        cu_seqlens=cu_seqlens,
    )
    return tuple(o.cpu() for o in out)


def lengths(sample):
    return [n if n in sample else pytest.param(n, marks=some) for n in LENGTHS]


@pytest.mark.parametrize("length", lengths([1, 2, 3, 17, 65]))
def test_lengths(length: int) -> None:
    with poisoned():
        agree(gated_conv, twin, inputs(length, dtype=torch.float32), 1e-6)


@some
@pytest.mark.parametrize("width", [3, 7])
def test_long(width: int) -> None:
    agree(gated_conv, twin, inputs(1134, width, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("width", [2, 4, pytest.param(5, marks=some), 7, 8, 16])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_widths_and_short_inputs(width: int, sigmoid: bool) -> None:
    """L < K - 1 too: the final state still holds rows of the old one."""
    longer = {1, width - 2, width - 1, width, width + 1, 40} if SLOW else {width - 2}
    for length in sorted({2, width + 2, *longer} - {0}):
        args = inputs(length, width, torch.float32, sigmoid=sigmoid)
        with poisoned():
            agree(gated_conv, twin, args, 1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_options(dtype: torch.dtype) -> None:
    for bias, state, sigmoid in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1), (1, 1, 1)]:
        for length in (1, 19):
            args = inputs(length, 3, dtype, bool(bias), bool(state), bool(sigmoid))
            agree(gated_conv, twin, args, BOUND[dtype])
            y, last = gated_conv(*args)
            assert y.dtype == last.dtype == dtype


def test_wide_rows() -> None:
    """Channels over more than one tile, and not a multiple of eight."""
    torch.manual_seed(0)
    args = [torch.randn(2, 6, 500) for _ in "bcx"]
    args += [torch.randn(500, 3), None, torch.randn(2, 2, 500), False]
    agree(gated_conv, twin, args, 1e-6)


def test_pieces() -> None:
    for width in (2, 3, 7):
        args = inputs(9, width, torch.float32)
        splits = None if SLOW else [1, 5, 8]
        pieces_agree(gated_conv, args, timed=[0, 1, 2], state=5, splits=splits)


@pytest.mark.parametrize("length", [1, 9])
def test_views(length: int) -> None:
    for sigmoid in (False, True):
        args = inputs(length, dtype=torch.float32, sigmoid=sigmoid)
        views_agree(module.gated_conv, args, timed=[0, 1, 2, 5])


@pytest.mark.parametrize("width", [3, pytest.param(16, marks=some)])
def test_packed(width: int) -> None:
    """Empty, one-token and short sequences, borders in a chunk, padding at the end."""
    for lengths, padding in [((5, 0, 1, 21, 1, 0), 6), ((0, 0, 2), 0), ((16, 16), 35)]:
        for sigmoid in (False, True):
            args = inputs(sum(lengths) + padding, width, torch.float32, sigmoid=sigmoid)
            args[:3] = [a[:1] for a in args[:3]]
            args[5] = torch.randn(len(lengths), width - 1, 5)
            with poisoned():
                packed_agree(packed, args, [0, 1, 2], 5, lengths, padding)


def test_fused() -> None:
    """One tensor of b, c, x: the same bits, and one gradient."""
    b, c, x, weight, bias, state, _ = inputs(18, dtype=torch.float32)

    def fused(*args):
        return gated_conv_fused(torch.cat(args[:3], -1), *args[3:])

    gated_conv_fused = on_device(module.gated_conv_fused, state=3)
    args = [b, c, x, weight, bias, state, True]
    outs, grads = with_grads(gated_conv, args)
    got_outs, got_grads = with_grads(fused, args)
    for got, want in zip(got_outs + got_grads, outs + grads, strict=True):
        assert torch.equal(got, want)


def test_one_token_is_in_place() -> None:
    torch.manual_seed(0)
    b, c, x, weight, bias, state, _ = (
        a.to(DEVICE) if isinstance(a, torch.Tensor) else a
        for a in inputs(1, 4, torch.float32)
    )
    with torch.no_grad():
        old = state.clone()
        y, new = module.gated_conv(b, c, x, weight, bias, state)
        assert new is state
        want = twin(*(a.double() for a in (b, c, x, weight, bias, old)))
        close((y, new), want, 1e-6)
        wide = old[:, :1].expand(-1, 3, -1)  # rows in the same memory: not in place
        kept = wide.clone()
        y, new = module.gated_conv(b, c, x, weight, bias, wide)
        assert new is not wide and torch.equal(wide, kept)


def test_unserved_cases_say_so_once() -> None:
    args = [a.to(DEVICE) for a in inputs(4, 17, torch.float32)[:4]]
    with pytest.warns(UserWarning, match="17 taps"):
        y, _ = module.gated_conv(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.gated_conv(*args)
    close([y], [twin(*(a.double() for a in args))[0]], 1e-6)
