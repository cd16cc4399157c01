"""The diagonal recurrences in Triton against the twins of tests/kernels, in float64."""

import fast_scans  # noqa: F401
import pytest
import torch
from kernel_checks import BOUND, LENGTHS, agree, with_grads
from triton_checks import (
    DEVICE,
    SLOW,
    beside,
    close,
    kernels,
    on_device,
    packed_agree,
    pieces_agree,
    poisoned,
    views_agree,
)

plain = beside("test_linear_recurrence")
TIMED, STATE, TWINS = plain.TIMED, plain.STATE, plain.TWINS
CALLS = list(TIMED)
MODULES = {name: kernels(name) for name in CALLS}
FUNCTIONS = {name: getattr(MODULES[name], name) for name in CALLS}
MOVED = {name: on_device(FUNCTIONS[name], STATE[name]) for name in CALLS}
# a near 1 multiplies the rounding of a by 1 / (1 - a), up to 1,000 in rg_lru here
WIDE = {"linear_recurrence": 1e-6, "rg_lru": 3e-6, "min_gru": 1e-6}
some = pytest.mark.skipif(not SLOW, reason="make test-kernels")
each = pytest.mark.parametrize("name", CALLS)


def lengths(sample):
    rest = [n for n in LENGTHS if n not in sample]
    return [*sample, *(pytest.param(n, marks=some) for n in rest)]


def gated_twin(*args):
    h, last = TWINS["rg_lru"](*args[:5])
    return h * torch.nn.functional.gelu(args[5], approximate="tanh"), last


@each
@pytest.mark.parametrize("length", lengths([1, 2, 15, 16, 17, 65]))
def test_lengths(name: str, length: int) -> None:
    args = plain.inputs(name, length, torch.float32)
    with poisoned():
        agree(MOVED[name], TWINS[name], args, WIDE[name])


@each
@pytest.mark.parametrize("length", [300, pytest.param(1134, marks=some)])
def test_time_is_split(name: str, length: int) -> None:
    """Parts of 128 steps or more, and a last one that is shorter."""
    args = plain.inputs(name, length, torch.float32)
    with poisoned():
        agree(MOVED[name], TWINS[name], args, WIDE[name])


@some
def test_many_parts() -> None:
    """More than the 16 that are led through at once."""
    for name in CALLS:
        args = [
            a[:1] if n in TIMED[name] else a
            for n, a in enumerate(plain.inputs(name, 2200, torch.float32))
        ]
        args[STATE[name]] = args[STATE[name]][:1]
        agree(MOVED[name], TWINS[name], args, 5e-6)  # sums of 2,200 terms


@each
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_options(name: str, dtype: torch.dtype) -> None:
    for state in (False, True):
        for length in (1, 19):
            args = plain.inputs(name, length, dtype, state)
            agree(MOVED[name], TWINS[name], args, BOUND[dtype])
            h, last = MOVED[name](*args)
            assert h.dtype == dtype and last.dtype == torch.float32


@pytest.mark.parametrize("length", [1, 21, pytest.param(300, marks=some)])
def test_output_gate(length: int) -> None:
    rg_lru = on_device(FUNCTIONS["rg_lru"], 4)
    for dtype in (torch.float32, torch.bfloat16):
        args = plain.inputs("rg_lru", length, dtype)
        args.append(torch.randn(args[0].shape).to(dtype))
        with poisoned():
            bound = WIDE["rg_lru"] if dtype == torch.float32 else BOUND[dtype]
            agree(rg_lru, gated_twin, args, bound)


def test_decays_of_all_sizes() -> None:
    """0, 1, -1 and underflowing products: no NaN, no division."""
    a, b, state = plain.inputs("linear_recurrence", 70, torch.float32)
    for n, value in enumerate((0.0, 1.0, 1e-30, -1.0)):
        a[:, n::9] = value
    agree(MOVED["linear_recurrence"], TWINS["linear_recurrence"], [a, b, state], 1e-6)
    for value in (0.0, 1.0, -1.0):
        args = [torch.full_like(a, value), b, state]
        agree(MOVED["linear_recurrence"], TWINS["linear_recurrence"], args, 3e-6)
    x, gate, state = plain.inputs("min_gru", 70, torch.float32)
    gate[:, ::3], gate[:, 1::3] = 60.0, -60.0
    agree(MOVED["min_gru"], TWINS["min_gru"], [x, gate, state], 1e-6)


def test_rg_lru_where_a_is_near_one() -> None:
    """The slope of the square root is bounded; 1 - a^2 keeps its digits."""
    args = plain.inputs("rg_lru", 40, torch.float32)
    args[2] = torch.full_like(args[0], -200.0)  # r = 0: a = 1
    outs, grads = with_grads(MOVED["rg_lru"], args)
    assert all(torch.isfinite(t).all() for t in [*outs, *grads])
    torch.testing.assert_close(outs[0], args[4].unsqueeze(1).expand_as(outs[0]))
    args = plain.inputs("rg_lru", 40, torch.float32)
    args[3], args[4] = torch.full((5,), -16.0), None
    with torch.no_grad():
        h, _ = MOVED["rg_lru"](*args)
        want, _ = TWINS["rg_lru"](*(a.double() for a in args[:4]))
    close([h], [want], 1e-6)


def test_slow_decay_in_bfloat16() -> None:
    """A carry in bfloat16 is wrong by 2 % here."""
    length = 4096 if SLOW else 600
    torch.manual_seed(0)
    a = torch.full((1, length, 4), 0.9990234375)
    b = torch.randn(1, length, 4).bfloat16()
    with torch.no_grad():
        h, _ = MOVED["linear_recurrence"](a, b, None)
    close([h], [TWINS["linear_recurrence"](a.double(), b.double())[0]], 5e-3)


def test_wide_rows() -> None:
    """Channels over more than one program, and not a multiple of eight."""
    torch.manual_seed(0)
    args = [torch.rand(2, 18, 100), torch.randn(2, 18, 100), torch.randn(2, 100)]
    agree(MOVED["linear_recurrence"], TWINS["linear_recurrence"], args, 1e-6)
    args = [*(torch.randn(2, 18, 100) for _ in "xir"), torch.randn(100), None]
    agree(MOVED["rg_lru"], TWINS["rg_lru"], args, 3e-6)


@each
def test_pieces(name: str) -> None:
    args = plain.inputs(name, 35, torch.float32)
    splits = None if SLOW else [1, 16, 34]
    pieces_agree(MOVED[name], args, TIMED[name], STATE[name], 3e-6, splits)


@each
@pytest.mark.parametrize("length", [9, pytest.param(300, marks=some)])
def test_views(name: str, length: int) -> None:
    args = plain.inputs(name, length, torch.float32)
    views_agree(FUNCTIONS[name], args, TIMED[name])


@each
def test_packed(name: str) -> None:
    """Empty, one-token and longer sequences, borders in a tile, padding at the end."""

    def packed(*args):
        there = [a if a is None else a.to(DEVICE) for a in args[:-1]]
        outs = FUNCTIONS[name](*there, cu_seqlens=args[-1])
        return tuple(o.cpu() for o in outs)

    for lengths, padding in [((5, 0, 1, 21, 1, 0), 18), ((0, 0, 2), 0), ((16, 16), 1)]:
        args = plain.inputs(name, sum(lengths) + padding, torch.float32)
        for n in TIMED[name]:
            args[n] = args[n][:1]
        args[STATE[name]] = torch.randn(len(lengths), 5)
        with poisoned():
            packed_agree(
                packed, args, TIMED[name], STATE[name], lengths, padding, WIDE[name]
            )


@each
def test_one_token_is_in_place(name: str) -> None:
    args = [
        a.to(DEVICE) if isinstance(a, torch.Tensor) else a
        for a in plain.inputs(name, 1, torch.float32)
    ]
    state, place = args[STATE[name]], STATE[name]
    old = state.clone()
    with torch.no_grad():
        h, last = FUNCTIONS[name](*args)
        assert last is state
        wide = [a.double() for a in args]
        wide[place] = old.double()
        close((h, last), TWINS[name](*wide), 1e-6)
        args[place] = old[:1].expand(2, -1)  # rows in the same memory: not in place
        _, last = FUNCTIONS[name](*args)
        assert last is not args[place] and torch.equal(args[place][1], old[0])
