"""From an IR or a text to an emitted model with given weights, and its gradients."""

import __future__

import linecache
import os
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count
from types import CodeType, ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from starc import passes
from starc.backend import render as rendering
from starc.backend.plan import Plan, make_plan
from starc.ir.nodes import Model, Written
from starc.reference import tensors
from tests.emitted.parts import parts

Key = tuple[str, str]
Weights = Mapping[Key, Tensor]

OPTIONAL = frozenset(step.name for step in passes.PIPELINE if not step.required)
ANNOTATIONS = __future__.annotations.compiler_flag
LAUNCHES = torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"
_numbers = count()


def load(text: str, name: str = "emitted") -> ModuleType:
    """The emitted file as a module of its own, its lines there for tracebacks.

    A kernel's file, a class or a function that stood in another one too is compiled
    once a process. Where no kernel will run, Triton is not there: it reads the source
    of each when it is defined, which takes longest.
    """
    name = f"{name}_{next(_numbers)}"
    module = ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    code = [_compiled(part) for part in parts(text)]
    with nullcontext() if LAUNCHES else _without_triton():
        for each in code:
            exec(each, module.__dict__)
    return module


@cache
def _compiled(text: str) -> CodeType:
    path = f"<emitted_{next(_numbers)}>"
    lines = text.splitlines(keepends=True)
    linecache.cache[path] = (len(text), None, lines, path)
    code: CodeType = compile(text, path, "exec", ANNOTATIONS)
    return code


@contextmanager
def _without_triton() -> Iterator[None]:
    before = sys.modules.get("triton")
    sys.modules["triton"] = None  # type: ignore[assignment]  # to import it fails
    try:
        yield
    finally:
        del sys.modules["triton"]
        if before is not None:
            sys.modules["triton"] = before


@dataclass(frozen=True)
class Emitted:
    """A model after the passes, its plan, text and module."""

    ir: Model
    plan: Plan
    text: str
    module: ModuleType

    def model(self, weights: Weights, dtype: torch.dtype = torch.float64) -> Any:
        """The emitted model with canonical weights, in `dtype`."""
        made: Any = self.module.Model().to(dtype)
        state = made.state_dict()
        assert set(state) == set(self.plan.weights), (
            "the weight map names other tensors"
        )
        joined = {}
        for key, pieces in self.plan.weights.items():
            joined[key] = torch.cat([weights[piece].detach() for piece in pieces])
            assert joined[key].shape == state[key].shape, key
        used = {piece for pieces in self.plan.weights.values() for piece in pieces}
        assert used == set(weights), "the weight map lacks tensors, or has too many"
        made.load_state_dict(joined)
        return made

    def gradients(self, model: Any) -> dict[Key, Tensor]:
        """By canonical key, summed over copies; of a tied tensor all that it got."""
        held: dict[str, Tensor] = dict(model.named_buffers())
        held |= dict(model.named_parameters())
        shapes = tensors(self.ir)
        found: dict[Key, Tensor] = {}
        for name, pieces in self.plan.weights.items():
            parameter = held[name]
            gradient = torch.zeros_like(parameter)
            if parameter.grad is not None:
                gradient = parameter.grad
            parts = gradient.split([shapes[piece][0] for piece in pieces])
            for piece, part in zip(pieces, parts, strict=True):
                found[piece] = found[piece] + part if piece in found else part
        return found


def emit(model: Written, without: AbstractSet[str] = frozenset()) -> Emitted:
    """`model`: as `lower` gives it. `without`: optional passes to leave out."""
    ir = passes.run(model, without)
    plan = make_plan(ir, "test.star", ())
    with mock.patch.object(rendering, "tidy", lambda text: text):
        text = rendering.render(plan)  # unformatted: black would take most of the time
    return Emitted(ir, plan, text, _loaded(text))


_loaded = lru_cache(maxsize=256)(load)
"""Many tests emit the same text: one more pass, or one less, often changes nothing."""


def relative(found: Tensor, expected: Tensor, least: float = 1e-6) -> float:
    """Largest error over largest value, which counts as `least` where it is less."""
    error = (found.detach().double() - expected).abs().max()
    return float(error / expected.abs().max().clamp(min=least))
