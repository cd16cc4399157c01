"""Why torch has no graph of a model: at which LIV it stopped, and the way out."""

from traceback import walk_tb

import torch
from torch import nn

from starc.export.architecture import Architecture
from starc.export.error import ExportError


def refused(
    architecture: Architecture,
    model: nn.Module,
    error: BaseException,
    form: str,
    nearest: str,
) -> ExportError:
    """model: what was traced. form: what was to be written. nearest: the way out."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return ExportError(
        f"torch {torch.__version__} writes no {form} of this model"
        f"{_where(architecture, model, error)}: {said[0][:200]}\n  {nearest}"
    )


def _where(architecture: Architecture, model: nn.Module, error: BaseException) -> str:
    """The LIV that was traced when it was raised, if it was one."""
    names = {id(module): name for name, module in model.named_modules()}
    found = [
        names.get(id(frame.f_locals.get("self")), "")
        for frame, _ in walk_tb(error.__traceback__)
    ]
    path = max(found, key=len, default="")
    label = architecture.label_of(path) if path else ""
    return f", at `{label}`, {path} of the file" if label else ""
