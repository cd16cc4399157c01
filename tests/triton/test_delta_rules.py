"""The kernels of both delta rules in Triton against their float64 twin."""

import pytest
import torch

from tests.sampled import sampled
from tests.triton import fast_scans  # noqa: F401
from tests.triton.bytes_moved import BATCH, LENGTH, by_interpreter, in_all, of
from tests.triton.triton_checks import (
    NARROW,
    SLOW,
    Kernel,
    close,
    poisoned,
    sample,
    some,
)

RULES = {name: Kernel(name) for name in ("gated_delta", "channel_delta")}
each = pytest.mark.parametrize("name", RULES)
first = pytest.mark.parametrize("name", sampled(RULES, ["gated_delta"], some))


@pytest.mark.parametrize("length", sample(2, 65))
@each
def test_lengths(name: str, length: int) -> None:
    delta = RULES[name]
    with poisoned():
        args = delta.inputs(length, dtype=torch.float32, batch=1)
        delta.agrees(args, 2e-6, 5e-6)


@some
@each
def test_long(name: str) -> None:
    delta = RULES[name]
    args = delta.inputs(1134, dtype=torch.float32, batch=1, heads=1)
    delta.agrees(args, 2e-6, 1e-5)


@pytest.mark.parametrize("size", sampled([16, 40, 128], [40], some))
@each
def test_sizes_and_groups(name: str, size: int) -> None:
    """Every tile; values of 40 channels (not a power of two) in parts; a head of q and
    k for two of v."""
    delta = RULES[name]
    args = delta.inputs(35, size, torch.float32, width=40, batch=1, groups=1)
    with poisoned():
        delta.agrees(args, 2e-6, 5e-6)


@pytest.mark.parametrize("size", sampled([8, 64, 128], [64], some))
@pytest.mark.parametrize("dtype", NARROW, ids=str)
@each
def test_low_precision(name: str, dtype: torch.dtype, size: int) -> None:
    delta = RULES[name]
    for length, state in [(67, False), *([(2, True), (130, True)] if SLOW else [])]:
        args = delta.inputs(length, size, dtype, state, 1, 32, batch=1)
        # a decay's gradient is a difference of sums, each rounded by its factors
        delta.agrees(args, None, 1.5e-2 if dtype == torch.bfloat16 else None)
        y, last = delta(*args)
        assert y.dtype == dtype and last.dtype == torch.float32


@some
@each
def test_several_states_are_kept(name: str) -> None:
    """In bfloat16 one stands for 256 tokens, and all tiles walk from there."""
    delta = RULES[name]
    for length in (330, 520):
        args = delta.inputs(length, 16, torch.bfloat16, True, 1, 16, batch=1)
        with poisoned():
            delta.agrees(args, 1.5e-2)


@each
def test_strong_and_absent_decay(name: str) -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), in a chunk and for all:
    in a split at a fixed token exp(+1e4) would stand beside exp(-1e4)."""
    delta = RULES[name]
    args = delta.inputs(40, dtype=torch.float32, heads=1, batch=1)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    delta.agrees(args, 2e-6, 5e-6)
    for log in (0.0, -30.0):  # gradients of these are 1e-13 of all others: no rounding
        args[3][:] = log
        delta.agrees(args, 2e-6, 5e-6)
    if name == "channel_delta":
        args[3][..., ::2] = 0.0  # side by side in one head
    else:
        args[3] = None
    delta.agrees(args, 2e-6, 5e-6)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_equal_keys(beta: float) -> None:
    """The hardest triangular system: powers of it grow to 10^18, its inverse not.

    Without decays: with beta 1 a token replaces all, and their gradients would be 0.
    """
    delta = RULES["gated_delta"]
    args = delta.inputs(70, dtype=torch.float32, state=False, heads=1, batch=1)
    args[1][:] = args[1][:1, :1, :1]
    args[4][:] = beta
    args[3] = None
    delta.agrees(args, 5e-6, 5e-5)


@first
def test_beta_of_nothing(name: str) -> None:
    """beta 0 writes nothing, and has a gradient all the same."""
    delta = RULES[name]
    args = delta.inputs(20, dtype=torch.float32, heads=1, batch=1)
    args[4][:, ::2] = 0.0
    delta.agrees(args, 2e-6, 5e-6)


@some
@each
def test_state_stays_float32(name: str) -> None:
    """A slow decay over many chunks, bfloat16 inputs: sums are not rounded."""
    delta = RULES[name]
    args = delta.inputs(400, dtype=torch.bfloat16, batch=1, heads=1)
    args[3] = torch.full_like(args[3], -1e-3)
    _, last = delta(*args)
    close([last], [delta.twin(*(a.double() for a in args))[1]], 1e-2)


@first
def test_pieces(name: str) -> None:
    delta = RULES[name]
    args = delta.inputs(40, dtype=torch.float32, heads=1, batch=1)
    delta.pieces_agree(args, range(1, 40, 3) if SLOW else [17], 5e-6)


@pytest.mark.parametrize("length", sampled([1, 35], [1], some))
@each
def test_views(name: str, length: int) -> None:
    delta = RULES[name]
    delta.views_agree(delta.inputs(length, dtype=torch.float32))


@each
def test_packed(name: str) -> None:
    """Empty, one-token and long sequences, borders in a chunk, padding at the end."""
    delta = RULES[name]
    cases = [((5, 0, 1, 35, 1, 0), 6), ((0, 0, 2), 0), ((32, 64), 35)]
    for lengths, padding in cases if SLOW else cases[:1]:
        total = sum(lengths) + padding
        args = delta.inputs(total, dtype=torch.float32, state=False, batch=1)
        args[5] = torch.randn(len(lengths), 2, 6, 3)
        delta.packed_agree(args, lengths, padding, 5e-6)


@each
def test_one_token_is_in_place(name: str) -> None:
    delta = RULES[name]
    for dtype, size in [(torch.float32, 6), (torch.bfloat16, 100)]:
        delta.steps_in_place(delta.inputs(1, size, dtype, width=70, groups=1))


@each
def test_unserved_cases_say_so_once(name: str) -> None:
    delta = RULES[name]
    args = delta.inputs(2, 129, torch.float32, width=2)
    delta.falls_back(args, "129 key channels")


BYTES = {"gated_delta": (8.8, 14.0), "channel_delta": (13.2, 20.0)}
"""Of q: 2.2 times the floor forward and 2 times backward, in docs/kernels.md; decays of
channels are float32, two of q to read and two more to write."""


@by_interpreter
@each
def test_bytes_moved(name: str) -> None:
    """Of one head, whose neighbours share nothing with it."""

    def count(length: int) -> tuple[int, int]:
        q, k, v = (torch.zeros(1, length, 1, 128).bfloat16() for _ in range(3))
        decays = (1, length, 1, *((128,) if name == "channel_delta" else ()))
        log, beta = torch.zeros(decays), torch.zeros(1, length, 1)
        return of(RULES[name].public, q, k, v, log, beta)

    q = BATCH * LENGTH * 128 * 2
    found = [moved / q for moved in in_all(count)]
    limits = BYTES[name]
    assert found[0] <= limits[0] and found[1] <= limits[1], found
