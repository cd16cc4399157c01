"""Products by expert against a loop over the rows."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels import grouped_linear as kernel
from kernels.grouped_linear import by_expert, grouped_linear, grouped_sum
from kernels.plain import grouped_linear as plain


@contextmanager
def at_once() -> Iterator[None]:
    """As in a compiled graph: all products of a call together, of tiles."""
    with mock.patch.object(kernel, "_at_once", lambda x: True):
        yield


@contextmanager
def in_one_launch() -> Iterator[None]:
    """By torch's grouped product, which a CPU has too and does not gain by."""
    with mock.patch.object(kernel, "_grouped_is_faster", lambda x: True):
        yield


WAYS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "by expert": nullcontext,
    "at once": at_once,
}


def a_row_at_a_time(x: Tensor, weight: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
    found = []
    for n, row in enumerate(rows.tolist()):
        expert = sum(n >= end for end in ends.tolist())
        here = expert < len(weight)
        found.append(weight[expert] @ x[row] if here else 0 * weight[0] @ x[row])
    return torch.stack(found) if found else x.new_zeros(0, weight.shape[1])


def a_choice_at_a_time(
    h: Tensor, weight: Tensor, ends: Tensor, order: Tensor, p: Tensor
) -> Tensor:
    """h times p, to the token of its choice."""
    rows = a_row_at_a_time(h, weight, ends, torch.arange(len(h)))
    y = [h.new_zeros(weight.shape[1]) for _ in range(p[..., 0].numel())]
    for n, place in enumerate(order.tolist()):
        y[place // p.shape[-1]] = y[place // p.shape[-1]] + p.flatten()[place] * rows[n]
    return torch.stack(y).view(*p.shape[:-1], -1)


def case(
    counts: list[int], behind: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, ...]:
    """x and rows with so many places for each expert, the last `behind` without one."""
    torch.manual_seed(sum(counts))
    x = torch.randn(7, 5, dtype=dtype, requires_grad=True)
    experts = len(counts) - behind
    weight = torch.randn(experts, 3, 5, dtype=dtype, requires_grad=True)
    rows = torch.randint(7, (sum(counts),))
    return x, weight, torch.tensor(counts).cumsum(0), rows


def compare(found: Tensor, expected: Tensor, used: list[Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    cotangent = torch.randn(found.shape, dtype=found.dtype)
    ours = torch.autograd.grad(found, used, cotangent)
    theirs = torch.autograd.grad(
        expected, used, cotangent, retain_graph=True, materialize_grads=True
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


counts = st.lists(st.integers(0, 70), min_size=1, max_size=9)


@pytest.mark.parametrize("way", WAYS)
@given(counts, st.integers(0, 1))
@settings(max_examples=30, deadline=None)
def test_it_is_the_matrix_of_the_expert(
    way: str, counts: list[int], behind: int
) -> None:
    x, weight, ends, rows = case([*counts, 5], behind)
    expected = a_row_at_a_time(x, weight, ends, rows)
    with WAYS[way]():
        found = grouped_linear(x, weight, ends, rows)
    compare(found, expected, [x, weight])


@pytest.mark.parametrize("way", WAYS)
@given(st.integers(0, 4), st.integers(0, 9), st.integers(1, 6), st.data())
@settings(max_examples=40, deadline=None)
def test_each_token_gets_the_sum_of_its_experts(
    way: str, batch: int, length: int, experts: int, data: st.DataObject
) -> None:
    top = data.draw(st.integers(1, experts))
    behind = data.draw(st.integers(0, experts - 1))
    torch.manual_seed(0)
    chosen = torch.rand(batch, length, experts).topk(top).indices
    order, ends = by_expert(chosen, experts)
    expert = chosen.flatten()[order]
    assert (expert.diff() >= 0).all()
    assert torch.equal(ends, torch.bincount(expert, minlength=experts).cumsum(0))
    if not len(order):
        return
    h = torch.randn(len(order), 5, dtype=torch.float64, requires_grad=True)
    p = torch.rand(batch, length, top, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(experts - behind, 3, 5, dtype=torch.float64)
    weight.requires_grad_()
    expected = a_choice_at_a_time(h, weight, ends, order, p)
    with WAYS[way]():
        found = grouped_sum(h, weight, ends, order, p)
    compare(found, expected, [h, weight, p])


@pytest.mark.parametrize("way", WAYS)
def test_what_is_behind_touches_nothing(way: str) -> None:
    """Not even where it is no number."""
    x, weight, ends, rows = case([3, 0, 34, 40], behind=1)
    rows[:37] %= 6  # the last token takes nothing
    with torch.no_grad():
        x[6] = torch.nan
    rows[37:] = 6
    order, p = torch.arange(77), torch.rand(77, 1, dtype=torch.float64)
    with WAYS[way]():
        y = grouped_linear(x, weight, ends, rows)
        h = torch.cat((torch.randn(37, 5), torch.full((40, 5), 1e9))).double()
        z = grouped_sum(h.requires_grad_(), weight, ends, order, p.requires_grad_())
    assert y.isfinite().all() and z.isfinite().all()
    expected = a_choice_at_a_time(h[:37], weight, ends, order[:37], p[:37])
    torch.testing.assert_close(z, F.pad(expected, (0, 0, 0, 40)))
    total = y.square().sum() + z.square().sum()
    for gradient in torch.autograd.grad(total, [x, weight, h, p]):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("product", ["grouped_linear", "grouped_sum"])
@pytest.mark.parametrize("needed", ["x", "weight"])
def test_only_what_is_asked_is_computed(needed: str, product: str) -> None:
    x, weight, ends, rows = case([3, 0, 4])
    (x if needed == "weight" else weight).requires_grad_(False)
    if product == "grouped_linear":
        grouped_linear(x, weight, ends, rows).sum().backward()
    else:
        p = torch.ones(7, 1, dtype=torch.float64)
        grouped_sum(x, weight, ends, torch.arange(7), p).sum().backward()
    assert (x.grad is None) == (needed == "weight")
    assert (weight.grad is None) == (needed == "x")


@pytest.mark.parametrize("form", [kernel, plain])
def test_one_token_reads_its_own_experts_only(form: Any) -> None:
    """What is not a number in any other expert would show."""
    x, weight, ends, _ = case([0, 1, 0, 1, 0])
    rows, p = torch.zeros(2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.float64)
    with torch.no_grad():
        weight[::2] = torch.nan
    assert form.grouped_linear(x, weight, ends, rows).isfinite().all()
    assert form.grouped_sum(x[:2], weight, ends, torch.arange(2), p).isfinite().all()


def test_sums_of_bfloat16_are_rounded_once() -> None:
    """1 + 7 x 1/256: each alone is too little for 1, together they are not."""
    h = torch.tensor([1.0, *[1 / 256] * 7], dtype=torch.bfloat16)[:, None]
    weight = torch.ones(8, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    ends, order = torch.arange(1, 9), torch.arange(8)
    y = grouped_sum(h, weight, ends, order, torch.ones(1, 8))
    assert y.item() == 1.03125
    x = torch.ones(1, 1, dtype=torch.bfloat16, requires_grad=True)
    rows = torch.zeros(8, dtype=torch.int64)
    (dx,) = torch.autograd.grad(grouped_linear(x, weight, ends, rows), [x], h)
    assert dx.item() == 1.03125


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("behind", [0, 1])
def test_the_product_of_a_gpu_is_that_of_a_cpu(behind: int, dtype: torch.dtype) -> None:
    """torch's grouped product: experts without rows, and rows of no expert."""
    torch.manual_seed(0)
    experts, top, tokens, close = 6, 3, 40, 8 * torch.finfo(dtype).eps
    chosen = torch.rand(tokens, experts).topk(top).indices[None] % (experts - 1)
    order, ends = by_expert(chosen, experts)
    x = torch.randn(tokens, 16, dtype=dtype, requires_grad=True)
    up = torch.randn(experts - behind, 24, 16, dtype=dtype, requires_grad=True)
    down = torch.randn(experts - behind, 8, 24, dtype=dtype, requires_grad=True)
    p = torch.rand(1, tokens, top, dtype=dtype, requires_grad=True)
    cotangent = torch.randn(1, tokens, 8, dtype=dtype)

    def computed() -> list[Tensor]:
        h = F.silu(grouped_linear(x, up, ends, order // top))
        y = grouped_sum(h, down, ends, order, p)
        return [y, *torch.autograd.grad(y, [x, up, down, p], cotangent)]

    apart = computed()
    with (
        in_one_launch(),
        mock.patch.object(torch, "_grouped_mm", wraps=torch._grouped_mm) as product,
    ):
        found = computed()
    assert product.call_count == 2
    for one, other in zip(found, apart, strict=True):
        scale = float(other.detach().abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=close * scale)


@pytest.mark.parametrize(("inner", "outer"), [(12, 8), (8, 12)])
def test_widths_that_no_grouped_product_takes(inner: int, outer: int) -> None:
    """Of bfloat16 it reads 8 numbers at a time, backward the other width too."""
    x = torch.randn(9, inner, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.randn(2, outer, inner, dtype=torch.bfloat16)
    ends, rows = torch.tensor([4, 9]), torch.arange(9)
    expected = grouped_linear(x, weight, ends, rows)
    with in_one_launch():
        found = grouped_linear(x, weight, ends, rows)
        found.backward(torch.ones_like(found))
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
