"""The emitted model as a module with its weights, in plain PyTorch. Needs torch."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from starc import compiler
from starc.export import weights
from starc.export.architecture import Architecture
from starc.export.drawn import emitted
from starc.zoo.arrays import Output, joined


def loaded(architecture: Architecture, file: Path | None, seed: int) -> Any:
    """In eval mode, without gradients. Raises ExportError, OSError."""
    text = compiler.compile(architecture.source, kernels="none")
    with torch.device("meta"):
        model: Any = emitted(text).Model()
    with weights.of(architecture, file, seed) as outputs:
        state = {name: _tensor(output) for name, output in outputs.items()}
    model.load_state_dict(state, assign=True)
    for module in model.modules():  # counters of training, which are not saved
        for name in module._non_persistent_buffers_set:
            module._buffers[name] = torch.zeros_like(
                module._buffers[name], device="cpu"
            )
    return model.eval().requires_grad_(False)


def _tensor(output: Output) -> Tensor:
    found = torch.from_numpy(joined(output))
    return found.view(torch.bfloat16) if output.kind == "BF16" else found
