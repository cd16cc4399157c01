"""Latent attention as emitted: what is kept, and what a decoding step makes."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from starc.compiler import to_ir
from starc.ir.cost import costs
from starc.passes import run
from tests.emitted.helpers import emit

HEADS, OWN, VALUE, RANK, ROPE = 4, 8, 8, 12, 4
MLA = (
    f"MLA(heads = {HEADS}, head_dim = {OWN + ROPE}, value_dim = {VALUE}, "
    f"rope_dims = {ROPE}, rank = {RANK})"
)


def model(layers: str) -> Any:
    text = "model m { width = 32; vocab = 40; context = 64 }\n"
    torch.manual_seed(0)
    return emit(to_ir(text + f"backbone {{ {layers} }}")).module.Model()


class Largest(TorchDispatchMode):
    """The most numbers of any tensor that an operation gives."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor):
            self.numbers = max(self.numbers, found.numel())
        return found


def test_a_token_makes_no_key_and_no_value_of_the_past() -> None:
    mixer = model(MLA).mla_0.requires_grad_(False)
    state = mixer.new_state(1, 4096, torch.empty(0))
    state.length = 4095
    with Largest() as seen:
        mixer(torch.randn(1, 1, 32), state)
    buffer = 4096 * RANK
    assert seen.numbers == buffer < 4096 * HEADS * OWN
    with Largest() as seen:  # several tokens make all keys and values
        state.length = 4094
        mixer(torch.randn(1, 2, 32), state)
    assert seen.numbers == 4096 * HEADS * (OWN + VALUE)


def test_the_cache_is_the_latent_and_the_part_of_all_keys() -> None:
    made = model(MLA + "; " + MLA)
    cache = made.new_cache(3, 50)
    assert cache.nbytes == 2 * 3 * 50 * (RANK + ROPE) * 4
    text = f"model m {{ width = 32 }}\nbackbone {{ {MLA}; {MLA} }}"
    counted = costs(run(to_ir(text)), 50, 4).total
    assert 3 * counted.cache_bytes == cache.nbytes


def test_a_latent_may_be_that_of_another_layer() -> None:
    """A decoding step of the second keeps nothing, and reads what the first keeps."""
    made = model(f"a: {MLA}; b: {MLA} k, v from a").double()
    tokens = torch.randint(40, (2, 9))
    cache = made.new_cache(2, 9)
    assert cache.nbytes == 2 * 9 * (RANK + ROPE) * 8
    with torch.no_grad():
        steps = [made(tokens[:, :5], cache)]
        steps += [made(tokens[:, i : i + 1], cache) for i in range(5, 9)]
        torch.testing.assert_close(torch.cat(steps, 1), made(tokens))


def test_absorption_equals_expansion_in_value_and_gradient() -> None:
    """One token is absorbed, the same one in two sequences of a row is expanded."""
    made = model(MLA).double()
    token = torch.randint(40, (1, 1))
    borders = torch.tensor([0, 0, 1])
    one, other = made(token), made(token, cu_seqlens=borders)
    torch.testing.assert_close(one, other)
    weights = list(made.parameters())
    for a, b in zip(
        torch.autograd.grad(one.sum(), weights),
        torch.autograd.grad(other.sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
