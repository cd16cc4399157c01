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

linear_attention = function_of(__file__)
TIMED = [0, 1, 2]


def twin(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor | None = None, normalize: bool = True
) -> Any:
    (batch, length, heads, size), groups = q.shape, k.shape[2]
    if state is None:
        state = q.new_zeros(batch, groups, size, v.shape[3] + 1)
    s, z = state[..., :-1], state[..., -1]
    ys = []
    for t in range(length):
        s = s + k[:, t, :, :, None] * v[:, t, :, None, :]
        z = z + k[:, t]
        many = heads // groups
        up = (q[:, t, :, :, None] * s.repeat_interleave(many, 1)).sum(2)
        down = (q[:, t] * z.repeat_interleave(many, 1)).sum(2, keepdim=True)
        ys.append(up / (down + 1e-6) if normalize else up / size**0.5)
    return torch.stack(ys, 1), torch.cat([s, z[..., None]], 3)


def inputs(
    length: int,
    dtype: torch.dtype = torch.float64,
    state: bool = True,
    normalize: bool = True,
    groups: int = 2,
    heads: int = 4,
    size: int = 5,
) -> Any:
    torch.manual_seed(length)
    batch, width = 2, 3
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    return [
        randn(batch, length, heads, size).abs().add(0.1).to(dtype),
        randn(batch, length, groups, size).abs().add(0.1).to(dtype),
        randn(batch, length, groups, width, dtype=dtype),
        randn(batch, groups, size, width + 1).abs().to(wide) if state else None,
        normalize,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(linear_attention, twin, inputs(length, torch.float32), 1e-6)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_and_sizes(groups: int) -> None:
    for size in (2, 16, 64):
        for length in (1, 100):
            args = inputs(length, torch.float32, groups=groups, size=size)
            agree(linear_attention, twin, args, 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for state, normalize in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        if normalize and not state and length == 1:
            continue  # below: y is v, whatever q and k are
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, dtype, bool(state), bool(normalize))
            agree(linear_attention, twin, args, BOUND[dtype])
            y, last = linear_attention(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_signed_features_without_normalizer() -> None:
    q, k, v, state, _ = inputs(140, torch.float32)
    q, k = q * torch.randn_like(q).sign(), k * torch.randn_like(k).sign()
    agree(linear_attention, twin, [q, k, v, state, False], 1e-6)


def test_first_token_returns_its_value() -> None:
    q, k, v, _, _ = inputs(1, torch.float32)
    y, _ = linear_attention(q, k, v)
    torch.testing.assert_close(y, v.repeat_interleave(2, 2), rtol=1e-4, atol=0)


def test_zero_features() -> None:
    """A row of relu features can be all zeros: 0 / eps is 0, not NaN."""
    q, k, v, _, _ = inputs(20, torch.float32)
    y, _ = linear_attention(torch.zeros_like(q), k, v)
    assert (y == 0).all()
    y, _ = linear_attention(q, torch.zeros_like(k), v)
    assert (y == 0).all()


def test_pieces() -> None:
    pieces_agree(linear_attention, inputs(7), TIMED, 3)
    pieces_agree(linear_attention, inputs(67, groups=1, heads=2, size=2), TIMED, 3)


def test_views() -> None:
    for length in (1, 9, 70):
        views_agree(linear_attention, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        for normalize in (False, True):
            args = inputs(length, normalize=normalize, size=2)
            args = [a.requires_grad_() if isinstance(a, Tensor) else a for a in args]
            assert torch.autograd.gradcheck(linear_attention, args)


@pytest.mark.slow
def test_compile_export_autocast() -> None:
    compiles(linear_attention, inputs(6))
    compiles(linear_attention, inputs(70, state=False, normalize=False))
    exports(linear_attention, inputs(70, dtype=torch.float32))
    for length in (1, 70):
        autocasts(linear_attention, inputs(length), low=TIMED)


def test_packed_sequences() -> None:
    """Each sequence as by itself; empty ones keep their state, padding gives 0."""
    q, k, v, _, _ = (a[:1] if isinstance(a, Tensor) else a for a in inputs(40))
    state, bounds = randn(4, 2, 5, 4).abs(), [0, 0, 1, 20, 36]
    y, last = linear_attention(q, k, v, state, cu_seqlens=torch.tensor(bounds))
    assert torch.equal(last[0], state[0]) and (y[:, 36:] == 0).all()
    for n in range(1, 4):
        some = slice(bounds[n], bounds[n + 1])
        parts = [a[:, some] for a in (q, k, v)]
        want, s = linear_attention(*parts, state[n : n + 1])
        assert torch.equal(y[:, some], want) and torch.equal(last[n : n + 1], s)
