"""What every Triton kernel must pass, over tests/kernels/kernel_checks.py.

`on_device` runs a public function on DEVICE and hands back CPU tensors, so that the
checks there serve here: DEVICE is cpu under the interpreter, cuda under `make gpu`.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from kernel_checks import relative, with_grads
from torch import Tensor

DEVICE = os.environ.get("STAR_TEST_DEVICE", "cpu")
ROOT = Path(__file__).parents[2]
SLOW = os.environ.get("STAR_TEST_ALL") == "1" or DEVICE != "cpu"
"""All cases: `make test-kernels` sets it. `make test` takes a sample."""

sys.path[:0] = [str(ROOT)]


def kernels(name: str) -> Any:
    return importlib.import_module(f"kernels.{name}")


def beside(name: str) -> Any:
    """tests/kernels/<name>.py, whose inputs and twin serve here, under another name."""
    path = ROOT / "tests" / "kernels" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"plain_{name}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_device(fn: Callable[..., Any], state: int | None = None) -> Callable[..., Any]:
    """`fn` on DEVICE. Argument `state` is copied: one token updates it in place."""

    def moved(*args: Any) -> Any:
        there = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
        if state is not None and isinstance(args[state], Tensor):
            if not torch.is_grad_enabled():
                there[state] = there[state].clone()
        out = fn(*there)
        if isinstance(out, Tensor):
            return out.cpu()
        return tuple(o.cpu() if isinstance(o, Tensor) else o for o in out)

    return moved


def close(got: Sequence[Tensor | None], want: Sequence[Tensor | None], bound: float):
    """Pairs by their relative norms; None meets None."""
    for n, (g, w) in enumerate(zip(got, want, strict=True)):
        assert (g is None) == (w is None), n
        if g is not None and w is not None and w.numel():
            error = relative(g.cpu(), w.cpu())
            assert error <= bound, f"{n}: {error:.2e}"


def pieces_agree(
    fn: Callable[..., Any],
    args: Sequence[Any],
    timed: Sequence[int],
    state: int,
    bound: float = 1e-6,
    splits: Sequence[int] | None = None,
) -> None:
    """Two calls, the state handed over, equal one: outputs and gradients."""
    outs, grads = with_grads(fn, args)
    length = args[timed[0]].shape[1]
    for split in splits or range(1, length):

        def pieces(*args: Any, split: int = split) -> tuple[Tensor, ...]:
            first, second = list(args), list(args)
            for n in timed:
                first[n], second[n] = args[n][:, :split], args[n][:, split:]
            y1, second[state] = fn(*first)
            y2, last = fn(*second)
            return torch.cat([y1, y2], 1), last

        got_outs, got_grads = with_grads(pieces, args)
        close(got_outs + got_grads, outs + grads, bound)


def views_agree(
    fn: Callable[..., Any], args: Sequence[Any], timed: Sequence[int]
) -> None:
    """The same bits for slices of a wide tensor, turned and expanded gradients.

    `fn` takes tensors on DEVICE. A view differs from its copy in strides only.
    """
    args = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
    views = list(args)
    for n in timed:
        a = args[n]
        wide = a.new_zeros(*a.shape[:2], 3 * a[0, 0].numel())
        part = wide.chunk(3, -1)[1].unflatten(2, tuple(a.shape[2:]))
        views[n] = part.copy_(a)
    leaves = [n for n, a in enumerate(args) if isinstance(a, Tensor)]

    def run(given: Sequence[Any], dy: Tensor | None = None) -> list[Tensor | None]:
        given = list(given)
        for n in leaves:
            # detach keeps the strides; a leaf of a view keeps them too
            given[n] = given[n].detach().requires_grad_(given[n].is_floating_point())
        outs = fn(*given)
        inputs = [given[n] for n in leaves if given[n].requires_grad]
        dy = torch.ones_like(outs[0]) if dy is None else dy
        grads = torch.autograd.grad(outs[0], inputs, dy, allow_unused=True)
        return [*outs, *grads]

    for got, want in zip(run(views), run(args), strict=True):
        assert (got is None) == (want is None)
        assert got is None or torch.equal(got, want)
    y = run(args)[0]
    assert y is not None
    turned = torch.randn(y.shape[1], y.shape[0], *y.shape[2:]).to(y)
    single = torch.randn(1, 1, *y.shape[2:]).to(y)
    whole = y.new_ones(())
    for dy in (turned.transpose(0, 1), single.expand(y.shape), whole.expand_as(y)):
        for got, want in zip(run(args, dy), run(args, dy.contiguous()), strict=True):
            assert (got is None) == (want is None)
            assert got is None or torch.equal(got, want)


def packed_agree(
    fn: Callable[..., Any],
    args: Sequence[Any],
    timed: Sequence[int],
    state: int,
    lengths: Sequence[int],
    padding: int,
    bound: float = 1e-6,
) -> None:
    """`fn(*args, cu_seqlens)` on a packed row equals a call a sequence; with gradients.

    `args` holds one row of sum(lengths) + padding tokens and a row of state a sequence.
    Tokens after the last border give zeros, and their gradients are zeros.
    """
    borders = [0]
    for length in lengths:
        borders.append(borders[-1] + length)
    assert args[timed[0]].shape[1] == borders[-1] + padding
    cu_seqlens = torch.tensor(borders, dtype=torch.int32, device=DEVICE)

    def apart(*args: Any) -> tuple[Tensor, ...]:
        ys, finals = [], []
        for n, (start, stop) in enumerate(zip(borders[:-1], borders[1:], strict=True)):
            some = list(args)
            for place in timed:
                some[place] = args[place][:, start:stop]
            if args[state] is not None:
                some[state] = args[state][n : n + 1]
            if start == stop:
                finals.append(some[state])
                continue
            y, final = fn(*some, None)
            ys.append(y)
            finals.append(final)
        end = torch.zeros_like(ys[0][:, :1]).expand(-1, padding, *ys[0].shape[2:])
        return torch.cat([*ys, end], 1), torch.cat(finals)

    def packed(*args: Any) -> tuple[Tensor, ...]:
        return fn(*args, cu_seqlens)

    outs, grads = with_grads(apart, args)
    got_outs, got_grads = with_grads(packed, args)
    close(got_outs + got_grads, outs + grads, bound)


@contextmanager
def poisoned():
    """torch.empty full of NaN: what a kernel leaves unwritten shows."""
    empty = torch.empty

    def full_of_nan(*args: Any, **kwargs: Any) -> Tensor:
        tensor = empty(*args, **kwargs)
        return tensor.fill_(torch.nan) if tensor.is_floating_point() else tensor

    torch.empty = full_of_nan
    try:
        yield
    finally:
        torch.empty = empty
