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
    load,
    pieces_agree,
    randn,
    views_agree,
)

gla = function_of(__file__)
TIMED = [0, 1, 2, 3]


def twin(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor | None = None
) -> Any:
    batch, length, heads, size = q.shape
    s = q.new_zeros(batch, heads, size, v.shape[3]) if state is None else state
    ys = []
    for t in range(length):
        s = torch.exp(log_decay[:, t])[..., None] * s
        s = s + k[:, t, :, :, None] * v[:, t, :, None, :]
        ys.append((q[:, t, :, :, None] * s).sum(2))
    return torch.stack(ys, 1), s


def inputs(
    length: int,
    size: int = 6,
    dtype: torch.dtype = torch.float64,
    state: bool = True,
    heads: int = 2,
    width: int = 3,
    batch: int = 2,
) -> Any:
    torch.manual_seed(length * 100 + size)
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    log = torch.rand(batch, length, heads, size, dtype=torch.float64)
    return [
        randn(batch, length, heads, size, dtype=dtype),
        randn(batch, length, heads, size, dtype=dtype),
        randn(batch, length, heads, width, dtype=dtype),
        (-0.3 * log).to(dtype),
        randn(batch, heads, size, width, dtype=wide) if state else None,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(gla, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_sizes(size: int) -> None:
    for length in (1, 100):
        args = inputs(length, size, torch.float32, width=8)
        agree(gla, twin, args, 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, 4, dtype, state)
            if length == 1 and not state:
                # without a state the only decay has nothing to act on
                y, _ = gla(*args)
                want, _ = twin(*(a.double() for a in args[:4]))
                assert ((y.double() - want).norm() / want.norm()) < BOUND[dtype]
                continue
            agree(gla, twin, args, BOUND[dtype])
            y, last = gla(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_strong_and_absent_decay() -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), in one chunk and for all:
    in a split at a fixed token exp(+1e4) would stand beside exp(-1e4)."""
    args = inputs(100, dtype=torch.float32)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    agree(gla, twin, args, 1e-6)
    args[3][:] = 0.0
    agree(gla, twin, args, 1e-6)
    args[3][:] = -30.0
    agree(gla, twin, args, 1e-6)
    args[3][..., ::2] = 0.0  # side by side in one head
    agree(gla, twin, args, 1e-6)


def test_equals_linear_attention_without_decay() -> None:
    q, k, v, log, state = inputs(40)
    linear_attention = load("linear_attention").linear_attention
    y, last = gla(q, k, v, torch.zeros_like(log), state)
    wide = torch.cat([state, torch.zeros_like(state[..., :1])], 3)
    want, kept = linear_attention(q, k, v, wide, normalize=False)
    torch.testing.assert_close(y, want * q.shape[3] ** 0.5)
    torch.testing.assert_close(last, kept[..., :-1])


def test_pieces() -> None:
    pieces_agree(gla, inputs(7), TIMED, 4)
    pieces_agree(gla, inputs(35, 2, width=2, batch=1), TIMED, 4)


def test_views() -> None:
    for length in (1, 9, 35):
        views_agree(gla, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = [a.requires_grad_() for a in inputs(length, 2, width=2, batch=1)]
        assert torch.autograd.gradcheck(gla, args)
    args = [a.requires_grad_() for a in inputs(35)]
    assert torch.autograd.gradcheck(gla, args, fast_mode=True)


@pytest.mark.slow
def test_compile_export_autocast() -> None:
    compiles(gla, inputs(6))
    compiles(gla, inputs(40, state=False))
    exports(gla, inputs(40, dtype=torch.float32))
    for length in (1, 40):
        autocasts(gla, inputs(length), low=TIMED)


def test_packed_sequences() -> None:
    """Each sequence as by itself; empty ones keep their state, padding gives 0."""
    q, k, v, log, _ = inputs(40, batch=1, state=False)
    state, bounds = randn(4, 2, 6, 3), [0, 0, 1, 20, 36]
    cu_seqlens = torch.tensor(bounds)
    y, last = gla(q, k, v, log, state, cu_seqlens=cu_seqlens)
    assert torch.equal(last[0], state[0]) and (y[:, 36:] == 0).all()
    for n in range(1, 4):
        some = slice(bounds[n], bounds[n + 1])
        parts = [a[:, some] for a in (q, k, v, log)]
        want, s = gla(*parts, state[n : n + 1])
        assert torch.equal(y[:, some], want) and torch.equal(last[n : n + 1], s)
