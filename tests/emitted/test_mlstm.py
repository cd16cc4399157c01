"""mLSTM where its gates are wide open or shut: float32 has room for what it keeps."""

import copy
from typing import Any

import pytest
import torch

from starc.compiler import to_ir
from tests.emitted.helpers import emit, relative

TEXT = """
model m { width = 16; vocab = 23; context = 512 }
backbone { it: mLSTM(heads = 2%s) }
"""


@pytest.mark.parametrize("write", [-1e3, 1e3])
@pytest.mark.parametrize("keep", [-1e3, 1e3])
@pytest.mark.parametrize("cap", ["", ", softcap = 20"])
def test_extreme_gates(write: float, keep: float, cap: str) -> None:
    """Outputs and gradients; a token at a time comes to what is computed at once."""
    torch.manual_seed(3)
    narrow: Any = emit(to_ir(TEXT % cap)).module.Model()
    with torch.no_grad():
        narrow.it.i_bias.fill_(write)
        narrow.it.f_bias.fill_(keep)
    wide = copy.deepcopy(narrow).double()
    tokens = torch.randint(23, (1, 300))
    found, expected = narrow(tokens), wide(tokens)
    assert relative(found.detach(), expected.detach()) < 1e-4
    for y in found, expected:
        y.square().sum().backward()
    for (name, one), other in zip(
        narrow.named_parameters(), wide.parameters(), strict=True
    ):
        assert one.grad is not None and other.grad is not None
        assert torch.isfinite(one.grad).all(), name
        if name.endswith("weight"):  # a gate's bias that is past its bound has nearly 0
            assert relative(one.grad, other.grad) < 1e-3, name
    with torch.no_grad():
        cache = narrow.new_cache(1, 300)
        steps = [narrow(piece, cache) for piece in tokens.split([290] + 10 * [1], 1)]
    assert relative(torch.cat(steps, 1), expected.detach()) < 1e-4
