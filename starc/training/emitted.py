"""A model.py as a module, wherever it lies and whatever it is called."""

import importlib.util
import linecache
import os
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from starc.training.settings import TrainingError


def load(path: Path) -> ModuleType:
    """The module with `Model` and `Config`. Two of them never get in each other's way.

    Raises TrainingError if the file cannot be imported or is no emitted model; OSError.
    """
    return of_source(path.read_bytes(), path)


def of_source(source: bytes, path: Path) -> ModuleType:
    """The same of a text that is, or is to be, the file at `path`.

    Nothing of the folder is read. An import would take what `__pycache__` holds beside
    the file, which may be the program of whoever sent the folder. Triton reads the
    source of its kernels, and finds this one.
    """
    name = "starc_emitted_" + sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "a loader was given"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        code = loader.source_to_code(source, str(path))
        lines = importlib.util.decode_source(source).splitlines(keepends=True)
        linecache.cache[str(path)] = len(source), None, lines, str(path)
        exec(code, vars(module))
    except OSError:
        raise
    except Exception as error:  # it may hold anything
        reason = f"{type(error).__name__}: {error}"
        raise TrainingError(f"{path} cannot be imported: {reason}") from error
    for needed in ("Config", "Model"):
        if not hasattr(module, needed):
            raise TrainingError(f"{path}: no class {needed}; not from `starc compile`?")
    return module


def auxiliary(model: nn.Module) -> Tensor | float:
    """What the last forward pass adds to the loss of training: a number, once.

    `auxiliary_loss()` of an emitted model whose operators have such terms, such as the
    balance of experts; 0 for all others.
    """
    take = getattr(model, "auxiliary_loss", None)
    if take is None:
        return 0.0
    found: Tensor = take()
    return found


def after_step(model: nn.Module) -> list[Tensor]:
    """What an emitted model wants after each step of the optimizer.

    Experts are balanced, where a bias does that. Returns how many tokens each expert
    has had since the last step, (experts,) for each mixture, in order of depth.
    """
    mixtures: list[Any] = [m for m in model.modules() if "load" in m._buffers]
    loads = [mixture.load.clone() for mixture in mixtures]
    balance: Callable[[], None] | None = getattr(model, "balance_experts", None)
    if balance is not None:
        balance()  # counts anew where a bias balances
    for mixture in mixtures:
        if "balance" not in mixture._buffers:
            mixture.load.zero_()
    return loads


def forget(module: ModuleType) -> None:
    """Gives back what `load` keeps of a module that is not used any more."""
    sys.modules.pop(module.__name__, None)
    linecache.cache.pop(str(module.__file__), None)
