"""What the kernels move at the sizes of the issue, from what the interpreter counts."""

from collections.abc import Callable

import pytest
import torch
from bytes_moved import counted
from triton_checks import DEVICE, SLOW, kernels

pytestmark = pytest.mark.skipif(
    DEVICE != "cpu" or not SLOW, reason="counted by the interpreter: make test-kernels"
)
BATCH, LENGTH = 8, 4096


def of(name: str, *given: torch.Tensor) -> tuple[int, int]:
    """Bytes that the kernels of kernels/<name>.py move, forward and backward."""
    given = tuple(a.requires_grad_() for a in given)
    with counted() as forward:
        out = getattr(kernels(name), name)(*given)
    with counted() as backward:
        torch.autograd.backward(out, [torch.zeros_like(o) for o in out])
    return sum(forward.values()), sum(backward.values())


def in_all(count: Callable[[int, int], tuple[int, int]], heads: int) -> list[float]:
    """Of count(tokens, heads): linear in both, so four small counts give a large one.

    Odd numbers of heads, as programs then take all of a group, as with many tokens.
    """
    counts = {(n, h): count(n, h) for n in (256, 512) for h in (1, 3)}
    moved = []
    for way in range(2):
        total = {size: both[way] for size, both in counts.items()}
        many = {
            n: total[n, 1] + (total[n, 3] - total[n, 1]) * (heads - 1) / 2
            for n in (256, 512)
        }
        each = many[512] - many[256]  # what 256 tokens more cost
        moved.append(BATCH * (many[256] + each * (LENGTH / 256 - 1)))
    return moved


def test_ssd() -> None:
    heads, width, states = 32, 64, 128

    def count(length: int, heads: int) -> tuple[int, int]:
        x = torch.zeros(1, length, heads, width, dtype=torch.bfloat16)
        b = torch.zeros(1, length, 1, states, dtype=torch.bfloat16)
        dt, one = torch.zeros(1, length, heads), torch.zeros(heads)
        return of("ssd", x, dt, one, b, b.clone(), one.clone())

    forward, backward = in_all(count, heads)
    x = BATCH * LENGTH * heads * width * 2
    b, dt = BATCH * LENGTH * states * 2, BATCH * LENGTH * heads * 4
    assert forward <= 2 * (2 * x + 2 * b + dt)
    assert backward <= 3 * (3 * x + 4 * b + 2 * dt)


def test_gated_linear_attention() -> None:
    heads, width = 16, 128

    def count(length: int, heads: int) -> tuple[int, int]:
        q = torch.zeros(1, length, heads, width, dtype=torch.bfloat16)
        return of("gated_linear_attention", q, q.clone(), q.clone(), q.clone())

    forward, backward = in_all(count, heads)
    one = BATCH * LENGTH * heads * width * 2
    assert forward <= 2 * 5 * one
    assert backward <= 2 * 9 * one
