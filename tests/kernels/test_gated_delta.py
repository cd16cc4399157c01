from typing import Any

import pytest
import torch

from tests.kernels import delta_checks
from tests.kernels.delta_checks import TIMED, inputs, twin
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

gated_delta = function_of(__file__)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 130])
def test_lengths(length: int) -> None:
    agree(gated_delta, twin, inputs(length, dtype=torch.float32), 1e-6, 3e-6)


@pytest.mark.slow
def test_long() -> None:
    agree(gated_delta, twin, inputs(1134, dtype=torch.float32), 1e-6, 3e-6)


@pytest.mark.parametrize("length,size,groups", [(1, 16, 1), (40, 16, 1), (40, 128, 2)])
def test_sizes_and_groups(length: int, size: int, groups: int) -> None:
    args = inputs(length, size, torch.float32, heads=4, width=8, groups=groups)
    agree(gated_delta, twin, args, 1e-6, 3e-6)


@pytest.mark.parametrize("length", [1, 3, 67])
def test_options(length: int) -> None:
    for state in (False, True):
        for dtype in (torch.float32, torch.bfloat16):
            args = inputs(length, 4, dtype, state)
            y, last = gated_delta(*args)
            assert y.dtype == dtype and last.dtype == torch.float32
            exact: list[Any] = [a if a is None else a.double() for a in args]
            want, kept = twin(*exact)
            assert relative(y, want) < BOUND[dtype] and relative(last, kept) < 1e-6


def test_without_decay_it_is_the_delta_rule() -> None:
    args = inputs(70)
    args[3] = None
    agree(gated_delta, twin, args, 1e-12)
    zeros = [*args[:3], torch.zeros_like(args[4]), *args[4:]]
    for got, want in zip(gated_delta(*args), gated_delta(*zeros), strict=True):
        assert torch.equal(got, want)


def test_strong_and_absent_decay() -> None:
    """log_decay from -1e4 (exp gives 0) to 0 (exp gives 1), in one chunk or for all."""
    args = inputs(40, dtype=torch.float32)
    args[3][:, ::3], args[3][:, 1::3] = -1e4, 0.0
    agree(gated_delta, twin, args, 1e-6, 3e-6)
    for log in (0.0, -30.0):
        args[3][:] = log
        agree(gated_delta, twin, args, 1e-6, 3e-6)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_equal_keys(beta: float) -> None:
    """The hardest triangular system: a power of it has entries of 10^18, its inverse
    none above 2. beta = 1 keeps the last value alone, 2 reflects at each token."""
    args = inputs(70, dtype=torch.float32, state=False)
    args[1][:] = args[1][:1, :1, :1]
    args[4][:] = beta
    args[3] = None
    agree(gated_delta, twin, args, 5e-6, 5e-5)
    if beta == 1.0:
        y, last = gated_delta(*args)
        held = args[1][:, -1, :, :, None] * args[2][:, -1, :, None, :]
        torch.testing.assert_close(last, held, rtol=1e-5, atol=1e-6)


def test_orthogonal_keys_are_linear_attention() -> None:
    """Keys that never meet replace nothing."""
    q, k, v, _, beta, _ = inputs(16, 16, batch=1, state=False)
    k = torch.eye(16).double()[None, :, None].expand_as(k)
    linear_attention = load("linear_attention").linear_attention
    want, _ = linear_attention(4 * q, k, v * beta.unsqueeze(3), normalize=False)
    torch.testing.assert_close(gated_delta(q, k, v, None, beta)[0], want)


def test_the_state_never_grows() -> None:
    """beta up to 2 and no values: |S| cannot increase, over many tokens."""
    args = inputs(500, 8, torch.float32)
    args[2], args[3] = torch.zeros_like(args[2]), None
    last = gated_delta(*args)[1]
    assert (last.norm(dim=2) <= args[5].norm(dim=2) * (1 + 1e-5)).all()


def test_pieces() -> None:
    pieces_agree(gated_delta, inputs(7), TIMED, 5)
    args = inputs(34, 2, width=2, batch=1)
    whole = gated_delta(*args)
    y1, state = gated_delta(*(a[:, :17] for a in args[:5]), args[5])
    y2, last = gated_delta(*(a[:, 17:] for a in args[:5]), state)
    torch.testing.assert_close((torch.cat((y1, y2), 1), last), whole)


def test_views() -> None:
    for length in (1, 35):
        views_agree(gated_delta, inputs(length), TIMED)


def test_gradcheck() -> None:
    for length in (1, 2, 35):
        args = [a.requires_grad_() for a in inputs(length, 2, width=2, batch=1)]
        assert torch.autograd.gradcheck(gated_delta, args, fast_mode=length > 2)


@pytest.mark.slow
def test_compile() -> None:
    compiles(gated_delta, inputs(40, state=False))


@pytest.mark.slow
def test_export() -> None:
    exports(gated_delta, inputs(40, dtype=torch.float32))


def test_autocast() -> None:
    for length in (1, 40):
        autocasts(gated_delta, inputs(length), low=[0, 1, 2])


@pytest.mark.slow
def test_any_length_is_one_graph() -> None:
    """States by groups of groups, where lengths are symbols: 100 chunks at last."""
    torch._dynamo.reset()
    compiled: Any = torch.compile(gated_delta, fullgraph=True, backend="eager")
    for length in (300, 40, 3200):
        args = inputs(length, 2, width=1, heads=1, batch=1)
        torch._dynamo.mark_dynamic(args[0], 1)
        for got, want in zip(compiled(*args), gated_delta(*args), strict=True):
            torch.testing.assert_close(got, want)
    torch._dynamo.reset()


def test_packed_sequences() -> None:
    """Each sequence as by itself; empty ones keep their state, padding gives 0."""
    args = inputs(40, batch=1, state=False)[:5]
    state, bounds = randn(4, 2, 6, 3), [0, 0, 1, 20, 36]
    y, last = gated_delta(*args, state, cu_seqlens=torch.tensor(bounds))
    assert torch.equal(last[0], state[0]) and (y[:, 36:] == 0).all()
    for n in range(1, 4):
        some = slice(bounds[n], bounds[n + 1])
        want, s = gated_delta(*(a[:, some] for a in args), state[n : n + 1])
        assert torch.equal(y[:, some], want) and torch.equal(last[n : n + 1], s)


def test_equals_that_of_transformers() -> None:
    """Their chunks of 64, in float32: outputs, the last state and all gradients."""
    module = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next")

    def theirs(q: Any, k: Any, v: Any, log: Any, beta: Any, state: Any) -> Any:
        return module.torch_chunk_gated_delta_rule(
            q * q.shape[3] ** 0.5, k, v, log, beta, 64, state, True
        )

    args = inputs(70, 16, torch.float32, heads=4, groups=2, width=8, most=1.0)
    agree(gated_delta, delta_checks.twin, args, 1e-6, 3e-6)
    agree(theirs, delta_checks.twin, args, 2e-6, 1e-5)
