"""The structured matrices, and operators whose output is known without a computer."""

import math

import torch
from torch import Tensor

from starc.ir.rope import Rope
from starc.operators.gated_conv.operator import GatedConv
from starc.operators.min_gru.operator import MinGru
from starc.operators.rg_lru.operator import RgLru
from starc.operators.ssd.operator import Ssd
from starc.reference.matrices import causal, decay_products, toeplitz
from starc.reference.mixing import mixing_of
from starc.reference.rope import rotate
from tests.reference.models import seeded
from tests.reference.operators import attention, gla


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


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


def test_attention_without_a_preference_is_the_mean_so_far() -> None:
    v = torch.arange(5.0).double()[None, :, None].expand(1, 5, 16)
    features = {"q": 0 * v, "k": 0 * v, "v": v}
    found = mixing_of("attention")(attention(), features, {}, 0.0).output()
    torch.testing.assert_close(found, v / 2)  # mean of 0 .. i


def test_gated_convolution_of_a_pulse_is_the_filter() -> None:
    op = GatedConv(width=2, inner=2, taps=3)
    pulse = torch.zeros(1, 4, 2, dtype=torch.float64)
    pulse[:, 0] = 1
    features = {"b": ones(1, 4, 2), "c": 3 * ones(1, 4, 2), "x": pulse}
    taps = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 1.0]]).double()
    found = mixing_of("gated_conv")(op, features, {"filter": taps}, 0.0).output()
    assert found[0].T.tolist() == [[12, 6, 3, 0], [3, 0, 0, 0]]


def test_ssd_with_a_constant_decay_is_a_geometric_series() -> None:
    """dt = 1 and A = -log 2 halve the state: 1, 3/2, 7/4, ... for an input of ones."""
    op = Ssd(width=4, heads=1, head_dim=1, states=1, kernel=0)
    x = ones(1, 5, 1)
    features = {"z": x, "x": x, "b": x, "c": x, "dt": 0 * x}
    tensors = {
        "dt_bias": torch.log(torch.expm1(ones(1))),
        "a_log": torch.log(torch.log(2 * ones(1))),
        "skip": 10 * ones(1),
        "norm_weight": ones(1),
    }
    matrix = mixing_of("ssd")(op, features, tensors, 0.0).matrix
    series = [2 - 2.0**-t + 10 for t in range(5)]
    torch.testing.assert_close(matrix.sum(-1)[0, 0], torch.tensor(series).double())


def test_rg_lru_with_gates_half_open() -> None:
    """Gates without weights are 1/2; softplus(decay) = log(4) / 4 makes a = 1/4."""
    op = RgLru(width=2, inner=2, blocks=1, kernel=0)
    zero = torch.zeros(2, 2, dtype=torch.float64)
    tensors = {
        "input_gate_weight": zero[None],
        "input_gate_bias": zero[0],
        "recurrence_gate_weight": zero[None],
        "recurrence_gate_bias": zero[0],
        "decay": torch.log(torch.expm1(math.log(4) / 4 * ones(2))),
    }
    features = {"gate": 100 * ones(1, 2, 2), "x": ones(1, 2, 2)}  # gelu(100) = 100
    found = mixing_of("rg_lru")(op, features, tensors, 0.0).output()
    first = 100 * math.sqrt(15 / 16) / 2
    expected = torch.tensor([first, 1.25 * first]).double()
    torch.testing.assert_close(found[0, :, 0], expected)


def test_min_gru_with_its_gate_half_open_halves_the_distance() -> None:
    op = MinGru(width=1, inner=1)
    features = {"gate": 0 * ones(1, 4, 1), "x": ones(1, 4, 1)}
    found = mixing_of("min_gru")(op, features, {}, 0.0).output()
    assert found.flatten().tolist() == [1 / 2, 3 / 4, 7 / 8, 15 / 16]


def test_gla_with_a_constant_decay_is_a_geometric_series() -> None:
    """sigmoid(log 2) = 2 / 3 = a^16; the scale of q is 1 / 2 for 4 key channels."""
    op, x = gla(heads=1, head_dim=1, decay_rank=1), ones(1, 5, 1)
    features = {"q": x.expand(1, 5, 4), "k": x.expand(1, 5, 4), "decay": x}
    features |= {"v": x, "gate": x}
    tensors = {"decay_weight": 0 * ones(4, 1), "decay_bias": math.log(2) * ones(4)}
    tensors["norm_weight"] = ones(1)
    mixing = mixing_of("gated_linear_attention")(op, features, tensors, 0.0)
    a = (2 / 3) ** (1 / 16)
    series = [2 * (1 - a ** (t + 1)) / (1 - a) for t in range(5)]
    torch.testing.assert_close(
        mixing.matrix.sum(-1)[0, 0], torch.tensor(series).double()
    )
    silu = torch.nn.functional.silu(x)  # what the norm leaves of one channel is 1
    torch.testing.assert_close(mixing.output(), silu)
