from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import (
    BOUND,
    LENGTHS,
    agree,
    autocasts,
    compiles,
    exports,
    function_of,
    pieces_agree,
    randn,
    views_agree,
)

selective_scan = function_of(__file__)
TIMED = [0, 1, 3, 4]


def twin(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None = None,
) -> Any:
    (batch, length, dim), size = x.shape, b.shape[2]
    h = x.new_zeros(batch, dim, size) if state is None else state
    ys = []
    for t in range(length):
        step = dt[:, t, :, None]
        h = torch.exp(-torch.exp(a_log) * step) * h
        h = h + step * x[:, t, :, None] * b[:, t, None, :]
        ys.append((h * c[:, t, None, :]).sum(2) + skip * x[:, t])
    return torch.stack(ys, 1), h


def inputs(
    length: int,
    size: int = 4,
    dtype: torch.dtype = torch.float64,
    state: bool = True,
    dim: int = 5,
) -> Any:
    torch.manual_seed(length * 100 + size)
    batch = 2
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    return [
        randn(batch, length, dim, dtype=dtype),
        torch.rand(batch, length, dim, dtype=torch.float64).mul(0.2).to(dtype),
        torch.arange(1.0, size + 1).log().repeat(dim, 1).to(dtype),
        randn(batch, length, size, dtype=dtype),
        randn(batch, length, size, dtype=dtype),
        randn(dim, dtype=dtype),
        randn(batch, dim, size, dtype=wide) if state else None,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(selective_scan, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("size", [2, 3, 16, 64])
def test_sizes(size: int) -> None:
    for length in (1, 40):
        agree(selective_scan, twin, inputs(length, size, torch.float32), 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, 4, dtype, state)
            agree(selective_scan, twin, args, BOUND[dtype])
            y, last = selective_scan(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_strong_and_absent_decay() -> None:
    """dt A from -1e4 (exp gives 0) to 0 (exp gives 1)."""
    args = inputs(100, dtype=torch.float32)
    args[1][:, ::3], args[1][:, 1::3] = 1e4, 0.0
    agree(selective_scan, twin, args, 1e-6)
    args[1][:] = 0.0
    agree(selective_scan, twin, args, 1e-6)


def test_pieces() -> None:
    pieces_agree(selective_scan, inputs(7), TIMED, 6)
    pieces_agree(selective_scan, inputs(35, 2, dim=2), TIMED, 6)


def test_packed() -> None:
    """Sequences one after the other, some empty, and padding."""
    args = inputs(20)
    state = randn(4, 5, 4)
    row = [a[:1] if n in TIMED else a for n, a in enumerate(args[:6])]
    cu_seqlens = torch.tensor([0, 0, 1, 9, 17])
    y, last = selective_scan(*row, state, cu_seqlens=cu_seqlens)
    assert not y[:, 17:].any() and torch.equal(last[0], state[0])
    for n, rows in enumerate([slice(0, 1), slice(1, 9), slice(9, 17)]):
        alone = [a[:, rows] if k in TIMED else a for k, a in enumerate(row)]
        want, end = selective_scan(*alone, state[n + 1 : n + 2])
        assert torch.equal(y[:, rows], want) and torch.equal(last[n + 1], end[0])
    assert selective_scan(*row, cu_seqlens=cu_seqlens)[1].shape == last.shape


def test_views() -> None:
    for length in (1, 9, 35):
        views_agree(selective_scan, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = [a.requires_grad_() for a in inputs(length, dim=3)]
        assert torch.autograd.gradcheck(selective_scan, args)
    args = [a.requires_grad_() for a in inputs(35)]
    assert torch.autograd.gradcheck(selective_scan, args, fast_mode=True)


@pytest.mark.slow
def test_compile_export_autocast() -> None:
    compiles(selective_scan, inputs(6))
    compiles(selective_scan, inputs(18, state=False))
    exports(selective_scan, inputs(18, dtype=torch.float32))
    for length in (1, 18):
        autocasts(selective_scan, inputs(length), low=TIMED)
