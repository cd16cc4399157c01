"""Products by expert against a loop over the rows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.grouped_linear import (
    _grouped_linear_tiles,
    by_expert,
    grouped_linear,
    weighted,
)


def a_row_at_a_time(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    rows, expert = [], 0
    for n, row in enumerate(x):
        while n >= ends[expert]:
            expert += 1
        rows.append(weight[expert] @ row)
    return torch.stack(rows) if rows else x.new_zeros(0, weight.shape[1])


def case(counts: list[int], dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    torch.manual_seed(sum(counts))
    x = torch.randn(sum(counts), 5, dtype=dtype, requires_grad=True)
    weight = torch.randn(len(counts), 3, 5, dtype=dtype, requires_grad=True)
    return x, weight, torch.tensor(counts).cumsum(0)


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


@given(counts)
@settings(max_examples=40, deadline=None)
def test_it_is_the_matrix_of_the_expert(counts: list[int]) -> None:
    x, weight, ends = case(counts)
    if x.shape[0] == 0:
        assert grouped_linear(x, weight, ends).shape == (0, 3)
        return
    expected = a_row_at_a_time(x, weight, ends)
    for product in grouped_linear, _grouped_linear_tiles:
        compare(product(x, weight, ends), expected, [x, weight])


def test_rows_behind_the_last_end_touch_nothing() -> None:
    x, weight, ends = case([3, 0, 34])
    for product, filled in (grouped_linear, torch.nan), (_grouped_linear_tiles, 7.0):
        more = torch.cat((x, x.new_full((40, 5), filled))).detach().requires_grad_()
        y = product(more, weight, ends)
        assert y.shape == (77, 3)
        (dw,) = torch.autograd.grad(y[:37].square().sum(), [weight])
        expected = a_row_at_a_time(x, weight, ends)
        torch.testing.assert_close(y[:37], expected)
        (wanted,) = torch.autograd.grad(expected.square().sum(), [weight])
        torch.testing.assert_close(dw, wanted)


@pytest.mark.parametrize("needed", ["x", "weight"])
def test_only_what_is_asked_is_computed(needed: str) -> None:
    x, weight, ends = case([3, 0, 5])
    (x if needed == "weight" else weight).requires_grad_(False)
    grouped_linear(x, weight, ends).sum().backward()
    assert (x.grad is None) == (needed == "weight")
    assert (weight.grad is None) == (needed == "x")


def test_one_token_reads_its_own_experts_only() -> None:
    """What is not a number in any other expert would show."""
    x, weight, ends = case([0, 1, 0, 1, 0])
    with torch.no_grad():
        weight[::2] = torch.nan
    assert grouped_linear(x, weight, ends).isfinite().all()


@given(st.integers(1, 4), st.integers(0, 9), st.integers(1, 6), st.data())
@settings(max_examples=40, deadline=None)
def test_rows_go_to_their_experts_and_come_back(
    batch: int, length: int, experts: int, data: st.DataObject
) -> None:
    top = data.draw(st.integers(1, experts))
    torch.manual_seed(0)
    chosen = torch.rand(batch, length, experts).topk(top).indices
    order, ends = by_expert(chosen, experts)
    expert = chosen.flatten()[order]
    assert (expert.diff() >= 0).all()
    assert torch.equal(ends, torch.bincount(expert, minlength=experts).cumsum(0))
    x = torch.randn(batch, length, 4, dtype=torch.float64)
    p = torch.rand(batch, length, top, dtype=torch.float64)
    rows = x.flatten(0, 1)[order // top] * (1 + expert[:, None])
    expected = (p * (1 + chosen)).sum(-1, keepdim=True) * x
    torch.testing.assert_close(weighted(rows, order, p), expected)
