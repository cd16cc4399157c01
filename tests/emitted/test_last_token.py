"""Logits of the last token alone: the head is read where it lies, and never copied."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.emitted.small import SMALL, fresh, tokens


class Reading(TorchDispatchMode):
    """The names of operations that read a tensor, or a view of it."""

    def __init__(self, read: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.place, self.names = read.untyped_storage().data_ptr(), set[str]()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        storages = (x.untyped_storage() for x in args if isinstance(x, Tensor))
        if self.place in {storage.data_ptr() for storage in storages}:
            self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", SMALL)
def test_the_head_is_not_copied(name: str, rows: int) -> None:
    """For a view of one token the product with a frozen weight is a batched one: in
    bfloat16 a CPU copies the weight for that, which takes 28 times as long."""
    model = fresh(name).bfloat16().requires_grad_(False)
    given = tokens(model, rows, 7)
    tied = not hasattr(model, "head")
    head = model.embedding.weight if tied else model.head.weight
    with torch.no_grad(), Reading(head) as reading:
        logits = model(given, last_only=True)
    assert "bmm" not in reading.names and reading.names & {"mm", "addmm"}, reading.names
    with torch.no_grad():
        torch.testing.assert_close(logits, model(given)[:, -1:], rtol=2e-2, atol=2e-2)
