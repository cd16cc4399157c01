from functools import partial
from typing import Any

import pytest
import torch

from tests.kernels import delta_checks
from tests.kernels.delta_checks import TIMED, twin
from tests.kernels.kernel_checks import (
    BOUND,
    agree,
    autocasts,
    compiles,
    exports,
    function_of,
    load,
    pieces_agree,
    randn,
    relative,
    views_agree,
)

channel_delta = function_of(__file__)
inputs = partial(delta_checks.inputs, channel=True)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 130])
def test_lengths(length: int) -> None:
    agree(channel_delta, twin, inputs(length, dtype=torch.float32), 1e-6, 3e-6)


@pytest.mark.slow
def test_long() -> None:
    agree(channel_delta, twin, inputs(1134, dtype=torch.float32), 1e-6, 3e-6)


@pytest.mark.parametrize("length,size,groups", [(1, 16, 1), (40, 128, 2)])
def test_sizes_and_groups(length: int, size: int, groups: int) -> None:
    args = inputs(length, size, torch.float32, heads=4, width=8, groups=groups)
    agree(channel_delta, twin, args, 1e-6, 3e-6)


@pytest.mark.parametrize("length", [1, 67])
def test_options(length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, 4, dtype, state)
            y, last = channel_delta(*args)
            assert y.dtype == dtype and last.dtype == torch.float32
            exact: list[Any] = [a if a is None else a.double() for a in args]
            want, kept = twin(*exact)
            assert relative(y, want) < BOUND[dtype] and relative(last, kept) < 1e-6


def test_strong_and_absent_decay() -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), side by side in one head:
    split at a fixed token, exp(+1e4) would stand beside exp(-1e4)."""
    args = inputs(40, dtype=torch.float32)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    agree(channel_delta, twin, args, 1e-6, 3e-6)
    args[3][:] = -30.0
    agree(channel_delta, twin, args, 1e-6, 3e-6)
    args[3][..., ::2] = 0.0
    agree(channel_delta, twin, args, 1e-6, 3e-6)


def test_with_one_decay_it_is_the_gated_delta_rule() -> None:
    args = inputs(70)
    log = args[3][..., 0].clone()
    args[3] = log.unsqueeze(3).expand_as(args[3])
    want = load("gated_delta").gated_delta(*args[:3], log, *args[4:])
    for got, other in zip(channel_delta(*args), want, strict=True):
        torch.testing.assert_close(got, other)


def test_pieces() -> None:
    pieces_agree(channel_delta, inputs(7), TIMED, 5)


def test_views() -> None:
    for length in (1, 35):
        views_agree(channel_delta, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 35):
        args = [a.requires_grad_() for a in inputs(length, 2, width=2, batch=1)]
        assert torch.autograd.gradcheck(channel_delta, args, fast_mode=length > 2)


@pytest.mark.slow
def test_compile_export() -> None:
    compiles(channel_delta, inputs(35, state=False))
    exports(channel_delta, inputs(40, dtype=torch.float32))


def test_autocast() -> None:
    for length in (1, 40):
        autocasts(channel_delta, inputs(length), low=[0, 1, 2])


def test_packed_sequences() -> None:
    """Each sequence as by itself; empty ones keep their state, padding gives 0."""
    args = inputs(40, batch=1, state=False)[:5]
    state, bounds = randn(4, 2, 6, 3), [0, 0, 1, 20, 36]
    y, last = channel_delta(*args, state, cu_seqlens=torch.tensor(bounds))
    assert torch.equal(last[0], state[0]) and (y[:, 36:] == 0).all()
    for n in range(1, 4):
        some = slice(bounds[n], bounds[n + 1])
        want, s = channel_delta(*(a[:, some] for a in args), state[n : n + 1])
        assert torch.equal(y[:, some], want) and torch.equal(last[n : n + 1], s)


def test_equals_that_of_transformers() -> None:
    """Their chunks, in float32: outputs, the last state and all gradients."""
    module = pytest.importorskip("transformers.models.kimi_linear.modeling_kimi_linear")

    def theirs(q: Any, k: Any, v: Any, log: Any, beta: Any, state: Any) -> Any:
        return module.chunk_kimi_delta_attention(
            *(q * q.shape[3] ** 0.5, k, v, log, beta),
            initial_state=state,
            output_final_state=True,
        )

    args = inputs(70, 16, torch.float32, heads=4, width=8, most=1.0)
    agree(channel_delta, twin, args, 1e-6, 3e-6)
    agree(theirs, twin, args, 2e-6, 1e-5)
