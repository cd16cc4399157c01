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
    load,
    randn,
    relative,
    views_agree,
    with_grads,
)

kernel_file = load("long_conv")
long_conv, long_conv_cached = kernel_file.long_conv, kernel_file.long_conv_cached


def twin(u: Tensor, kernel: Tensor, history: Any = None) -> Any:
    past = u if history is None else torch.cat([history, u], 1)
    total = past.shape[1]
    lag = torch.arange(total)[:, None] - torch.arange(total)
    matrix = kernel[lag.clamp(min=0)] * (lag >= 0)[..., None]  # (T, T, D)
    return torch.einsum("tsd,bsd->btd", matrix, past)[:, total - u.shape[1] :]


def inputs(
    length: int, history: int = 0, dtype: torch.dtype = torch.float64, spare: int = 3
) -> Any:
    torch.manual_seed(length * 100 + history)
    batch, dim = 2, 5
    total = length + history + spare
    # taps that fade, as Hyena's window makes them
    fade = torch.exp(-torch.arange(total, dtype=torch.float64) / 50)[:, None]
    return [
        randn(batch, length, dim, dtype=dtype),
        (randn(total, dim) * fade).to(dtype),
        randn(batch, history, dim, dtype=dtype) if history else None,
    ]


@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(length: int) -> None:
    agree(long_conv, twin, inputs(length, dtype=torch.float32), 1e-6)


@pytest.mark.parametrize("history", [1, 2, 63, 64, 130])
def test_history(history: int) -> None:
    for length in (1, 2, 5, 64):
        agree(long_conv, twin, inputs(length, history, torch.float32), 1e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_dtypes(length: int) -> None:
    for history in (0, 9):
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            args = inputs(length, history, dtype)
            agree(long_conv, twin, args, BOUND[dtype])
            assert long_conv(*args).dtype == dtype


def test_pieces() -> None:
    """The inputs so far, handed over as history: every split, values and gradients."""
    u, kernel, _ = inputs(9)
    whole_outs, whole_grads = with_grads(long_conv, [u, kernel])
    for split in range(1, 9):

        def pieces(u: Tensor, kernel: Tensor, split: Any = split) -> Any:
            first, second = u[:, :split], u[:, split:]
            return torch.cat(
                [long_conv(first, kernel), long_conv(second, kernel, first)], 1
            )

        outs, grads = with_grads(pieces, [u, kernel])
        for got, want in zip(outs + grads, whole_outs + whole_grads, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-10)


def test_causal_to_the_bit_of_rounding() -> None:
    """An FFT mixes all positions: a huge future value leaks its rounding, no more."""
    u, kernel, _ = inputs(40)
    other = u.clone()
    other[:, 20:] += 1
    y, z = long_conv(u, kernel), long_conv(other, kernel)
    torch.testing.assert_close(y[:, :20], z[:, :20], rtol=0, atol=1e-13)


def test_views() -> None:
    for length in (1, 9):
        views_agree(long_conv, inputs(length, 6), timed=[0, 2])


def test_gradcheck() -> None:
    for length in (1, 2, 6):
        args = [a.requires_grad_() for a in inputs(length, 4)]
        assert torch.autograd.gradcheck(long_conv, args)


def test_compile_export_autocast() -> None:
    compiles(long_conv, inputs(6, 4))
    compiles(long_conv, inputs(6))
    exports(long_conv, inputs(6, dtype=torch.float32))
    for length in (1, 6):
        autocasts(long_conv, inputs(length, 4), low=[0, 2])


PIECES = {
    "tokens": [1] * 150,
    "a prompt, then tokens": [64] + [1] * 86,
    "a prompt that is no power of two": [37] + [1] * 113,
    "prompts between tokens": [7, *[1] * 50, 3, *[1] * 20, 30, *[1] * 40],
    "all kinds": [1, 2, 3, 1, 1, 16, 1, 63, 1, 1, 5, *[1] * 55],
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_cached(pieces: list[int], dtype: torch.dtype) -> None:
    """Token by token and in chunks of any sizes, the buffer as long as all of them."""
    u, kernel, _ = inputs(150, dtype=dtype, spare=0)
    want = twin(u.double(), kernel.double())
    wide = torch.promote_types(dtype, torch.float32)
    buffer, length, added, ys = torch.zeros_like(u, dtype=wide), 0, 0, []
    for part in u.split(pieces, 1):
        y, buffer, added = long_conv_cached(part, kernel, buffer, length, added)
        assert y.dtype == dtype
        length += part.shape[1]
        ys.append(y)
    bounds = {torch.float64: 1e-14, **BOUND}
    assert relative(torch.cat(ys, 1), want) < bounds[dtype]
    assert torch.equal(buffer, u.to(wide))  # in the end all rows are inputs


def test_cached_cost() -> None:
    """A token does not sum the past anew: rows read grow as S log S, not as S^2."""
    rows = []

    class Counted(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and "fft" in str(func):
                rows.append(out.shape[-1])
            return out

    u, kernel, _ = inputs(1024, spare=0)
    buffer, added = torch.zeros_like(u), 0
    with Counted():  # type: ignore[no-untyped-call]
        for t in range(1024):
            _, buffer, added = long_conv_cached(
                u[:, t : t + 1], kernel, buffer, t, added
            )
    assert 0 < sum(rows) < 3 * 1024 * 10
