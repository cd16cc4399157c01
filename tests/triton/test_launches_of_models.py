"""What an emitted model launches, counted under the interpreter.

Packed sequences cost no launch that a plain row does not take, but one to clear the
rows of no sequence for each tensor that a kernel writes; and nothing asked is nothing
launched.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from triton.runtime.interpreter import GridExecutor

from starc import operators
from starc.compiler import to_ir
from starc.reference.cases import cases_of
from tests.emitted.helpers import emit
from tests.triton.triton_checks import DEVICE

pytestmark = pytest.mark.skipif(DEVICE != "cpu", reason="counted by the interpreter")

CLEARS = "_seq_zero_kernel"


@contextmanager
def launched() -> Iterator[Counter[str]]:
    """Yields a table that fills with launches by the name of a kernel."""
    table: Counter[str] = Counter()
    call = GridExecutor.__call__

    def counting(self: Any, *args: Any, **named: Any) -> Any:
        table[self.fn.__name__] += 1
        return call(self, *args, **named)

    GridExecutor.__call__ = counting
    try:
        yield table
    finally:
        GridExecutor.__call__ = call


def count(model: Any, tokens: Tensor, **seq: Any) -> Counter[str]:
    with torch.no_grad(), launched() as table:
        model(tokens, **seq)
    return table


def alone(model: Any, tokens: Tensor) -> Counter[str]:
    """Of the layers and the head, called one by one: what no argument can add to."""
    with torch.no_grad(), launched() as table:
        x = model.embedding(tokens)
        F.linear(model.norm(x + model.mix(model.mix_norm(x))), model.embedding.weight)
    return table


WITH_KERNELS = [kind for kind in operators.NAMES if cases_of(kind).kernel]


@pytest.mark.parametrize("kind", WITH_KERNELS)
def test_packed_sequences_take_the_launches_of_one(kind: str) -> None:
    use = cases_of(kind).uses[0]
    text = f"model m {{ width = 32; vocab = 61 }}\nbackbone {{ mix: {use} }}\n"
    model: Any = emit(to_ir(text)).module.Model()
    tokens = torch.randint(61, (1, 9))
    plain = count(model, tokens)
    assert plain and plain == alone(model, tokens)
    borders = torch.tensor([0, 1, 1, 4, 9])
    packed = count(model, tokens, cu_seqlens=borders)
    cleared = packed.pop(CLEARS, 0)
    assert packed == plain
    assert cleared <= 3 * packed.total()
