"""Decay on matrices only; the learning rate over a run; state that comes back."""

import pytest
import torch
from torch import nn

from starc.training import optimizer


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 4)
        self.head = nn.Linear(4, 8, bias=True)
        self.head.weight = self.embedding.weight  # tied: once in the optimizer
        self.norm = nn.RMSNorm(4)
        self.filter = nn.Parameter(torch.ones(4, 3))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.embedding(tokens)) * self.filter.sum(1)
        logits: torch.Tensor = self.head(x)
        return logits


def test_only_matrices_decay() -> None:
    model = Mixed()
    decaying, others = optimizer.make(model, 1e-3).param_groups
    assert decaying["weight_decay"] == 0.1 and others["weight_decay"] == 0.0
    assert [p is model.embedding.weight for p in decaying["params"]] == [True]
    assert len(others["params"]) == 3


@pytest.mark.parametrize(
    ("progress", "step", "warmup", "expected"),
    [
        (0.0, 0, 10, 0.1),
        (0.0, 4, 10, 0.5),
        (0.5, 500, 10, 0.55),
        (1.0, 1000, 10, 0.1),
        (1.3, 1300, 10, 0.1),
        (0.025, 25, 0, 0.5),
    ],
)
def test_rate(progress: float, step: int, warmup: int, expected: float) -> None:
    assert optimizer.rate(progress, step, warmup) == pytest.approx(expected, rel=1e-2)


def test_restored_state_goes_on_bit_for_bit() -> None:
    torch.manual_seed(0)
    model, tokens = Mixed(), torch.arange(8)[None]
    adam = optimizer.make(model, 1e-2)

    def step(model: nn.Module, adam: torch.optim.Optimizer) -> None:
        torch.autograd.backward(model(tokens).square().mean())
        adam.step()
        adam.zero_grad()

    for _ in range(3):
        step(model, adam)
    twin = Mixed()
    twin.load_state_dict(model.state_dict())
    twin_adam = optimizer.make(twin, 1e-2)
    stored = optimizer.tensors(model, adam)
    stored = {name: tensor.clone() for name, tensor in stored.items()}
    optimizer.restore(twin, twin_adam, stored)
    for _ in range(3):
        step(model, adam)
        step(twin, twin_adam)
    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, other)
