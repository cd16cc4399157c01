"""A model.py as a module, wherever it lies and whatever it is called."""

import importlib.util
import os
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from starc.training.settings import TrainingError


def load(path: Path) -> ModuleType:
    """The module with `Model` and `Config`. Two of them never get in each other's way.

    Raises TrainingError if the file cannot be imported or is no emitted model.
    """
    name = "starc_emitted_" + sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TrainingError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except OSError:
        raise
    except Exception as error:  # it may hold anything
        reason = f"{type(error).__name__}: {error}"
        raise TrainingError(f"{path} cannot be imported: {reason}") from error
    for needed in ("Config", "Model"):
        if not hasattr(module, needed):
            raise TrainingError(f"{path}: no class {needed}; not from `starc compile`?")
    return module
