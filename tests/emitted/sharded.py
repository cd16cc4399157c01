"""One of the processes that hold a model together: FSDP2 with gloo, without a GPU.

    python tests/emitted/sharded.py MODEL.py RANK PROCESSES FILE

Built on the meta device, sharded, given memory, drawn by `reset_parameters`, trained
for three steps. The first process compares with the whole model, trained alone.
"""

import importlib.util
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

LR = 0.1


def imported(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("sharded_model", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["sharded_model"] = module
    spec.loader.exec_module(module)
    return module


def whole(model: nn.Module) -> dict[str, Tensor]:
    """Every tensor gathered; all processes have to call it."""
    state = model.state_dict()
    return {
        key: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        for key, tensor in state.items()
    }


def step(model: nn.Module, tokens: Tensor) -> float:
    """Plain SGD by hand: the same arithmetic for shards as for whole tensors."""
    logits = model(tokens[:, :-1]).flatten(0, 1)
    loss = nn.functional.cross_entropy(logits, tokens[:, 1:].flatten())
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=LR)
                parameter.grad = None
    return float(loss.detach())


def main(path: str, rank: int, processes: int, file: str) -> None:
    torch.manual_seed(rank)
    url = f"file://{file}"
    dist.init_process_group("gloo", url, rank=rank, world_size=processes)
    mesh = init_device_mesh("cpu", (processes,))
    module = imported(path)
    with torch.device("meta"):
        model = module.Model()
    for layer in module.layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(torch.nan)
    model.reset_parameters()
    start = whole(model)
    assert all(torch.isfinite(tensor).all() for tensor in start.values())
    tokens = torch.randint(20, (2, 13), generator=torch.Generator().manual_seed(1))
    losses = [step(model, tokens) for _ in range(3)]
    end = whole(model)
    if rank == 0:
        alone = module.Model()
        fresh = alone.state_dict()
        for key, tensor in fresh.items():  # constants too are what Model() starts with
            assert start[key].shape == tensor.shape
            if tensor.numel() > 1 and (tensor == tensor.flatten()[0]).all():
                assert torch.equal(start[key], tensor), key
        alone.load_state_dict(start)
        assert torch.allclose(
            torch.tensor(losses), torch.tensor([step(alone, tokens) for _ in losses])
        )
        for key, tensor in alone.state_dict().items():
            assert torch.allclose(end[key], tensor, atol=1e-5), key
        assert losses[-1] < losses[0]
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
