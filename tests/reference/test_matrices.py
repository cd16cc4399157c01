"""The structured matrices, and operators whose output is known without a computer."""

import math
from dataclasses import replace

import pytest
import torch

from starc import operators
from starc.ir.rope import Rope
from starc.reference.cases import cases_of
from starc.reference.matrices import causal, decay_products, toeplitz
from starc.reference.mixing import mixing_of, unchanged
from starc.reference.rope import rotate
from tests.reference.models import seeded


def test_decay_products_are_products_of_the_decays_between() -> None:
    decays = torch.rand(2, 6, 3, dtype=torch.float64, generator=seeded())
    decays[0, 3, 1] = 0  # forgets everything; a quotient of products would be nan
    found = decay_products(decays)
    for i in range(6):
        for j in range(6):
            expected = decays[:, j + 1 : i + 1].prod(1) if j <= i else 0 * decays[:, 0]
            torch.testing.assert_close(found[:, i, j], expected)


def test_toeplitz_has_the_response_below_its_diagonal() -> None:
    found = toeplitz(torch.tensor([[5.0, 6.0]]), 3)
    assert found.tolist() == [[[5, 0, 0], [6, 5, 0], [0, 6, 5]]]


def test_a_window_counts_the_token_itself() -> None:
    assert causal(3, window=2).int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert causal(3, window=1).int().tolist() == torch.eye(3).int().tolist()


def test_rotated_scores_depend_on_the_distance_only() -> None:
    q, k = torch.randn(2, 1, 1, 1, 6, dtype=torch.float64, generator=seeded())
    rope = Rope(50.0, 6)
    q, k = (rotate(x.expand(1, 7, 1, 6), rope)[0, :, 0] for x in (q, k))
    scores = q @ k.T
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])
    assert not torch.allclose(scores[1:, :-1], scores[:-1, 1:])


def test_rotation_of_a_quarter_turn() -> None:
    """With two channels the angle is the position itself, whatever theta."""
    heads = torch.tensor([[[[1.0, 0.0]]], [[[1.0, 0.0]]]]).double().transpose(0, 1)
    found = rotate(heads, Rope(1e4, 2))
    expected = torch.tensor([math.cos(1), math.sin(1)], dtype=torch.float64)
    torch.testing.assert_close(found[0, 1, 0], expected)


KNOWN = {
    kind: cases.known
    for kind in operators.NAMES
    if (cases := cases_of(kind)).known is not None
}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_is_known_in_closed_form(kind: str) -> None:
    known = KNOWN[kind]()
    found = mixing_of(kind)(known.operator, known.features, known.tensors, 0.0)
    if not known.finished:
        found = replace(found, finish=unchanged)
    torch.testing.assert_close(found.output(), known.y)
