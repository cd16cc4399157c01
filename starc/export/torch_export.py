"""A program of torch.export, which runs without Python and without starc."""

from pathlib import Path
from typing import Any

import torch
from torch._dynamo.exc import UserError

from starc import files
from starc.export.architecture import Architecture
from starc.export.model import loaded


def export(
    architecture: Architecture, path: Path, weights: Path | None, seed: int
) -> str:
    """Writes a .pt2 file: tokens (B, T) of int64 -> logits (B, T, vocab).

    Says which lengths it takes: any, or those up to the model's context, or that alone,
    as the operators allow. Raises ExportError, OSError.
    """
    model = loaded(architecture, weights, seed)
    program, lengths = traced(model, architecture.model.context)
    with files.replaced(path) as temporary, temporary.open("wb") as file:
        torch.export.save(program, file)
    return f"tokens (batch, length) to logits, {lengths}"


def traced(model: Any, context: int) -> tuple[torch.export.ExportedProgram, str]:
    """The program, and which lengths it takes."""
    batch = torch.export.Dim("batch")
    free = torch.export.Dim("length")
    bounded = torch.export.Dim("length", min=2, max=max(4, context))
    attempts: tuple[tuple[int, dict[int, Any], str], ...] = (
        (6, {0: batch, 1: free}, "of any length"),
        (6, {0: batch, 1: bounded}, f"of up to {context:,} tokens"),
        (context, {0: batch}, f"of {context:,} tokens and no other number"),
    )
    *others, (length, last, words) = attempts
    for tokens, sizes, said in others:
        try:
            return _traced(model, tokens, sizes), said
        except UserError:  # what was traced holds for some lengths only
            continue
    return _traced(model, length, last), words


def _traced(
    model: Any, length: int, sizes: dict[int, Any]
) -> torch.export.ExportedProgram:
    given = torch.zeros(2, length, dtype=torch.int64)
    return torch.export.export(model, (given,), dynamic_shapes={"tokens": sizes})
