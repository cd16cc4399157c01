"""What `--kernels none` emits instead of kernels: the same numbers, by autograd."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from starc.backend.kernel_index import PLAIN, names
from tests.kernels.kernel_checks import KERNELS, randn, relative, with_grads

B, D, N = 2, 8, 4
Made = Callable[[int, int], list[Any]]

CASES: dict[str, Made] = {
    "short_conv": lambda b, t: [x(b, t), x(D, 4), x(D), x(b, 3, D), "silu"],
    "short_conv-bare": lambda b, t: [x(b, t), x(D, 2), None, x(b, 1, D)],
    "short_conv-one": lambda b, t: [x(b, t), x(D, 1), x(D), x(b, 0, D)],
    "min_gru": lambda b, t: [*xs(2, b, t), x(b, D)],
    "rg_lru": lambda b, t: [*xs(3, b, t), x(D), x(b, D)],
    "rg_lru-gate": lambda b, t: [*xs(3, b, t), x(D), x(b, D), x(b, t)],
    "selective_scan": lambda b, t: [
        *(x(b, t), x(b, t).exp(), x(D, N), randn(b, t, N), randn(b, t, N), x(D)),
        randn(b, D, N),
    ],
}
TIMED = {"selective_scan": (0, 1, 3, 4), "rg_lru-gate": (0, 1, 2, 5)}
STATE = {"short_conv": 3, "min_gru": 2, "rg_lru": 4}
STATE["selective_scan"] = 6
LENGTHS = (1, 2, 9, 67)


def x(*shape: int) -> Tensor:
    """Of two numbers, (B, T), with channels behind them."""
    return randn(*shape, *(() if D in shape else (D,)))


def xs(count: int, *shape: int) -> list[Tensor]:
    return [x(*shape) for _ in range(count)]


def functions(case: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The plain form, and what it stands in for."""
    name = case.partition("-")[0]
    return (
        getattr(importlib.import_module(f"kernels.plain.{name}"), name),
        getattr(importlib.import_module(f"kernels.{name}"), name),
    )


OTHERS = {"sequences", "state_scan", "grouped_linear", "delta_rule"}
"""Helpers, and those below that have no state."""


def test_every_form_is_tried() -> None:
    """And is there for a file above it, whose functions it has."""
    plain = {name.removeprefix(PLAIN) for name in names() if name.startswith(PLAIN)}
    public = {name for name in plain if (KERNELS / f"{name}.py").exists()}
    assert public - OTHERS == {name.partition("-")[0] for name in CASES}


def check(case: str, args: list[Any], **borders: Tensor) -> None:
    plain, kernel = functions(case)
    got = with_grads(lambda *a: plain(*a, **borders), args)
    want = with_grads(lambda *a: kernel(*a, **borders), args)
    for one, other in zip(got[0] + got[1], want[0] + want[1], strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.dtype == other.dtype
            assert relative(one, other) < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_kernel(case: str) -> None:
    for length in LENGTHS:
        torch.manual_seed(length)
        check(case, CASES[case](B, length))


@pytest.mark.parametrize("case", CASES)
def test_packed_sequences_are_apart(case: str) -> None:
    torch.manual_seed(1)
    args = CASES[case](1, 12)
    place = STATE[case.partition("-")[0]]
    args[place] = randn(3, *args[place].shape[1:])
    check(case, args, cu_seqlens=torch.tensor([0, 5, 6, 12]))


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_nothing(case: str) -> None:
    """No tokens leave the state as it was, no rows give none."""
    plain, _ = functions(case)
    args = CASES[case](B, 0)
    y, state = plain(*args)
    assert y.shape == (B, 0, D)
    assert torch.equal(state, args[STATE[case.partition("-")[0]]])
    y, state = plain(*CASES[case](0, 5))
    assert y.shape == (0, 5, D) and not state.numel()


@pytest.mark.parametrize("case", CASES)
def test_states_begin_at_zero(case: str) -> None:
    plain, _ = functions(case)
    args = CASES[case](B, 5)
    place = STATE[case.partition("-")[0]]
    args[place] = None
    without = plain(*args)
    args[place] = CASES[case](B, 5)[place] * 0
    for one, other in zip(without, plain(*args), strict=True):
        assert torch.equal(one, other.to(one.dtype))


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_stays_what_it_is(case: str) -> None:
    """States of recurrences are float32, sums too, whatever the inputs are."""
    plain, kernel = functions(case)
    args = [a.bfloat16() if isinstance(a, Tensor) else a for a in CASES[case](B, 33)]
    for one, other in zip(plain(*args), kernel(*args), strict=True):
        assert one.dtype == other.dtype
        assert relative(one, other) < 1e-2


@pytest.mark.parametrize("behind", [0, 7])
@pytest.mark.parametrize("ends", [(3, 3, 8, 9), (0, 0, 0, 9), (0, 0, 0, 0)])
def test_grouped_linear(ends: tuple[int, ...], behind: int) -> None:
    """Rows behind those of the experts are there, and of none."""
    from kernels import grouped_linear
    from kernels.plain import grouped_linear as plain

    many = ends[-1] + behind
    at = torch.tensor([*ends, many] if behind else ends)
    args, p = [randn(many, 5), randn(4, 6, 5)], randn(1, many, 1)

    def said(form: Any) -> list[Any]:
        rows = torch.arange(many).flip(0)
        y = with_grads(lambda x, w: form.grouped_linear(x, w, at, rows), args)
        z = with_grads(lambda h, w, p: form.grouped_sum(h, w, at, rows, p), [*args, p])
        return [*y[0], *y[1], *z[0], *z[1]]

    for one, other in zip(said(plain), said(grouped_linear), strict=True):
        assert one is not None and other is not None
        assert relative(one, other) < 1e-14


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("chunks", [1, 3])
def test_delta_walk(chunks: int, channels: int) -> None:
    """Of chunks of 4 tokens, keys of 5 channels, with a decay or one for each."""
    from kernels import delta_rule
    from kernels.plain import delta_rule as plain

    many = chunks, 2, 3
    asks, knows, adds = (randn(*many, 4, 5) for _ in range(3))
    v, beta = randn(*many, 4, 2), randn(*many, 4, 1)
    keys, reads = randn(*many, 4, 4), randn(*many, 4, 4)
    keep, state = randn(*many, channels, 1), randn(2, 3, 5, 2)
    args = [asks, knows, adds, v, beta, keys, reads, keep, state]

    def said(walk: Callable[..., Any]) -> tuple[list[Any], list[Any]]:
        return with_grads(
            lambda *a: walk(*a[:5], a[5].tril(-1), a[6].tril(), *a[7:]), args
        )

    got, want = said(plain._delta_walk), said(delta_rule._delta_walk)
    for one, other in zip(got[0] + got[1], want[0] + want[1], strict=True):
        assert one is not None and other is not None
        assert relative(one, other) < 1e-12
