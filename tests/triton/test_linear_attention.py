"""kernels/linear_attention.py in Triton against the twin of tests/kernels, float64."""

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

module = kernels("linear_attention")
plain = beside("test_linear_attention")
inputs, twin = plain.inputs, plain.twin
linear_attention = on_device(module.linear_attention, state=3)
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")
TIMED = [0, 1, 2]


def packed(q, k, v, state, normalize, cu_seqlens):
    given = (a if a is None else a.to(DEVICE) for a in (q, k, v, state))
    out = module.linear_attention(*given, normalize, cu_seqlens=cu_seqlens)
    return tuple(o.cpu() for o in out)


def lengths(sample):
    return [n if n in sample else pytest.param(n, marks=some) for n in LENGTHS]


@pytest.mark.parametrize("length", lengths([1, 2, 65, 130]))
def test_lengths(length: int) -> None:
    with poisoned():
        agree(linear_attention, twin, inputs(length, torch.float32), 1e-6)


@some
def test_long() -> None:
    agree(linear_attention, twin, inputs(1134, torch.float32), 1e-6)


@pytest.mark.parametrize("groups", [1, pytest.param(2, marks=some), 4])
@pytest.mark.parametrize("size", [16, 40, pytest.param(64, marks=some)])
def test_groups_and_sizes(groups: int, size: int) -> None:
    """Every tile; values of 40 channels (not a power of two) in parts."""
    for normalize in (False, True):
        args = inputs(35, torch.float32, normalize=normalize, groups=groups, size=size)
        args[2] = torch.randn(2, 35, groups, 40)
        args[3] = torch.randn(2, groups, size, 41).abs()
        with poisoned():
            agree(linear_attention, twin, args, 1e-6)


@pytest.mark.parametrize("size", [8, pytest.param(64, marks=some), 128])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_low_precision(dtype: torch.dtype, size: int) -> None:
    for length, state, normalize in [(2, True, False), (67, False, True)]:
        args = inputs(length, dtype, state, normalize, size=size)
        agree(linear_attention, twin, args, BOUND[dtype])
        y, last = linear_attention(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


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
    splits = range(1, 67, 3) if SLOW else [1, 33, 64]
    pieces_agree(linear_attention, args, TIMED, 3, splits=splits)


@pytest.mark.parametrize("length", [1, pytest.param(35, marks=some)])
def test_views(length: int) -> None:
    views_agree(module.linear_attention, inputs(length, torch.float32), TIMED)


@pytest.mark.parametrize("normalize", [True, pytest.param(False, marks=some)])
def test_packed(normalize: bool) -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    cases = [((5, 0, 1, 70, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        args = inputs(sum(lengths) + padding, torch.float32, False, normalize)
        args[:3] = [a[:1] for a in args[:3]]
        args[3] = torch.randn(len(lengths), 2, 5, 4).abs()

        def call(q, k, v, state, cu_seqlens):
            return packed(q, k, v, state, normalize, cu_seqlens)

        with poisoned():
            packed_agree(call, args[:4], TIMED, 3, lengths, padding)


def test_one_token_is_in_place() -> None:
    for dtype, size in [(torch.float32, 60), (torch.bfloat16, 100)]:
        normalize = size == 60
        args = [a.to(DEVICE) for a in inputs(1, dtype, size=size)[:4]]
        with torch.no_grad():
            want = twin(*(a.double() for a in args), normalize)
            y, last = module.linear_attention(*args, normalize)
        assert last is args[3]
        close((y, last), want, BOUND[dtype])


def test_unserved_cases_say_so_once() -> None:
    args = [a.to(DEVICE) for a in inputs(2, torch.float32, size=129)[:3]]
    with pytest.warns(UserWarning, match="129 key channels"):
        y, _ = module.linear_attention(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.linear_attention(*args)
    close([y], [twin(*(a.double() for a in args))[0]], 1e-6)
