"""What the kernels move at the sizes of the issue, from what the interpreter counts."""

import pytest
import torch
from bytes_moved import counted
from triton_checks import DEVICE, SLOW, kernels

pytestmark = pytest.mark.skipif(
    DEVICE != "cpu" or not SLOW, reason="counted by the interpreter: make test-kernels"
)
BATCH, LENGTH, HEADS, WIDTH, STATES = 8, 4096, 32, 64, 128


def ssd(length: int, heads: int) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of each kernel, forward and backward: one sequence, one group, bfloat16."""
    x = torch.zeros(1, length, heads, WIDTH, dtype=torch.bfloat16)
    b = torch.zeros(1, length, 1, STATES, dtype=torch.bfloat16)
    dt, one = torch.zeros(1, length, heads), torch.zeros(heads)
    given = [a.requires_grad_() for a in (x, dt, one, b, b.clone(), one.clone())]
    with counted() as forward:
        out = kernels("ssd").ssd(*given)
    with counted() as backward:
        torch.autograd.backward(out, [torch.zeros_like(o) for o in out])
    return forward, backward


def test_ssd() -> None:
    """Linear in the heads and in the tokens: four small counts give a large one.

    Odd numbers of heads, as programs then take all of a group, as with many tokens.
    """
    counts = {(n, h): ssd(n, h) for n in (256, 512) for h in (1, 3)}
    moved = []
    for way in range(2):
        total = {size: sum(table[way].values()) for size, table in counts.items()}
        many = {
            n: total[n, 1] + (total[n, 3] - total[n, 1]) * (HEADS - 1) / 2
            for n in (256, 512)
        }
        each = many[512] - many[256]  # what 256 tokens more cost
        moved.append(BATCH * (many[256] + each * (LENGTH / 256 - 1)))
    x = BATCH * LENGTH * HEADS * WIDTH * 2
    b, dt = BATCH * LENGTH * STATES * 2, BATCH * LENGTH * HEADS * 4
    assert moved[0] <= 2 * (2 * x + 2 * b + dt)
    assert moved[1] <= 3 * (3 * x + 4 * b + 2 * dt)
