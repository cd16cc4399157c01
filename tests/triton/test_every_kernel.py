"""What holds for every Triton kernel alike: limits, strides, dtypes, equal runs."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from starc.reference.kernel_cases import KernelCases
from tests.kernels.kernel_checks import outputs_of, with_grads
from tests.triton import fast_scans  # noqa: F401
from tests.triton.ahead_of_time import in_a_process
from tests.triton.every_kernel import FUNCTIONS, leaves
from tests.triton.triton_checks import DEVICE, Kernel, poisoned, some, some_but

each = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)


def same(got: Any, want: Any) -> None:
    for g, w in zip(got, want, strict=True):
        assert (g is None) == (w is None)
        assert g is None or torch.equal(g, w)


@some
@each
def test_runs_are_equal(function: KernelCases) -> None:
    fn = Kernel(function.name)
    args = function.arguments(1, 70)
    first, second = with_grads(fn, args), with_grads(fn, args)
    same(first[0] + first[1], second[0] + second[1])


@each
def test_wide_weights(function: KernelCases) -> None:
    """float32 weights and state beside bfloat16; autocast changes nothing."""
    fn = Kernel(function.name)
    args = function.arguments(2, 19, torch.bfloat16, rest=torch.float32)
    fn.agrees(args)

    def under_autocast(*args: Any) -> Any:
        with torch.autocast(DEVICE, torch.bfloat16):
            return fn(*args)

    (outs, grads), (got, got_grads) = (
        with_grads(fn, args),
        with_grads(under_autocast, args),
    )
    assert outs[0].dtype == torch.bfloat16
    assert all(last.dtype == torch.float32 for last in outs[1:])
    same(got + got_grads, outs + grads)


@pytest.mark.parametrize("rows,length", [(2, 0), (0, 0), (0, 1), (0, 5)])
@pytest.mark.filterwarnings("error::UserWarning")
@each
def test_zero_sizes(function: KernelCases, rows: int, length: int) -> None:
    """Empty in, empty out: the last state is the one given, or zeros, bit for bit; so
    is its gradient, and that of every weight is zero."""
    public = Kernel(function.name).public
    given = function.arguments(rows, length)
    given = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in given]
    states = [function.state] if function.state is not None else []
    with poisoned():
        for state in [*states, None] if states else [None]:
            args = list(given)
            if state is None and states:
                args[states[0]] = None
            with torch.no_grad():
                plain = outputs_of(public, args)
            args = leaves(args)
            outs = outputs_of(public, args)
            same(outs, plain)
            empty, *last = outs
            assert empty.numel() == 0 and empty.shape[0] == rows
            tensors = [a for a in args if isinstance(a, Tensor)]
            tied = [out for out in outs if out.requires_grad]
            ends = [torch.full_like(out, 3.0) for out in tied]
            grads = torch.autograd.grad(tied, tensors, ends, allow_unused=True)
            for tensor, grad in zip(tensors, grads, strict=True):
                if state is not None and tensor is args[state]:
                    assert torch.equal(last[0], tensor)
                    assert grad is not None and torch.equal(grad, ends[1])
                else:
                    assert grad is None or not grad.any()
            if state is None:
                assert not any(end.any() for end in last)


# Batch, length, and elements from a sequence, a token and a head to the next. A step of
# less than 2^31 elements passes it when it is multiplied in 32 bits.
FAR = {
    "tokens": (1, 4, 2**33, 2**30 + 16, 32),
    "sequences": (4, 2, 2**30 + 64, 128, 32),
    "heads": (1, 2, 2**33, 64, 2**30 + 32),
}


def far_apart(a: Tensor, steps: list[int]) -> Tensor:
    """The same numbers, so many elements apart in memory that is never touched."""
    strides = [*steps[: a.dim() - 1], 1]
    size = 1 + sum((n - 1) * s for n, s in zip(a.shape, strides, strict=True))
    try:
        parent = torch.empty(size, dtype=a.dtype, device=a.device)
    except torch.OutOfMemoryError:
        pytest.skip("no room on the GPU beside the other tests")
    return parent.as_strided(a.shape, strides).copy_(a)


@pytest.fixture
def handed_back() -> Iterator[None]:
    """Memory of a GPU, up to 40 GiB a test, to the other processes of pytest."""
    yield
    if DEVICE != "cpu":
        torch.cuda.empty_cache()


@pytest.mark.xdist_group("much memory")
@pytest.mark.usefixtures("handed_back")
@pytest.mark.parametrize("far", some_but(["tokens"], FAR))
@each
def test_offsets_past_32_bits(function: KernelCases, far: str) -> None:
    """Narrow views of wide parents, gradients too; no memory is used between rows."""
    batch, length, *steps = FAR[far]
    args = function.arguments(batch, length, torch.bfloat16, rest=torch.float32)
    args = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
    if far == "heads" and args[0].dim() < 4:
        pytest.skip("no heads")

    public = Kernel(function.name).public

    def run(given: list[Any], dy: Tensor) -> list[Tensor]:
        given = leaves(given)
        outs = outputs_of(public, given)
        inputs = [a for a in given if isinstance(a, Tensor)]
        rest = [torch.ones_like(o) for o in outs[1:]]
        return [*outs, *torch.autograd.grad(outs, inputs, [dy, *rest])]

    dy = torch.randn_like(outputs_of(public, args)[0])
    want = run(args, dy)
    for n in function.timed:
        args[n] = far_apart(args[n], steps)
    same(run(args, far_apart(dy, steps)), want)


@pytest.mark.skipif(DEVICE != "cpu", reason="needs no GPU")
def test_launches() -> None:
    """No length compiles more, no axis of a grid ends, no device is left to chance."""
    names = [function.name for function in FUNCTIONS]
    for name, found in in_a_process(*names, script="launch_limits.py").items():
        assert found["more"] == [] and found["variants"] <= 12, name
        x, y, z = found["grid"]
        assert x < 2**31 and max(y, z) < 2**16, name
