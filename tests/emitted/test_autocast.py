"""Mixed precision without a warning: forward, backward, and a cache.

Weights are float32, products bfloat16. Every operator, form of sharing and example,
with either norm and every placement; warnings are errors, each time they are due.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from starc import operators
from starc.compiler import to_ir
from starc.ir.residual import PLACEMENTS
from starc.reference.cases import cases_of
from tests.emitted.helpers import emit
from tests.emitted.small import HEAD, SMALL, chooses, gradients, tokens

NORMS = {
    f"{norm}, {placement}": f"{{ {HEAD}; norm = {norm}; placement = {placement} }}"
    for norm in ("rms", "layer")
    for placement in PLACEMENTS
}
EVERYTHING = "; ".join(cases_of(kind).uses[0] for kind in operators.NAMES)
SOURCES = SMALL | {
    name: f"model m {head}\nbackbone {{ {EVERYTHING} }}\n"
    for name, head in NORMS.items()
}


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Iterator[None]:
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else PyTorch gives most warnings once a process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


def off(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The size of what differs: a norm of few heads enlarges the rounding of some."""
    return float((found.detach().float() - exact).norm() / exact.norm())


@pytest.mark.parametrize("name", SOURCES)
def test_no_warning_under_autocast(name: str) -> None:
    torch.manual_seed(0)
    made = emit(to_ir(SOURCES[name]))
    model: Any = made.module.Model()
    given = tokens(model, 2, 12)
    exact = model(given).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(given)
        loss = logits.float().square().mean()
    loss.backward()
    limit = 0.5 if chooses(made.ir) else 0.1
    assert off(logits, exact) < limit
    assert all(gradient.isfinite().all() for gradient in gradients(model).values())
    cache = model.new_cache(2, 12)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [model(part, cache) for part in given.split([5, 1, 4, 1, 1], dim=1)]
    assert off(torch.cat(parts, dim=1), exact) < limit
