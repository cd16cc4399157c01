"""kernels/selective_scan.py in Triton against the twin of tests/kernels, in float64."""

import pytest
import torch

from tests.kernels.kernel_checks import relative
from tests.triton import fast_scans  # noqa: F401
from tests.triton.triton_checks import (
    DEVICE,
    NARROW,
    SLOW,
    Kernel,
    kernels,
    poisoned,
    sample,
    some,
    some_but,
)

selective_scan = Kernel.of(__file__)
inputs, TIMED = selective_scan.inputs, selective_scan.timed


@pytest.mark.parametrize("length", sample(1, 2, 3, 17, 65))
def test_lengths(length: int) -> None:
    with poisoned():
        selective_scan.agrees(inputs(length, dtype=torch.float32))


@pytest.mark.parametrize("length", some_but([300], [300, 600, 1134]))
def test_time_is_split(length: int) -> None:
    """Parts of 256 steps or more, and a last one that is shorter."""
    args = inputs(length, 2, torch.float32)
    if not SLOW:
        args = [a[:1] if n in (*TIMED, 6) else a for n, a in enumerate(args)]
    with poisoned():
        selective_scan.agrees(args, 2e-6)


@pytest.mark.parametrize("size", some_but([2, 16, 64], [1, 2, 3, 8, 16, 32, 64]))
def test_sizes(size: int) -> None:
    for length in (1, 9):
        with poisoned():
            selective_scan.agrees(inputs(length, size, torch.float32))


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_options(dtype: torch.dtype) -> None:
    for state in (False, True):
        for length in (1, 19):
            args = inputs(length, 4, dtype, state)
            selective_scan.agrees(args)
            y, last = selective_scan(*args)
            assert y.dtype == dtype and last.dtype == torch.float32


def test_wide_rows() -> None:
    """Channels over more than one program, and not a multiple of eight."""
    torch.manual_seed(0)
    args = inputs(5, 16, torch.float32, dim=100)
    selective_scan.agrees(args)


def test_strong_and_absent_decay() -> None:
    """dt A from -1e4 (exp gives 0) to 0 (exp gives 1)."""
    args = inputs(40, dtype=torch.float32)
    args[1][:, ::3], args[1][:, 1::3] = 1e4, 0.0
    selective_scan.agrees(args)
    args[1][:] = 0.0
    selective_scan.agrees(args)


def test_pieces() -> None:
    args = inputs(35, 2, torch.float32)
    splits = None if SLOW else [16]
    selective_scan.pieces_agree(args, splits, 2e-6)


@pytest.mark.parametrize("length", [9, pytest.param(70, marks=some)])
def test_views(length: int) -> None:
    selective_scan.views_agree(inputs(length, dtype=torch.float32))


def test_packed() -> None:
    """Empty, one-token and longer sequences, borders in a tile, padding at the end."""
    cases = [((5, 0, 1, 70, 1, 0), 18), ((0, 0, 2), 0), ((64, 16), 1)]
    for lengths, padding in cases if SLOW else cases[:1]:
        args = inputs(sum(lengths) + padding, 4, torch.float32)
        for n in TIMED:
            args[n] = args[n][:1]
        args[6] = torch.randn(len(lengths), 5, 4)
        selective_scan.packed_agree(args, lengths, padding, 2e-6)


def test_one_token_is_in_place() -> None:
    selective_scan.steps_in_place(inputs(1, 16, torch.float32))


@pytest.mark.skipif(DEVICE != "cpu", reason="one program of many: the interpreter")
@pytest.mark.xdist_group("much memory")
@torch.no_grad()
def test_one_token_past_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last program of a launch with states of 2^32 elements, of which only those
    of the last channels of the last sequence are ever touched."""
    from triton.runtime.interpreter import InterpreterBuilder

    module, D, N = kernels("selective_scan"), 2**27, 16
    own = module._selective_scan_tile(N, backward=False)["BD"]
    few = selective_scan.inputs(1, N, torch.float32, dim=own)
    x, dt, a_log, b, c, skip, state = few
    wide = [torch.empty(*shape) for shape in ((2, 1, D), (D, N), (D,), (2, D, N))]
    large = [wide[0], torch.empty(2, 1, D), wide[1], b, c, wide[2], wide[3]]
    assert large[6].numel() == 2**32
    ends = [
        large[0][1, 0, -own:],
        large[1][1, 0, -own:],
        large[2][-own:],
        large[5][-own:],
        large[6][1, -own:],
    ]
    for end, values in zip(
        ends, (x[1, 0], dt[1, 0], a_log, skip, state[1]), strict=True
    ):
        end.copy_(values)
    grid, size = module._scan_grid(large[0], None, own)
    monkeypatch.setattr(module, "_scan_grid", lambda *_: ((1,), size))
    last = lambda self, axis: self.get_int32(grid[0] - 1)  # noqa: E731
    monkeypatch.setattr(InterpreterBuilder, "create_get_program_id", last)
    y, after = selective_scan.public(*large)
    want_y, want = selective_scan.twin(*(z.double() for z in few))
    assert after is large[6]
    assert relative(y[1, 0, -own:], want_y[1, 0]) < 1e-6
    assert relative(after[1, -own:], want[1]) < 1e-6


def test_unserved_cases_say_so_once() -> None:
    selective_scan.falls_back(inputs(4, 65, torch.float32), "65 states")
