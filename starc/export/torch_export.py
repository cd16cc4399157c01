"""A program of torch.export, which runs without Python and without starc."""

import io
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from starc import files
from starc.export.architecture import Architecture
from starc.export.model import loaded
from starc.export.refusal import refused

NEAREST = "`--to hf` writes a folder that runs in Python"


def export(
    architecture: Architecture, path: Path, weights: Path | None, seed: int
) -> str:
    """Writes a .pt2 file: tokens (B, T) of int64 -> logits (B, T, vocab).

    Says which lengths it takes: any, or those up to the model's context, or that alone,
    as the operators allow. Raises ExportError, OSError.
    """
    model = loaded(architecture, weights, seed)
    try:
        made, lengths = traced(model, architecture.model.context)
    except Exception as error:  # what a trace meets has errors of any kind
        raise refused(architecture, model, error, "program", NEAREST) from error
    with files.replaced(path) as temporary, _Written(io.FileIO(temporary, "w")) as file:
        torch.export.save(made, file)
        file.check()
    return f"tokens (batch, length) to logits, {lengths}"


class _Written(io.BufferedWriter):
    """A file whose first error waits: torch ends the process where a write fails."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            if self.error is None:
                super().write(data)
        except OSError as error:
            self.error = error
        return len(data)

    def check(self) -> None:
        """Raises it; OSError too where the last bytes find no place."""
        if self.error is not None:
            raise self.error
        self.flush()


def traced(model: Any, context: int) -> tuple[torch.export.ExportedProgram, str]:
    """The program, and which lengths it takes."""
    batch = torch.export.Dim("batch")
    free = torch.export.Dim("length")
    most = max(4, context)
    bounded = torch.export.Dim("length", min=2, max=most)
    attempts: tuple[tuple[int, int, dict[int, Any], str], ...] = (
        (6, 3 * most, {0: batch, 1: free}, "of any length"),
        (6, most, {0: batch, 1: bounded}, f"of up to {context:,} tokens"),
        (context, context, {0: batch}, f"of {context:,} tokens and no other number"),
    )

    def tokens(rows: int, length: int) -> tuple[torch.Tensor]:
        return (torch.zeros(rows, length, dtype=torch.int64),)

    for length, longest, sizes, said in attempts:
        shortest = 2 if longest > length else length
        given = [tokens(2, length), tokens(1, shortest), tokens(3, longest)]
        try:
            return program(model, given, {"tokens": sizes}), said
        except RuntimeError:  # what was traced holds for some lengths only
            if said == attempts[-1][-1]:
                raise
    raise AssertionError


def program(
    module: Any, given: list[tuple[Any, ...]], shapes: Any
) -> torch.export.ExportedProgram:
    """given: what is traced, and inputs of other sizes, for which it has to hold.

    What torch cannot prove of sizes is asserted, and tried without numbers. Raises
    RuntimeError.
    """
    first, *others = given
    deferred = "prefer_deferred_runtime_asserts_over_guards"
    known = deferred in signature(torch.export.export).parameters  # not in old ones
    how: Any = {deferred: True} if known else {}
    found = torch.export.export(module, first, dynamic_shapes=shapes, **how)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for other in others:
            found.module()(*other)
    return found
