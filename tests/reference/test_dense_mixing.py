"""Every T(x) against another way to the same output, the twin of its operator's cases:
loops over time, torch's own functions. Outputs and gradients, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from starc.reference.cases import cases_of, causal_conv
from starc.reference.features import featurize
from starc.reference.mixing import mixing_of
from starc.reference.weights import random_weights
from tests.reference.models import liv, model, seeded
from tests.reference.operators import OPERATORS

BATCH, LENGTH, EPS = 2, 9, 1e-5


@pytest.mark.parametrize("name", OPERATORS)
def test_mixing_equals_another_way(name: str) -> None:
    op = OPERATORS[name]
    weights = random_weights(model(liv("a", op)), seeded())
    p = {n: w for (at, n), w in weights.items() if at == "a"}
    f = {
        g.name: torch.randn(
            BATCH, LENGTH, g.channels, dtype=torch.float64, generator=seeded(i)
        ).requires_grad_()
        for i, g in enumerate(op.groups)
    }
    found = mixing_of(op.kind)(op, f, p, EPS).output()
    expected = cases_of(op.kind).twin(op, f, p, EPS)
    own = (q.name for q in op.parameters if q.trained and not q.group)
    read = [x for x in f.values() if reads(found, x) or reads(expected, x)]
    assert len(read) >= len(f) - len({g.source for g in op.groups} - {""})
    used = [*read, *(p[name] for name in own)]
    compare(found, expected, used)


@pytest.mark.parametrize("name", OPERATORS)
def test_features_equal_another_way(name: str) -> None:
    op = OPERATORS[name]
    weights = random_weights(model(liv("a", op)), seeded())
    p = {n: w for (at, n), w in weights.items() if at == "a"}
    x = torch.randn(BATCH, LENGTH, op.width, dtype=torch.float64, generator=seeded())
    made = {"": x.requires_grad_()}
    for group in op.groups:
        g, x = group.name, made[group.source]
        read = x
        bias = p[f"{g}.bias"].flatten() if f"{g}.bias" in p else None
        used = [x, p[f"{g}.weight"]]
        if op.shifted(group):
            used.append(p[f"{g}.shift"])
            read = torch.lerp(x, F.pad(x, (0, 0, 1, -1)), p[f"{g}.shift"])
        y = F.linear(read, p[f"{g}.weight"].flatten(0, -2), bias)
        if group.convolved and op.kernel:
            y = causal_conv(y, p[f"{g}.conv.weight"], p.get(f"{g}.conv.bias"))
            used.append(p[f"{g}.conv.weight"])
            y = F.silu(y) if op.convolution_activation == "silu" else y
        used += [p[q.name] for q in op.parameters if q.group == g]
        y = cases_of(op.kind).feature_twin(op, g, y, p, EPS)
        compare(featurize(op, g, x, p, EPS), y, used)
        made[g] = y.detach().requires_grad_()


def reads(y: Tensor, x: Tensor) -> bool:
    """Whether y is made of it; some features only make others."""
    return (
        torch.autograd.grad(y.sum(), x, retain_graph=True, allow_unused=True)[0]
        is not None
    )


def compare(found: Tensor, expected: Tensor, used: list[Tensor]) -> None:
    """Equal values, and equal gradients of a random weighted sum of them."""
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    cotangent = torch.randn(found.shape, dtype=torch.float64, generator=seeded(9))
    gradients = torch.autograd.grad(found, used, cotangent, retain_graph=True)
    others = torch.autograd.grad(expected, used, cotangent, retain_graph=True)
    for gradient, other in zip(gradients, others, strict=True):
        assert gradient.abs().max() > 1e-3
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-9)
