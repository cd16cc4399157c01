"""What every kernel must pass: the checks that the files beside this one share.

A kernel is compared with a twin: the same signature, written as a plain loop over time
and run in float64 on the same numbers. Errors are ||got - want|| / ||want||.
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

KERNELS = Path(__file__).parents[2] / "kernels"
LENGTHS = (1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 128, 129, 130, 151)
BOUND = {torch.float32: 1e-6, torch.bfloat16: 1e-2, torch.float16: 2e-3}

torch.set_num_threads(1)  # the shapes here are tiny


def load(name: str) -> ModuleType:
    """A kernel file by itself, as the compiler pastes it: no package around it."""
    spec = importlib.util.spec_from_file_location(
        f"kernel_{name}", KERNELS / f"{name}.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def function_of(test: str) -> Callable[..., Any]:
    """The public function of the kernel that a file `test_<name>.py` is named after."""
    name = Path(test).stem.removeprefix("test_")
    function: Callable[..., Any] = getattr(load(name), name)
    return function


def randn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64).to(dtype)


def relative(got: Tensor, want: Tensor) -> float:
    assert got.shape == want.shape, (got.shape, want.shape)
    assert torch.isfinite(got).all()
    got, want = got.detach().double(), want.detach().double()
    error = (got - want).norm()
    size = want.norm()
    return float(error if size == 0 else error / size)


def outputs_of(fn: Callable[..., Any], args: Sequence[Any]) -> tuple[Tensor, ...]:
    out = fn(*args)
    return out if isinstance(out, tuple) else (out,)


def with_grads(
    fn: Callable[..., Any], args: Sequence[Any], seed: int = 1
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Outputs, and the gradients of every floating argument, for random cotangents."""
    args = [a.detach().requires_grad_() if isinstance(a, Tensor) else a for a in args]
    outs = outputs_of(fn, args)
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(o.shape, generator=generator, dtype=torch.float64) for o in outs
    ]
    leaves = [a for a in args if isinstance(a, Tensor)]
    grads = torch.autograd.grad(
        outs,
        leaves,
        [w.to(o.dtype) for w, o in zip(weights, outs, strict=True)],
        allow_unused=True,
    )
    return list(outs), list(grads)


def agree(
    fn: Callable[..., Any],
    twin: Callable[..., Any],
    args: Sequence[Any],
    bound: float,
    grad_bound: float | None = None,
) -> None:
    """Outputs and all gradients against the twin in float64; same without gradients."""
    wide = [a.double() if isinstance(a, Tensor) else a for a in args]
    before = [a.clone() if isinstance(a, Tensor) else a for a in args]
    outs, grads = with_grads(fn, args)
    want_outs, want_grads = with_grads(twin, wide)
    for n, (got, want) in enumerate(zip(outs, want_outs, strict=True)):
        if want.numel():
            error = relative(got, want)
            assert error <= bound, f"output {n}: {error:.2e}"
    tensors = [(n, a) for n, a in enumerate(args) if isinstance(a, Tensor)]
    for (n, a), got_grad, want_grad in zip(tensors, grads, want_grads, strict=True):
        if want_grad is None or not want_grad.numel():
            continue
        assert got_grad is not None, f"no gradient for argument {n}"
        assert got_grad.dtype == a.dtype
        error = relative(got_grad, want_grad)
        limit = bound if grad_bound is None else grad_bound
        assert error <= limit, f"gradient of argument {n}: {error:.2e}"
    with torch.no_grad():
        for got, want in zip(outputs_of(fn, args), outs, strict=True):
            assert torch.allclose(got, want, rtol=1e-2, atol=1e-5)
    for a, b in zip(args, before, strict=True):
        assert not isinstance(a, Tensor) or torch.equal(a, b), "an argument was changed"


def pieces_agree(
    fn: Callable[..., Any], args: Sequence[Any], timed: Sequence[int], state: int
) -> None:
    """Two calls, the state handed over, equal one call: at every split, in float64.

    `timed` are the arguments with time in dimension 1, `state` is the state's place.
    """
    length = args[timed[0]].shape[1]
    whole_outs, whole_grads = with_grads(fn, args)
    for split in range(1, length):

        def pieces(*args: Any, split: int = split) -> tuple[Tensor, ...]:
            first, second = list(args), list(args)
            for n in timed:
                first[n], second[n] = args[n][:, :split], args[n][:, split:]
            y1, second[state] = fn(*first)
            y2, last = fn(*second)
            return torch.cat([y1, y2], 1), last

        outs, grads = with_grads(pieces, args)
        for got, want in zip(outs + grads, whole_outs + whole_grads, strict=True):
            assert got is not None and want is not None
            assert torch.allclose(got, want, rtol=1e-9, atol=1e-10), split


def views_agree(
    fn: Callable[..., Any], args: Sequence[Any], timed: Sequence[int]
) -> None:
    """Slices of one fused projection in, expanded and transposed gradients out."""
    views = list(args)
    for n in timed:
        a = args[n]
        wide = torch.randn(a.shape[0], a.shape[1], 3 * a[0, 0].numel(), dtype=a.dtype)
        part = wide[..., a[0, 0].numel() : 2 * a[0, 0].numel()].unflatten(
            2, tuple(a.shape[2:])
        )
        views[n] = part.copy_(a)
        assert not views[n].is_contiguous()
    outs, grads = with_grads(fn, args)
    got_outs, got_grads = with_grads(fn, views)
    for got, want in zip(got_outs + got_grads, outs + grads, strict=True):
        assert (got is None) == (want is None)
        if got is not None and want is not None:
            assert torch.allclose(got, want, rtol=1e-9, atol=1e-12)
    leaves = [a.detach().requires_grad_() for a in args if isinstance(a, Tensor)]

    def gradients(dy: Tensor) -> tuple[Tensor, ...]:
        tensors = iter(leaves)
        y = outputs_of(
            fn, [next(tensors) if isinstance(a, Tensor) else a for a in args]
        )[0]
        return torch.autograd.grad(y, leaves, dy, allow_unused=True)

    y = outs[0]
    single = torch.randn(1, 1, *y.shape[2:], dtype=y.dtype)
    turned = torch.randn(y.shape[1], y.shape[0], *y.shape[2:], dtype=y.dtype)
    for dy in (
        single.expand(y.shape),
        turned.transpose(0, 1),
        y.new_ones(()).expand_as(y),
    ):
        for got, want in zip(gradients(dy), gradients(dy.contiguous()), strict=True):
            assert (got is None) == (want is None)
            assert got is None or torch.allclose(got, want, rtol=1e-9, atol=1e-12)


def compiles(fn: Callable[..., Any], args: Sequence[Any]) -> None:
    """One graph, forward and backward, with the gradients of the eager run."""
    torch._dynamo.reset()
    compiled = torch.compile(fn, fullgraph=True, backend="aot_eager")
    outs, grads = with_grads(fn, args)
    got_outs, got_grads = with_grads(compiled, args)
    for got, want in zip(got_outs + got_grads, outs + grads, strict=True):
        assert (got is None) == (want is None)
        if got is not None and want is not None:
            assert torch.allclose(got, want, rtol=1e-5, atol=1e-6)
    torch._dynamo.reset()


def exports(fn: Callable[..., Any], args: Sequence[Any]) -> None:
    class Holder(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Any:
            rest = iter(tensors)
            return fn(*(next(rest) if isinstance(a, Tensor) else a for a in args))

    tensors = tuple(a for a in args if isinstance(a, Tensor))
    program = torch.export.export(Holder(), tensors)
    got = outputs_of(program.module(), tensors)
    for g, want in zip(got, outputs_of(fn, args), strict=True):
        assert torch.allclose(g, want, rtol=1e-5, atol=1e-6)


def autocasts(fn: Callable[..., Any], args: Sequence[Any], low: Sequence[int]) -> None:
    """bfloat16 activations and float32 weights under autocast: as without autocast."""
    mixed = [
        a.bfloat16() if n in low else a.float() if isinstance(a, Tensor) else a
        for n, a in enumerate(args)
    ]
    outs, grads = with_grads(fn, mixed)

    def inside(*args: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return fn(*args)

    got_outs, got_grads = with_grads(inside, mixed)
    assert got_outs[0].dtype == torch.bfloat16
    for got, want in zip(got_outs + got_grads, outs + grads, strict=True):
        assert (got is None) == (want is None)
        if got is not None and want is not None:
            assert got.dtype == want.dtype
            assert relative(got, want) < 1e-5
