"""What people do with a PyTorch model, done with emitted ones of every form of sharing:
checkpointing, copies, saved states, FSDP2."""

import copy
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file, save_model
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
)
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.utils.checkpoint import checkpoint

from starc.compiler import to_ir
from tests.emitted.helpers import OPTIONAL, emit
from tests.emitted.small import SMALL, TEXTS, apart, fresh, gradients, tokens


def train(model: Any) -> Tensor:
    """The loss of the next tokens, its gradients in the model."""
    given = tokens(model, 2, 20)
    logits = model(given)[:, :-1]
    loss = F.cross_entropy(logits.flatten(0, 1), given[:, 1:].flatten())
    loss.backward()
    return loss.detach()


def layers(model: Any) -> list[nn.Module]:
    """As the emitted file lists them."""
    found: list[nn.Module] = sys.modules[type(model).__module__].layers(model)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_checkpoint_of_each_layer(name: str) -> None:
    model = fresh(name)
    loss, expected = train(model), gradients(model)
    model.zero_grad()
    for layer in layers(model):

        def again(*given: object, forward: object = layer.forward) -> object:
            return checkpoint(forward, *given, use_reentrant=False)

        layer.forward = again
    assert torch.equal(train(model), loss)
    assert_equal(gradients(model), expected)


@pytest.mark.parametrize("name", TEXTS)
def test_checkpoint_wrappers_over_the_layers(name: str) -> None:
    model = fresh(name)
    loss, expected = train(model), gradients(model)
    model.zero_grad()
    chosen = set(layers(model))
    apply_activation_checkpointing(model, check_fn=lambda module: module in chosen)
    assert torch.equal(train(model), loss)
    found = gradients(model)
    wrapper = "_checkpoint_wrapped_module."
    assert_equal({key.replace(wrapper, ""): g for key, g in found.items()}, expected)


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key


@pytest.mark.parametrize("name", TEXTS)
def test_a_deep_copy_shares_with_itself_only(name: str) -> None:
    model = fresh(name)
    other = copy.deepcopy(model)
    given = tokens(model, 2, 9)
    before = model(given)
    assert torch.equal(other(given), before)
    assert len(list(other.parameters())) == len(list(model.parameters()))
    change(other)
    assert torch.equal(model(given), before)
    assert not torch.equal(other(given), before)
    change(model)  # had the copy lost a shared tensor, they would differ now
    assert torch.equal(model(given), other(given))


def change(model: Any) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("name", TEXTS)
def test_each_tensor_is_in_the_state_once(
    name: str, optional: bool, tmp_path: Path
) -> None:
    module = emit(to_ir(SMALL[name]), frozenset() if optional else OPTIONAL).module
    model, other, third = module.Model(), module.Model(), module.Model()
    state = model.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    parameters = {key for key, _ in model.named_parameters()}
    buffers = {key for key, _ in model.named_buffers()}
    assert parameters <= set(state) <= parameters | buffers
    save_file(state, tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"), strict=True)
    third.load_state_dict(pickle.loads(pickle.dumps(state)), strict=True)
    given = tokens(model, 2, 9)
    assert torch.equal(other(given), model(given))
    assert torch.equal(third(given), model(given))
    assert torch.equal(pickle.loads(pickle.dumps(model))(given), model(given))
    save_model(model, str(tmp_path / "model.safetensors"))


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceMesh]:
    """One process, on its own."""
    store = tmp_path_factory.mktemp("gloo") / "store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def whole(tensor: Tensor) -> Tensor:
    """A parameter from all its pieces; a buffer is whole."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


# Features that are lent are views; nobody writes into them.
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")
@pytest.mark.parametrize("name", TEXTS)
def test_fully_sharded(name: str, mesh: DeviceMesh) -> None:
    model, sharded = fresh(name), fresh(name)
    for layer in layers(sharded):
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    optimizers = [torch.optim.SGD(m.parameters(), lr=1.0) for m in (model, sharded)]
    for _ in range(2):
        assert torch.equal(train(sharded), train(model))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    state = {key: whole(tensor) for key, tensor in sharded.state_dict().items()}
    assert_equal(state, model.state_dict())
    given, cache = tokens(model, 2, 12), sharded.new_cache(2, 12)
    with torch.no_grad():
        parts = [sharded(part, cache) for part in given.split([5, 1, 6], dim=1)]
    assert apart(torch.cat(parts, 1), model(given)) < 1e-5
