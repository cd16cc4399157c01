"""What the interpreter says of a kernel that is wrong."""

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor

from tests.triton.triton_checks import DEVICE


@triton.jit  # type: ignore[untyped-decorator]
def multiply_kernel(out: Tensor, factor: int) -> None:
    row = tl.program_id(0) + 1
    tl.store(out, row * factor)


@triton.jit  # type: ignore[untyped-decorator]
def overlay_kernel(a: Tensor, b: Tensor, T: tl.constexpr) -> None:
    """Blocks of pointers to two types, and masks of one shape or another."""
    t = tl.arange(0, T)
    x = tl.load(a + t[:, None] * T + t[None, :])
    y = tl.load(b + t, mask=t < T - 1, other=2)
    tl.store(a + t[:, None] * T + t[None, :], x + y[None, :] * 0.5)


@pytest.mark.skipif(DEVICE != "cpu", reason="a GPU wraps around")
def test_a_number_beyond_32_bits_is_an_error() -> None:
    out = torch.zeros(1, dtype=torch.int64)
    multiply_kernel[(1,)](out, 2**31 - 1)
    assert out.item() == 2**31 - 1
    with pytest.raises(Exception, match="int32 overflow in mul"):
        multiply_kernel[(2,)](out, 2**31 - 1)


def test_types_and_shapes_are_told_apart() -> None:
    a = torch.randn(8, 8, device=DEVICE)
    b = torch.arange(8, dtype=torch.int64, device=DEVICE)
    expected = a + torch.where(b < 7, b, 2) * 0.5
    overlay_kernel[(1,)](a, b, 8)
    assert torch.equal(a, expected)
