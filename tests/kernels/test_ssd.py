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

ssd = function_of(__file__)
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
    (batch, length, heads, width), (groups, size) = x.shape, b.shape[2:]
    h = x.new_zeros(batch, heads, width, size) if state is None else state
    ys = []
    for t in range(length):
        bt = b[:, t].repeat_interleave(heads // groups, 1)[:, :, None, :]
        ct = c[:, t].repeat_interleave(heads // groups, 1)[:, :, None, :]
        xt, step = x[:, t, :, :, None], dt[:, t, :, None, None]
        h = torch.exp(-torch.exp(a_log)[:, None, None] * step) * h + step * xt * bt
        ys.append((h * ct).sum(3) + skip[:, None] * x[:, t])
    return torch.stack(ys, 1), h


def inputs(
    length: int,
    size: int = 6,
    dtype: torch.dtype = torch.float64,
    state: bool = True,
    groups: int = 2,
    heads: int = 4,
    width: int = 3,
    batch: int = 2,
) -> Any:
    torch.manual_seed(length * 100 + size)
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    dt = torch.rand(batch, length, heads, dtype=torch.float64) * 0.2
    return [
        randn(batch, length, heads, width, dtype=dtype),
        dt.to(dtype),
        torch.linspace(1.0, 16.0, heads).log().to(dtype),
        randn(batch, length, groups, size, dtype=dtype),
        randn(batch, length, groups, size, dtype=dtype),
        randn(heads, dtype=dtype),
        randn(batch, heads, width, size, dtype=wide) if state else None,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(ssd, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("size", [16, 64, 128])
def test_sizes_and_groups(size: int, groups: int) -> None:
    """Both chunk lengths (size 64 and 128), one group, some, and one a head."""
    for length in (1, 100):
        args = inputs(length, size, torch.float32, groups=groups, width=8)
        # the gradient of a_log sums over all tokens and 128 x 8 states
        agree(ssd, twin, args, 1e-6, 3e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, 4, dtype, state)
            agree(ssd, twin, args, BOUND[dtype])
            y, last = ssd(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_strong_and_absent_decay() -> None:
    """dt A from -1e4 (exp gives 0) to 0 (exp gives 1), within a chunk and for all."""
    args = inputs(100, dtype=torch.float32)
    args[1][:, ::3], args[1][:, 1::3] = 1e3, 0.0
    agree(ssd, twin, args, 1e-6)
    args[1][:] = 0.0
    agree(ssd, twin, args, 1e-6)
    args[1][:] = 30.0  # a sum of 64 of them times 16 is far outside exp's range
    agree(ssd, twin, args, 1e-6)


def test_pieces() -> None:
    pieces_agree(ssd, inputs(7), TIMED, 6)
    pieces_agree(ssd, inputs(35, 2, width=2, batch=1), TIMED, 6)


def test_views() -> None:
    for length in (1, 9, 35):
        views_agree(ssd, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = [a.requires_grad_() for a in inputs(length, 2, width=2, batch=1)]
        assert torch.autograd.gradcheck(ssd, args)
    args = [a.requires_grad_() for a in inputs(70)]
    assert torch.autograd.gradcheck(ssd, args, fast_mode=True)


@pytest.mark.slow
def test_compile_export_autocast() -> None:
    compiles(ssd, inputs(6))
    compiles(ssd, inputs(40, state=False))
    exports(ssd, inputs(40, dtype=torch.float32))
    for length in (1, 40):
        autocasts(ssd, inputs(length), low=TIMED)


def test_packed_sequences() -> None:
    """Each sequence as by itself; empty ones keep their state, padding gives 0."""
    x, dt, a_log, b, c, skip, _ = inputs(40, batch=1, state=False)
    state = randn(4, 4, 3, 6)
    bounds = [0, 0, 1, 20, 36]
    y, last = ssd(x, dt, a_log, b, c, skip, state, cu_seqlens=torch.tensor(bounds))
    assert torch.equal(last[0], state[0]) and (y[:, 36:] == 0).all()
    for n in range(1, 4):
        some = slice(bounds[n], bounds[n + 1])
        parts = [x[:, some], dt[:, some], a_log, b[:, some], c[:, some], skip]
        want, h = ssd(*parts, state[n : n + 1])
        assert torch.equal(y[:, some], want) and torch.equal(last[n : n + 1], h)
    first, zero = ssd(x, dt, a_log, b, c, skip, cu_seqlens=torch.tensor([0, 0, 40]))
    assert torch.equal(first, ssd(x, dt, a_log, b, c, skip)[0]) and (zero[0] == 0).all()
