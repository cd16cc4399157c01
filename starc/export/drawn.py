"""New weights, as the emitted model draws them: module by module. Needs torch."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from starc import compiler
from starc.export.architecture import Architecture
from starc.zoo.arrays import Array, Output

NAME = "starc_export_drawn"


class Drawn:
    """The model without memory; a module has some while its tensors are written."""

    def __init__(self, architecture: Architecture, seed: int) -> None:
        text = compiler.compile(architecture.source, kernels="none")
        with torch.device("meta"):
            self.model: nn.Module = emitted(text).Model()
        self.random = torch.Generator().manual_seed(seed).get_state()
        self.held: dict[str, Tensor] = {}

    def outputs(self) -> dict[str, Output]:
        """By name; to be written in this order, each once."""
        found = {}
        for path, module in self.model.named_modules():
            for name, tensor in own(module).items():
                key = f"{path}.{name}" if path else name
                rows = self._drawn(path, name)
                found[key] = Output("F32", tuple(tensor.shape), rows)
        return found

    def _drawn(self, path: str, name: str) -> Iterator[Array]:
        if f"{path}.{name}" not in self.held:
            self.held = self._draw(path)
        array: Array = self.held.pop(f"{path}.{name}").numpy()
        yield array

    def _draw(self, path: str) -> dict[str, Tensor]:
        module: Any = self.model.get_submodule(path)
        module.to_empty(device="cpu", recurse=False)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.set_rng_state(self.random)
            module.reset_parameters()
            self.random = torch.get_rng_state()
        found = {f"{path}.{n}": t.detach() for n, t in own(module).items()}
        module.to_empty(device="meta", recurse=False)
        return found


def own(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module's state dict that are not those of a module in it."""
    tensors = {**module._parameters, **module._buffers}
    left_out = module._non_persistent_buffers_set
    return {n: t for n, t in tensors.items() if t is not None and n not in left_out}


def emitted(text: str) -> Any:
    """A text that starc has just written, as a module."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module  # dataclasses look their module up
    exec(compile(text, f"<{NAME}>", "exec"), vars(module))
    return module
