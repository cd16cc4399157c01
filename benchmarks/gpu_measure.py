"""One kernel on a GPU: its time against its floor, its error, its peers' times."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu_timing import Machine, Timer

Row = dict[str, Any]
PASSES = ("forward", "backward")


def first(out: Any) -> Tensor:
    tensor: Tensor = out[0] if isinstance(out, tuple) else out
    return tensor


def directions(
    call: Callable[..., Any], inputs: list[Tensor], timer: Timer
) -> tuple[float, float]:
    """Milliseconds forward without gradients, and of a backward pass alone."""
    with torch.no_grad():
        forward = timer.milliseconds(lambda: call(*inputs))
    leaves = [z.detach().requires_grad_() for z in inputs]
    y = first(call(*leaves))
    dy = torch.randn_like(y)
    backward = timer.milliseconds(
        lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True)
    )
    return forward, backward


@contextmanager
def plain_path() -> Iterator[None]:
    """Plain PyTorch inside, whatever the environment says outside."""
    before = os.environ.get("STAR_KERNELS")
    os.environ["STAR_KERNELS"] = "off"
    try:
        yield
    finally:
        del os.environ["STAR_KERNELS"]
        if before is not None:
            os.environ["STAR_KERNELS"] = before


def relative(got: Tensor, want: Tensor) -> float:
    """||got - want|| / ||want||."""
    return float((got - want).norm() / want.norm())


def largest_error(case: Any, shape: Any, device: str) -> float:
    """Of outputs and gradients on a small shape, bfloat16 against plain float64."""
    inputs = case.inputs(shape, torch.bfloat16, device)

    def run(tensors: list[Tensor]) -> list[Tensor]:
        leaves = [z.detach().requires_grad_() for z in tensors]
        y = first(case.call(*leaves))
        return [y.detach(), *torch.autograd.grad(y, leaves, torch.ones_like(y))]

    got = run(inputs)
    with plain_path():
        want = run([z.double() for z in inputs])
    return max(relative(g.double(), w) for g, w in zip(got, want, strict=True))


def measure(
    case: Any, machine: Machine, timer: Timer, full: Any, small: Any, device: str
) -> list[Row]:
    """Two rows, forward and backward, without peers yet."""
    error = largest_error(case, small, device)
    inputs = case.inputs(full, torch.bfloat16, device)
    elements = full[0] * full[1] * full[2]
    rows = []
    for n, ms in enumerate(directions(case.call, inputs, timer)):
        floor = machine.floor(
            2 * case.moves[n] * elements,
            case.flops[n] * elements,
            case.exponentials * elements,
        )
        rows.append(row(case.name, PASSES[n], ms, floor, case.asked[n], error=error))
    return rows


def row(
    kernel: str,
    kind: str,
    ms: float,
    floor: float,
    asked: float | None,
    **more: object,
) -> Row:
    """`asked` is the largest ratio to the floor that is wanted."""
    return {
        "kernel": kernel,
        "pass": kind,
        "ms": ms,
        "floor_ms": floor,
        "ratio": ms / floor,
        "asked": asked,
        "reached": asked is None or ms / floor <= asked,
        "peers": {},
        **more,
    }


def measure_peer(
    case: Any, peer: Any, rows: list[Row], timer: Timer, full: Any, device: str
) -> list[Row]:
    """Its times into both rows; and how far its output is from ours on these inputs."""
    inputs = case.inputs(full, torch.bfloat16, device)
    call, theirs = peer.make(inputs)
    difference = None
    if peer.same:
        with torch.no_grad():
            got, want = first(call(*theirs)), first(case.call(*inputs))
            difference = relative(got.float(), want.float())
        del got, want
    for n, ms in enumerate(directions(call, theirs, timer)):
        add_peer(rows[n], peer.name, ms, peer.asked[n], difference=difference)
    return []


def add_peer(
    row: Row, peer: str, ms: float, asked: float | None, **more: object
) -> None:
    """`asked`: how many times slower than ours the peer is wanted to be."""
    speedup = ms / row["ms"]
    row["peers"][peer] = {"ms": ms, "speedup": speedup, "asked": asked, **more}
