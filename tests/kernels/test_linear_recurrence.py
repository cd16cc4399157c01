from collections.abc import Callable
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
    pieces_agree,
    randn,
    views_agree,
)

linear_recurrence = load("linear_recurrence").linear_recurrence
rg_lru = load("rg_lru").rg_lru
min_gru = load("min_gru").min_gru
FUNCTIONS = {
    "linear_recurrence": linear_recurrence,
    "rg_lru": rg_lru,
    "min_gru": min_gru,
}
CALLS = list(FUNCTIONS)
TIMED = {"linear_recurrence": [0, 1], "rg_lru": [0, 1, 2], "min_gru": [0, 1]}
STATE = {"linear_recurrence": 2, "rg_lru": 4, "min_gru": 2}


def recurrence_twin(a: Tensor, b: Tensor, state: Tensor | None = None) -> Any:
    h = b.new_zeros(b.shape[0], b.shape[2]) if state is None else state
    hs = []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        hs.append(h)
    return torch.stack(hs, 1), h


def rg_lru_twin(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None = None,
) -> Any:
    r = 1 / (1 + torch.exp(-recurrence_gate))
    a = torch.exp(-8 * torch.log1p(torch.exp(decay)) * r)
    b = torch.sqrt(1 - a**2) * x / (1 + torch.exp(-input_gate))
    return recurrence_twin(a, b, state)


def min_gru_twin(x: Tensor, gate: Tensor, state: Tensor | None = None) -> Any:
    z = 1 / (1 + torch.exp(-gate))
    return recurrence_twin(1 - z, z * x, state)


TWINS: dict[str, Callable[..., Any]] = {
    "linear_recurrence": recurrence_twin,
    "rg_lru": rg_lru_twin,
    "min_gru": min_gru_twin,
}


def inputs(
    name: str, length: int, dtype: torch.dtype = torch.float64, state: bool = True
) -> Any:
    torch.manual_seed(length)
    batch, dim = 2, 5
    wide = torch.float32 if dtype.itemsize < 4 else dtype
    first = randn(batch, dim, dtype=wide) if state else None
    if name == "rg_lru":
        gates = [randn(batch, length, dim, dtype=dtype) for _ in range(3)]
        # exp(-8 softplus(decay)) from 0.9 to 0.999, as Griffin starts
        decay = torch.log(torch.expm1(-torch.linspace(0.9, 0.999, dim).log() / 8))
        return [*gates, decay.to(dtype), first]
    if name == "min_gru":
        return [*(randn(batch, length, dim, dtype=dtype) for _ in "xz"), first]
    a = torch.rand(batch, length, dim, dtype=torch.float64) * 2 - 1
    a[:, ::3] = a[:, ::3].abs().sqrt()
    return [a.to(dtype), randn(batch, length, dim, dtype=dtype), first]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("length", [*LENGTHS, 1134])
def test_lengths(name: str, length: int) -> None:
    args = inputs(name, length, torch.float32)
    # a near 1 multiplies the rounding of a by 1 / (1 - a), up to 1,000 here
    bound = 3e-6 if name == "rg_lru" else 1e-6
    agree(FUNCTIONS[name], TWINS[name], args, bound)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("length", [1, 3, 67, 300])
def test_options(name: str, length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(name, length, dtype, state)
            agree(FUNCTIONS[name], TWINS[name], args, BOUND[dtype])
            h, last = FUNCTIONS[name](*args)
            assert h.dtype == dtype and last.dtype == torch.float32


def test_three_levels_of_chunks() -> None:
    agree(
        linear_recurrence, recurrence_twin, inputs(CALLS[0], 5000, torch.float32), 1e-6
    )


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.999, -0.5])
def test_constant_decays(value: float) -> None:
    for length in (5, 130, 1000):
        a, b, state = inputs("linear_recurrence", length, torch.float32)
        args = [torch.full_like(a, value), b, state]
        # value 1 and -1: sums of 1,000 terms
        agree(linear_recurrence, recurrence_twin, args, 3e-6)


def test_decays_of_all_sizes() -> None:
    """Zeros, ones and underflowing products side by side: no NaN, no division."""
    a, b, state = inputs("linear_recurrence", 400, torch.float32)
    a[:, ::7], a[:, 1::7], a[:, 2::7] = 0.0, 1.0, 1e-30
    agree(linear_recurrence, recurrence_twin, [a, b, state], 1e-6)


def test_slow_decay_in_bfloat16() -> None:
    """A carry in bfloat16 is wrong by 2 % here."""
    torch.manual_seed(0)
    a = torch.full((1, 4096, 4), 0.9990234375).bfloat16()
    b = randn(1, 4096, 4, dtype=torch.bfloat16)
    agree(linear_recurrence, recurrence_twin, [a.float(), b, None], 5e-3)


def test_square_root_is_bounded() -> None:
    """Where a is 1 exactly, the slope of sqrt(1 - a^2) is infinite; here it is 1000."""
    x, gate, _, decay, state = inputs("rg_lru", 40, torch.float32)
    shut = torch.full_like(x, -200.0)  # r = 0: a = 1
    outs: list[Tensor] = []
    grads: list[Tensor | None] = []
    for decay_ in (decay, torch.full_like(decay, -200.0)):
        args = [x, gate, shut, decay_, state]
        args = [a.clone().requires_grad_() for a in args]
        h, last = rg_lru(*args)
        outs += [h, last]
        grads += torch.autograd.grad(h.sum() + last.sum(), args)
        torch.testing.assert_close(h, state.unsqueeze(1).expand_as(h))
    assert all(t is not None and torch.isfinite(t).all() for t in outs + grads)


def test_rg_lru_where_a_rounds_to_one() -> None:
    """1 - a * a would be 0 or off by 100 % in float32; expm1 keeps every digit."""
    x, gate, rec, _, state = inputs("rg_lru", 200, torch.float32)
    decay = torch.full((5,), -16.0)  # log a about -4e-7
    with torch.no_grad():
        h, _ = rg_lru(x, gate, rec, decay, torch.zeros_like(state))
        want, _ = rg_lru_twin(*(v.double() for v in (x, gate, rec, decay)))
    assert (h.double() - want).norm() / want.norm() < 1e-6


def test_output_gate() -> None:
    """h * gelu(gate), the tanh form."""

    def twin(*args: Any) -> Any:
        h, last = rg_lru_twin(*args[:5])
        u = (2 / torch.pi) ** 0.5 * (args[5] + 0.044715 * args[5] ** 3)
        return h * args[5] * 0.5 * (1 + torch.tanh(u)), last

    for length in (1, 40):
        args = inputs("rg_lru", length, torch.float32)
        agree(rg_lru, twin, [*args, torch.randn_like(args[0])], 1e-6)


@pytest.mark.parametrize("name", CALLS)
def test_packed(name: str) -> None:
    """Sequences one after the other, some empty, and padding."""
    args = inputs(name, 20)
    for n in TIMED[name]:
        args[n] = args[n][:1]
    args[STATE[name]] = randn(4, 5)
    cu_seqlens = torch.tensor([0, 0, 1, 9, 17])
    h, last = FUNCTIONS[name](*args, cu_seqlens=cu_seqlens)
    assert not h[:, 17:].any() and torch.equal(last[0], args[STATE[name]][0])
    for n, rows in enumerate([slice(0, 1), slice(1, 9), slice(9, 17)]):
        alone = [a[:, rows] if k in TIMED[name] else a for k, a in enumerate(args)]
        alone[STATE[name]] = args[STATE[name]][n + 1 : n + 2]
        want, end = FUNCTIONS[name](*alone)
        assert torch.equal(h[:, rows], want) and torch.equal(last[n + 1], end[0])
    none = FUNCTIONS[name](
        *(a for k, a in enumerate(args) if k != STATE[name]), cu_seqlens=cu_seqlens
    )
    assert none[1].shape == last.shape


@pytest.mark.parametrize("name", CALLS)
def test_pieces(name: str) -> None:
    pieces_agree(FUNCTIONS[name], inputs(name, 7), TIMED[name], STATE[name])


def test_pieces_of_chunks() -> None:
    """Every split of a length that has whole chunks and a rest."""
    pieces_agree(linear_recurrence, inputs(CALLS[0], 70), [0, 1], 2)


@pytest.mark.parametrize("name", CALLS)
def test_views(name: str) -> None:
    for length in (1, 9, 70):
        views_agree(FUNCTIONS[name], inputs(name, length), TIMED[name])


@pytest.mark.parametrize("name", CALLS)
def test_gradcheck(name: str) -> None:
    for length in (1, 2, 6):
        args = [a.requires_grad_() for a in inputs(name, length)]
        assert torch.autograd.gradcheck(FUNCTIONS[name], args)
    args = [a.requires_grad_() for a in inputs(name, 70)]
    assert torch.autograd.gradcheck(FUNCTIONS[name], args, fast_mode=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_compile_export_autocast(name: str) -> None:
    call = FUNCTIONS[name]
    compiles(call, inputs(name, 6))
    compiles(call, inputs(name, 66, state=False))
    exports(call, inputs(name, 66, torch.float32))
    for length in (1, 6):
        autocasts(call, inputs(name, length), low=TIMED[name])
