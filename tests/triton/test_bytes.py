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


def in_all(count: Callable[[int], tuple[int, int]]) -> list[float]:
    """Of count(tokens) of one sequence: linear, so two small ones give a large one."""
    few, more = count(256), count(512)
    tiles = LENGTH // 256
    return [
        BATCH * (one + (two - one) * (tiles - 1))
        for one, two in zip(few, more, strict=True)
    ]


def test_ssd() -> None:
    """Linear in the heads of a group as well.

    Odd numbers of heads, as programs then take all of a group, as with many tokens.
    """
    heads, width, states = 32, 64, 128

    def with_heads(length: int, heads: int) -> tuple[int, int]:
        x = torch.zeros(1, length, heads, width, dtype=torch.bfloat16)
        b = torch.zeros(1, length, 1, states, dtype=torch.bfloat16)
        dt, one = torch.zeros(1, length, heads), torch.zeros(heads)
        return of("ssd", x, dt, one, b, b.clone(), one.clone())

    def count(length: int) -> tuple[int, int]:
        one, three = with_heads(length, 1), with_heads(length, 3)
        more = [(b - a) * (heads - 1) // 2 for a, b in zip(one, three, strict=True)]
        return one[0] + more[0], one[1] + more[1]

    forward, backward = in_all(count)
    x = BATCH * LENGTH * heads * width * 2
    b, dt = BATCH * LENGTH * states * 2, BATCH * LENGTH * heads * 4
    assert forward <= 2 * (2 * x + 2 * b + dt)
    assert backward <= 3 * (3 * x + 4 * b + 2 * dt)


def test_gated_linear_attention() -> None:
    """Of one head, whose neighbours share nothing with it."""

    def count(length: int) -> tuple[int, int]:
        q = torch.zeros(1, length, 1, 128, dtype=torch.bfloat16)
        return of("gated_linear_attention", q, q.clone(), q.clone(), q.clone())

    forward, backward = in_all(count)
    q = BATCH * LENGTH * 128 * 2
    assert forward <= 2 * 5 * q
    assert backward <= 2 * 9 * q


@pytest.mark.parametrize("repeat", [1, 4])
def test_linear_attention(repeat: int) -> None:
    """Of one key, normalized, with `repeat` query heads."""

    def count(length: int) -> tuple[int, int]:
        q = torch.zeros(1, length, repeat, 128, dtype=torch.bfloat16)
        k = torch.zeros(1, length, 1, 128, dtype=torch.bfloat16)
        return of("linear_attention", q, k, k.clone())

    forward, backward = in_all(count)
    q, k = (BATCH * LENGTH * heads * 128 * 2 for heads in (repeat, 1))
    assert forward <= 2 * (2 * q + 2 * k)
    assert backward <= 2 * (4 * q + 4 * k)
