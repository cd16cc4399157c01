"""AdamW, with decay on matrices only, and the learning rate over a run."""

import math

import torch
from torch import nn

from starc.training.settings import TrainingError

STATE = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of a parameter."""

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.1
FINAL = 0.1  # of the peak learning rate, at the end of the cosine
WARMUP = 0.05  # of the run, where no number of steps is given


def make(
    model: nn.Module, learning_rate: float, weight_decay: float = WEIGHT_DECAY
) -> torch.optim.AdamW:
    """Linear maps and embeddings decay; gains, biases, filters and decays do not."""
    matrices = {
        id(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Embedding)
    }
    parameters = [p for p in model.parameters() if p.requires_grad]
    decaying = [p for p in parameters if id(p) in matrices]
    others = [p for p in parameters if id(p) not in matrices]
    groups = [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS, fused=fused)


def rate(progress: float, step: int, warmup: int) -> float:
    """The share of the peak learning rate: linear warm-up, then a cosine.

    progress: of the whole run, 0 to 1. warmup: in steps; 0: WARMUP of the run.
    """
    risen = (step + 1) / warmup if warmup else progress / WARMUP
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return max(min(risen, 1.0), 0.01) * (FINAL + (1 - FINAL) * cosine)


def tensors(model: nn.Module, optimizer: torch.optim.AdamW) -> dict[str, torch.Tensor]:
    """The optimizer's state by the names of the parameters, as a safetensors file."""
    return {
        f"{name}:{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state[parameter].items()
    }


def restore(
    model: nn.Module, optimizer: torch.optim.AdamW, stored: dict[str, torch.Tensor]
) -> None:
    """Puts back what `tensors` gave; a parameter without anything starts anew.

    Raises TrainingError where a tensor is of no parameter, or of another shape or type,
    or where a parameter has some of its tensors and not all.
    """
    parameters = dict(model.named_parameters())
    fused = optimizer.param_groups[0]["fused"]
    for key, value in stored.items():
        name, _, kind = key.rpartition(":")
        parameter = parameters.get(name)
        if parameter is None or kind not in STATE:
            raise TrainingError(f"optimizer.safetensors: {key!r} is of another model")
        shape = torch.Size() if kind == "step" else parameter.shape
        if value.shape != shape or not value.is_floating_point():
            raise TrainingError(
                f"optimizer.safetensors: {key!r} is {value.dtype} of shape "
                f"{tuple(value.shape)}, not numbers of shape {tuple(shape)}"
            )
        on_cpu = kind == "step" and not fused
        device = torch.device("cpu") if on_cpu else parameter.device
        optimizer.state[parameter][kind] = value.to(device)
    for name, parameter in parameters.items():
        found = optimizer.state.get(parameter, {})
        if found and set(found) != set(STATE):
            raise TrainingError(
                f"optimizer.safetensors: {name!r} needs {', '.join(STATE)}"
            )
