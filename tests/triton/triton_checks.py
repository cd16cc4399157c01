"""What every Triton kernel must pass, over tests/kernels/kernel_checks.py.

`on_device` runs a public function on DEVICE and hands back CPU tensors, so that the
checks there serve here: DEVICE is cpu under the interpreter, cuda under `make gpu`.
"""

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.kernels.kernel_checks import (
    BOUND,
    LENGTHS,
    agree,
    outputs_of,
    relative,
    with_grads,
)
from tests.sampled import sampled
from tests.triton.every_kernel import FUNCTIONS

DEVICE = os.environ.get("STAR_TEST_DEVICE", "cpu")
ROOT = Path(__file__).parents[2]
SLOW = os.environ.get("STAR_TEST_ALL") == "1" or DEVICE != "cpu"
"""All cases: `make test-kernels` sets it. `make test` takes a sample."""

some = pytest.mark.some
NARROW = [torch.bfloat16, pytest.param(torch.float16, marks=some)]

sys.path[:0] = [str(ROOT)]


def sample(*lengths: int) -> list[Any]:
    """All lengths of tests/kernels; `make test` takes these only."""
    return some_but(lengths, LENGTHS)


def some_but(fast: Collection[Any], every: Iterable[Any]) -> list[Any]:
    """All of these; `make test` takes the fast ones only."""
    return sampled(every, fast, some)


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

    def moved(*args: Any, **named: Any) -> Any:
        there = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
        if state is not None and isinstance(args[state], Tensor):
            if not torch.is_grad_enabled():
                there[state] = there[state].clone()
        out = fn(*there, **named)
        if isinstance(out, Tensor):
            return out.cpu()
        return tuple(o.cpu() if isinstance(o, Tensor) else o for o in out)

    return moved


def close(
    got: Sequence[Tensor | None], want: Sequence[Tensor | None], bound: float
) -> None:
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
        assert got is None or want is None or torch.equal(got, want)
    y = run(args)[0]
    assert y is not None
    turned = torch.randn(y.shape[1], y.shape[0], *y.shape[2:]).to(y)
    single = torch.randn(1, 1, *y.shape[2:]).to(y)
    whole = y.new_ones(())
    for dy in (turned.transpose(0, 1), single.expand(y.shape), whole.expand_as(y)):
        for got, want in zip(run(args, dy), run(args, dy.contiguous()), strict=True):
            assert (got is None) == (want is None)
            assert got is None or want is None or torch.equal(got, want)


def packed_agree(
    fn: Callable[..., Any],
    args: Sequence[Any],
    timed: Sequence[int],
    state: int,
    lengths: Sequence[int],
    padding: int,
    bound: float = 1e-6,
) -> None:
    """With `cu_seqlens` a packed row equals a call a sequence; with gradients.

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
            row = list(args)
            for place in timed:
                row[place] = args[place][:, start:stop]
            if args[state] is not None:
                row[state] = args[state][n : n + 1]
            if start == stop:
                finals.append(row[state])
                continue
            y, final = fn(*row)
            ys.append(y)
            finals.append(final)
        end = torch.zeros_like(ys[0][:, :1]).expand(-1, padding, *ys[0].shape[2:])
        return torch.cat([*ys, end], 1), torch.cat(finals)

    def packed(*args: Any) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = fn(*args, cu_seqlens=cu_seqlens)
        return found

    outs, grads = with_grads(apart, args)
    got_outs, got_grads = with_grads(packed, args)
    close(got_outs + got_grads, outs + grads, bound)


class Kernel:
    """A function of every_kernel.py, called on DEVICE, beside its twin in float64.

    `inputs` makes its arguments, as the file of the twin in tests/kernels says.
    """

    def __init__(self, name: str) -> None:
        (function,) = (f for f in FUNCTIONS if f.name == name)
        self.timed, self.state = function.timed, function.state
        self.public = getattr(kernels(name), name)
        self.call = on_device(self.public, self.state)
        self.plain = plain = beside(f"test_{function.twins or name}")
        self.twin = plain.TWINS[name] if function.twins else plain.twin
        self.inputs = partial(plain.inputs, name) if function.twins else plain.inputs

    @classmethod
    def of(cls, test: str) -> "Kernel":
        """That which a file `test_<name>.py` is named after."""
        return cls(Path(test).stem.removeprefix("test_"))

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def agrees(
        self,
        args: Sequence[Any],
        bound: float | None = None,
        grad_bound: float | None = None,
    ) -> None:
        """Outputs, gradients and what is returned without; by the coarsest dtype."""
        dtypes = {a.dtype for a in args if isinstance(a, Tensor)}
        bound = max(map(BOUND.__getitem__, dtypes)) if bound is None else bound
        agree(self.call, self.twin, args, bound, grad_bound)

    def pieces_agree(
        self,
        args: Sequence[Any],
        splits: Sequence[int] | None = None,
        bound: float = 1e-6,
    ) -> None:
        assert self.state is not None
        pieces_agree(self.call, args, self.timed, self.state, bound, splits)

    def views_agree(self, args: Sequence[Any], *more: int) -> None:
        """Of the arguments with time, and of those numbered in `more`."""
        views_agree(self.public, args, (*self.timed, *more))

    def packed_agree(
        self,
        args: Sequence[Any],
        lengths: Sequence[int],
        padding: int,
        bound: float = 1e-6,
    ) -> None:
        assert self.state is not None
        with poisoned():
            packed_agree(
                self.call, args, self.timed, self.state, lengths, padding, bound
            )

    def steps_in_place(self, args: Sequence[Any]) -> None:
        """One token changes the state it was given; not one whose rows share memory."""
        assert self.state is not None
        args = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
        with torch.no_grad():
            wide = [a.double() if isinstance(a, Tensor) else a for a in args]
            want = self.twin(*wide)
            y, last = self.public(*args)
            assert last is args[self.state]
            close((y, last), want, BOUND[args[0].dtype])
            args[self.state] = last[:1].expand(last.shape)
            kept = args[self.state].clone()
            y, last = self.public(*args)
            assert last is not args[self.state] and torch.equal(args[self.state], kept)

    def falls_back(self, args: Sequence[Any], why: str) -> None:
        """Plain PyTorch, which says why: the first time only."""
        args = [a.to(DEVICE) if isinstance(a, Tensor) else a for a in args]
        with pytest.warns(UserWarning, match=why):
            got = outputs_of(self.public, args)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.public(*args)
        wide = [a.double() if isinstance(a, Tensor) else a for a in args]
        close(got[:1], outputs_of(self.twin, wide)[:1], BOUND[torch.float32])


@contextmanager
def poisoned() -> Any:
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
