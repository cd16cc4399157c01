"""Two graphs for ONNX runtimes: one of a prompt, one of the token behind it.

What a layer keeps of the tokens before goes in and out of them. The weights stand
beside the graphs, once. Needs torch, onnx and onnxscript.
"""

from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from torch import Tensor, nn

from starc import files
from starc.backend.render import render
from starc.compiler import plan_of
from starc.export.architecture import Architecture
from starc.export.drawn import emitted
from starc.export.error import ExportError
from starc.export.model import loaded
from starc.export.refusal import refused
from starc.export.stand_ins import stand_in
from starc.export.torch_export import program
from starc.values import dataclass

if TYPE_CHECKING:
    import onnx_ir as ir

OPSET = 20
OLDEST = "2.13"
"""The release of torch that makes these graphs; earlier ones have not been tried."""

PROMPT = 6
"""Tokens of the prompt that is traced: any number would do."""

ALIGNED = 4096
"""Bytes: a tensor of the file of weights begins at a multiple, to be mapped."""

NEAREST = "`--to hf` writes a folder that runs in Python, `--to torch-export` a program"


class Kept:
    """What the emitted model asks of a cache, with states that come from outside.

    position: of the tokens, in a tensor; None: they are the first.
    """

    def __init__(self, leaves: list[Any], states: Any, tokens: Tensor) -> None:
        self.batch, self.device = tokens.shape[0], tokens.device
        self.leaves, self.states = leaves, states
        self.behind = None
        self.position: Tensor | None = None

    def reserve(self, tokens: int) -> None:
        """There is always room: whoever calls the graph counts."""

    def advance(self, tokens: int) -> None:
        for state in self.leaves:
            if hasattr(state, "length"):
                state.length = 0 if self.position is None else self.position
            if getattr(state, "filter", None) is not None and self.position is not None:
                state.length, state.added = 1, self.position  # its filter is made


class Graph(nn.Module):
    """capacity: tokens that the states hold."""

    def __init__(self, file: Any, model: nn.Module, capacity: int) -> None:
        super().__init__()
        self.file, self.capacity = file, capacity
        self.model = model

    def kept(self, tokens: Tensor) -> Kept:
        like = self.model.get_parameter("embedding.weight")
        states = self.file.States.new(
            self.model,
            lambda layer: layer.new_state(tokens.shape[0], self.capacity, like),
        )
        return Kept(self.file.leaves(states), states, tokens)


class Prompt(Graph):
    """tokens (B, T) -> logits (B, T, vocab), and the states behind them."""

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        if not hasattr(self.file, "States"):
            return (self.model(tokens),)
        cache = self.kept(tokens)
        logits = self.model(tokens, cache)
        return logits, *(getattr(state, name) for _, state, name in named(cache.states))


class Step(Graph):
    """tokens (B, 1), position (1), states -> logits (B, 1, vocab), states."""

    def forward(
        self, tokens: Tensor, position: Tensor, states: list[Tensor]
    ) -> tuple[Tensor, ...]:
        if not hasattr(self.file, "States"):
            return (self.model(tokens),)
        cache = self.kept(tokens)
        cache.position = position
        for (_, state, name), given in zip(named(cache.states), states, strict=True):
            setattr(state, name, given.clone())  # what was given stays what it was
        logits = self.model(tokens, cache)
        return logits, *(getattr(state, name) for _, state, name in named(cache.states))


def named(kept: Any, path: str = "state") -> Iterator[tuple[str, Any, str]]:
    """Every tensor in the states: its name, the state, and its field there."""
    if isinstance(kept, list):
        for i, one in enumerate(kept):
            yield from named(one, f"{path}.{i}")
    elif isinstance(kept, tuple):
        for field, one in kept._asdict().items():  # type: ignore[attr-defined]
            yield from named(one, f"{path}.{field}")
    elif kept is not None:
        for field, value in vars(kept).items():
            if isinstance(value, Tensor) and field != "length":  # the position
                yield f"{path}.{field}", kept, field


@dataclass(frozen=True)
class Files:
    """The names of what is written: beside FILE, the other graph and the weights."""

    prompt: Path

    @property
    def step(self) -> Path:
        return self.prompt.with_name(f"{self.prompt.stem}.step{self.prompt.suffix}")

    @property
    def weights(self) -> Path:
        return self.prompt.with_name(f"{self.prompt.name}.data")


def export(
    architecture: Architecture, path: Path, weights: Path | None, seed: int
) -> str:
    """Writes both graphs and the weights, and says which prompts the first one takes.

    Raises ExportError where torch has no graph of it; OSError.
    """
    if torch.__version__ < OLDEST:
        raise ExportError(
            f"torch {torch.__version__} is too old for --to onnx: install {OLDEST} or "
            "a newer one"
        )
    import onnx_ir as ir

    written = Files(path)
    model = loaded(architecture, weights, seed)
    prompt, step = graphs(architecture, model)
    context = architecture.model.context
    with ExitStack() as stack:
        places = [
            stack.enter_context(files.replaced(one))
            for one in (written.weights, written.step, written.prompt)
        ]
        _apart([prompt, step], places[0], written.weights.name)
        ir.save(step, places[1])
        ir.save(prompt, places[2])
    return (
        f"a prompt of 2 to {context - 1:,} tokens; {written.step.name}: the token "
        f"behind it, up to {context:,} in all; their weights: {written.weights.name}"
    )


def graphs(architecture: Architecture, model: Any) -> "tuple[ir.Model, ir.Model]":
    """The prompt, and the step. Raises ExportError."""
    name = architecture.source.name
    file = emitted(
        render(plan_of(architecture.model, name, kernels="none", traced=True))
    )
    with torch.device("meta"):
        there: Any = file.Model()
    there.load_state_dict(model.state_dict(), assign=True)
    there.eval().requires_grad_(False)
    for mine, theirs in zip(there.modules(), model.modules(), strict=True):
        for name in theirs._non_persistent_buffers_set:
            mine._buffers[name] = theirs._buffers[name]
    context = architecture.model.context
    most = context - 1  # a prompt that fills the states is another case, and of no use
    if most < PROMPT:
        raise ExportError(
            f"context: {context} tokens are too few for a prompt of any length: "
            f"{PROMPT + 1} are enough"
        )
    states = _shapes(file, there, context)
    names = [name for name, _, _ in states]
    rows = torch.export.Dim("batch")
    length = torch.export.Dim("length", min=2, max=most)
    ends = (1, 2), (3, most)  # numbers of rows and tokens, beside those that are traced

    def prompt(rows: int, tokens: int) -> tuple[Any, ...]:
        return (torch.zeros(rows, tokens, dtype=torch.int64),)

    def step(rows: int, position: int) -> tuple[Any, ...]:
        kept = [
            torch.zeros(rows if by_row else shape[0], *shape[1:])
            for _, shape, by_row in states
        ]
        return *prompt(rows, 1), torch.tensor([position]), kept

    stand_in(file, tile=32)
    first = _graph(
        architecture,
        Prompt(file, there, context),
        [prompt(*sizes) for sizes in ((2, PROMPT), *ends)],
        {"tokens": {0: rows, 1: length}},
        ["tokens"],
        names,
    )
    stand_in(file, tile=1)
    second = _graph(
        architecture,
        Step(file, there, context),
        [step(*sizes) for sizes in ((2, 3), *ends)],
        {
            "tokens": {0: rows},
            "position": None,
            "states": [{0: rows} if by_row else None for _, _, by_row in states],
        },
        ["tokens", "position", *(f"{name}.before" for name in names)],
        names,
    )
    return first, second


def _shapes(
    file: Any, model: nn.Module, context: int
) -> list[tuple[str, tuple[int, ...], bool]]:
    """Of each state for two rows: its name, its shape, whether rows have their own."""
    if not hasattr(file, "States"):
        return []
    found = []
    for rows in (2, 3):
        tokens = torch.zeros(rows, 1, dtype=torch.int64)
        kept = Graph(file, model, context).kept(tokens).states
        found.append([(n, tuple(getattr(s, f).shape)) for n, s, f in named(kept)])
    return [
        (name, shape, shape != other)
        for (name, shape), (_, other) in zip(*found, strict=True)
    ]


@torch.no_grad()
def _graph(
    architecture: Architecture,
    module: Graph,
    given: list[tuple[Any, ...]],
    shapes: Any,
    inputs: list[str],
    names: list[str],
) -> "ir.Model":
    """Of a program, as torch_export.py makes one.

    Raises ExportError where torch or onnxscript cannot.
    """
    with catch_warnings(), redirect_stdout(StringIO()):
        simplefilter("ignore")
        try:
            made = torch.onnx.export(
                program(module, given, shapes),
                dynamo=True,
                input_names=inputs,
                output_names=["logits", *names],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # what a trace meets has errors of any kind
            raise refused(
                *(architecture, module.model, error, "graph of ONNX", NEAREST)
            ) from error
    assert made is not None
    model: ir.Model = made.model
    model.producer_name, model.producer_version = "starc", ""
    return model


def _apart(models: "list[ir.Model]", path: Path, name: str) -> None:
    """Writes the weights of both, each once, and makes the graphs point there."""
    import onnx_ir as ir

    places: dict[tuple[object, ...], ir.ExternalTensor] = {}
    with path.open("wb") as file:
        for model in models:
            for key, value in model.graph.initializers.items():
                tensor = value.const_value
                assert tensor is not None
                if tensor.nbytes < 1024:
                    continue
                data = np.ascontiguousarray(tensor.numpy()).data.cast("B")
                same = sha256(data).digest(), tensor.dtype, *tensor.shape.numpy()
                if same not in places:
                    file.write(b"\0" * (-file.tell() % ALIGNED))
                    start = file.tell()
                    file.write(data)
                    places[same] = ir.ExternalTensor(
                        name,
                        start,
                        tensor.nbytes,
                        tensor.dtype,
                        shape=tensor.shape,
                        name=key,
                        base_dir=path.parent,
                    )
                at = places[same]
                value.const_value = ir.ExternalTensor(
                    name,
                    at.offset,
                    at.length,
                    at.dtype,
                    shape=at.shape,
                    name=key,
                    base_dir=path.parent,
                )
