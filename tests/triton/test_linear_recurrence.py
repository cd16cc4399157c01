"""The diagonal recurrences in Triton against the twins of tests/kernels, in float64."""

import itertools
from typing import Any

import pytest
import torch

from tests.kernels.kernel_checks import BOUND, agree, with_grads
from tests.triton import fast_scans  # noqa: F401
from tests.triton.triton_checks import (
    NARROW,
    SLOW,
    Kernel,
    close,
    poisoned,
    sample,
    some,
    some_but,
)

CALLS = ("linear_recurrence", "rg_lru", "min_gru")
linear_recurrence, rg_lru, min_gru = KERNELS = [Kernel(name) for name in CALLS]
# a near 1 multiplies the rounding of a by 1 / (1 - a), up to 1,000 in rg_lru here
WIDE = {linear_recurrence: 1e-6, rg_lru: 3e-6, min_gru: 1e-6}
each = pytest.mark.parametrize("kernel", KERNELS, ids=CALLS)


def gated_twin(*args: Any) -> Any:
    h, last = rg_lru.twin(*args[:5])
    return h * torch.nn.functional.gelu(args[5], approximate="tanh"), last


@each
@pytest.mark.parametrize("length", sample(1, 2, 15, 16, 17, 65))
def test_lengths(kernel: Kernel, length: int) -> None:
    args = kernel.inputs(length, torch.float32)
    with poisoned():
        kernel.agrees(args, WIDE[kernel])


@pytest.mark.parametrize(
    ("kernel", "length"),
    some_but([(rg_lru, 257)], itertools.product(KERNELS, [257, 1134])),
)
def test_time_is_split(kernel: Kernel, length: int) -> None:
    """Parts of 128 steps or more, and a last one that is shorter."""
    args = kernel.inputs(length, torch.float32)
    with poisoned():
        kernel.agrees(args, WIDE[kernel])


@some
def test_many_parts() -> None:
    """More than the 16 that are led through at once."""
    for kernel in KERNELS:
        args = [
            a[:1] if n in kernel.timed else a
            for n, a in enumerate(kernel.inputs(2200, torch.float32))
        ]
        assert kernel.state is not None
        args[kernel.state] = args[kernel.state][:1]
        kernel.agrees(args, 5e-6)  # sums of 2,200 terms


@each
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_options(kernel: Kernel, dtype: torch.dtype) -> None:
    for state in (False, True):
        for length in (1, 19):
            args = kernel.inputs(length, dtype, state)
            kernel.agrees(args)
            h, last = kernel(*args)
            assert h.dtype == dtype and last.dtype == torch.float32


@pytest.mark.parametrize("length", [1, 21, pytest.param(300, marks=some)])
def test_output_gate(length: int) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        args = rg_lru.inputs(length, dtype)
        args.append(torch.randn(args[0].shape).to(dtype))
        with poisoned():
            bound = WIDE[rg_lru] if dtype == torch.float32 else BOUND[dtype]
            agree(rg_lru.call, gated_twin, args, bound)


def test_decays_of_all_sizes() -> None:
    """0, 1, -1 and underflowing products: no NaN, no division."""
    a, b, state = linear_recurrence.inputs(70, torch.float32)
    for n, value in enumerate((0.0, 1.0, 1e-30, -1.0)):
        a[:, n::9] = value
    linear_recurrence.agrees([a, b, state], 1e-6)
    for value in (0.0, 1.0, -1.0):
        args = [torch.full_like(a, value), b, state]
        linear_recurrence.agrees(args, 3e-6)
    x, gate, state = min_gru.inputs(70, torch.float32)
    gate[:, ::3], gate[:, 1::3] = 60.0, -60.0
    min_gru.agrees([x, gate, state], 1e-6)


def test_rg_lru_where_a_is_near_one() -> None:
    """The slope of the square root is bounded; 1 - a^2 keeps its digits."""
    args = rg_lru.inputs(40, torch.float32)
    args[2] = torch.full_like(args[0], -200.0)  # r = 0: a = 1
    outs, grads = with_grads(rg_lru.call, args)
    assert all(t is not None and torch.isfinite(t).all() for t in [*outs, *grads])
    torch.testing.assert_close(outs[0], args[4].unsqueeze(1).expand_as(outs[0]))
    args = rg_lru.inputs(40, torch.float32)
    args[3], args[4] = torch.full((5,), -16.0), None
    with torch.no_grad():
        h, _ = rg_lru(*args)
        want, _ = rg_lru.twin(*(a.double() for a in args[:4]))
    close([h], [want], 1e-6)


def test_slow_decay_in_bfloat16() -> None:
    """A carry in bfloat16 is wrong by 2 % here."""
    length = 4096 if SLOW else 600
    torch.manual_seed(0)
    a = torch.full((1, length, 4), 0.9990234375)
    b = torch.randn(1, length, 4).bfloat16()
    with torch.no_grad():
        h, _ = linear_recurrence(a, b, None)
    close([h], [linear_recurrence.twin(a.double(), b.double())[0]], 5e-3)


def test_wide_rows() -> None:
    """Channels over more than one program, and not a multiple of eight."""
    torch.manual_seed(0)
    args: list[Any] = [
        torch.rand(2, 18, 100),
        torch.randn(2, 18, 100),
        torch.randn(2, 100),
    ]
    linear_recurrence.agrees(args, 1e-6)
    args = [*(torch.randn(2, 18, 100) for _ in "xir"), torch.randn(100), None]
    rg_lru.agrees(args, 3e-6)


@each
def test_pieces(kernel: Kernel) -> None:
    args = kernel.inputs(35, torch.float32)
    splits = None if SLOW else [16]
    kernel.pieces_agree(args, splits, 3e-6)


@each
@pytest.mark.parametrize("length", [9, pytest.param(300, marks=some)])
def test_views(kernel: Kernel, length: int) -> None:
    args = kernel.inputs(length, torch.float32)
    kernel.views_agree(args)


@each
def test_packed(kernel: Kernel) -> None:
    """Empty, one-token and longer sequences, borders in a tile, padding at the end."""
    cases = [((5, 0, 1, 21, 1, 0), 18), ((0, 0, 2), 0), ((16, 16), 1)]
    for lengths, padding in cases if SLOW else cases[:1]:
        args = kernel.inputs(sum(lengths) + padding, torch.float32)
        for n in kernel.timed:
            args[n] = args[n][:1]
        args[kernel.state] = torch.randn(len(lengths), 5)
        kernel.packed_agree(args, lengths, padding, WIDE[kernel])


@each
def test_one_token_is_in_place(kernel: Kernel) -> None:
    kernel.steps_in_place(kernel.inputs(1, torch.float32))
