"""Where every layer stands in the emitted file: scopes, attributes and paths."""

from collections.abc import Iterator, Sequence
from itertools import count, groupby
from typing import TypeVar, assert_never

from starc.backend.streams import STREAMS
from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    branches,
    outside_repeats,
)
from starc.values import dataclass

Thing = TypeVar("Thing")

BRANCHED = "_parallel"
"""What the name of a parallel ends with, behind the label of a branch."""


@dataclass(frozen=True)
class Use:
    """A layer as a line of forward; `name`: its attribute, or of its state."""

    layer: Layer
    name: str


@dataclass(frozen=True)
class Blocks:
    """A loop of the text: the nn.ModuleList `name`, a scope for each iteration."""

    name: str
    iterations: "tuple[Scope, ...]"


@dataclass(frozen=True)
class Border:
    """Where a part of a section begins (`opens`) or ends; `name`: the attribute of what
    stands around it."""

    section: Section
    name: str
    opens: bool


@dataclass(frozen=True)
class Scope:
    """What one forward goes through, in order: the model's (path ""), or a block's."""

    path: str
    steps: tuple[Use | Blocks | Border, ...]

    def uses(self) -> Iterator[Use]:
        """Its own lines."""
        for step in self.steps:
            match step:
                case Use():
                    yield step
                case Blocks() | Border():
                    pass
                case _:
                    assert_never(step)

    def deep_uses(self) -> Iterator[Use]:
        """Every line of it and of all that it holds, in order of depth."""
        for step in self.steps:
            match step:
                case Use():
                    yield step
                case Blocks():
                    for iteration in step.iterations:
                        yield from iteration.deep_uses()
                case Border():
                    pass
                case _:
                    assert_never(step)

    def scopes(self) -> "Iterator[Scope]":
        """Itself and all that it holds, in order of depth."""
        yield self
        for step in self.steps:
            match step:
                case Blocks():
                    for iteration in step.iterations:
                        yield from iteration.scopes()
                case Use() | Border():
                    pass
                case _:
                    assert_never(step)


class Tree:
    """The scopes of a model, and for every label where it is.

    Names follow from the text alone. In a block a layer has its label, or the word for
    its kind, with a number where the block has more of that kind; outside of blocks an
    unlabelled layer's number is its depth. A parallel is called after the first of its
    branches that has a label.
    """

    def __init__(self, model: Model) -> None:
        self.around: dict[str, tuple[Scope, ...]] = {}  # label -> scopes, outer first
        self.layers: dict[str, str] = {}  # label -> path of the module: blocks.3.attn
        self.livs: dict[str, str] = {}  # the same for LIVs, branches of parallels too
        self.root = self._scope("", model.body)
        self._enter(self.root, ())

    def _scope(self, path: str, steps: tuple[Step, ...]) -> Scope:
        names = _names(steps, in_block=bool(path))
        found: list[Use | Blocks | Border] = []
        lists = 0
        for step in steps:
            match step:
                case Repeat():
                    lists += 1
                    name = "blocks" if lists == 1 else f"blocks_{lists}"
                    start, iterations = f"{path}{name}.", enumerate(step.iterations)
                    scopes = (
                        self._scope(f"{start}{i}.", iteration)
                        for i, iteration in iterations
                    )
                    found.append(Blocks(name, tuple(scopes)))
                case Section():
                    for part in step.parts:
                        name = f"{names[part.label]}_{STREAMS}"
                        found.append(Border(part, name, opens=True))
                        found += [Use(layer, names[layer.label]) for layer in part.body]
                        found.append(Border(part, name, opens=False))
                case Liv() | Again() | Parallel():
                    found.append(Use(step, names[step.label]))
                case _:
                    assert_never(step)
        return Scope(path, tuple(found))

    def _enter(self, scope: Scope, outer: tuple[Scope, ...]) -> None:
        around = (*outer, scope)
        for step in scope.steps:
            match step:
                case Blocks():
                    for iteration in step.iterations:
                        self._enter(iteration, around)
                case Use(layer, name):
                    self._place(layer, f"{scope.path}{name}", around)
                case Border():
                    pass
                case _:
                    assert_never(step)

    def _place(self, layer: Layer, path: str, around: tuple[Scope, ...]) -> None:
        self.around[layer.label] = around
        self.layers[layer.label] = self.livs[layer.label] = path
        for branch in branches(layer):
            self.around[branch.label] = around
            self.livs[branch.label] = f"{path}.{branch.stem}"


def _names(steps: tuple[Step, ...], in_block: bool) -> dict[str, str]:
    """Label -> attribute, for the layers of a scope."""
    layers = list(outside_repeats(steps))
    given = {layer.label: _given(layer, in_block) for layer in layers}
    if not in_block:
        return {label: name or label for label, name in given.items()}
    stems = [layer.stem for layer in layers if not given[layer.label]]
    taken = {name for name in given.values() if name}
    names: dict[str, str] = {}
    for layer in layers:
        name = given[layer.label] or layer.stem
        if not given[layer.label] and (stems.count(name) > 1 or name in taken):
            numbered = (f"{layer.stem}_{number}" for number in count(1))
            name = next(name for name in numbered if name not in taken)
        taken.add(name)
        names[layer.label] = name
    return names


def _given(layer: Layer, in_block: bool) -> str:
    """The name that labels of the text give it, "" where there are none."""
    if layer.labelled:
        return layer.stem if in_block else layer.label
    branch = next((branch for branch in branches(layer) if branch.labelled), None)
    return f"{branch.stem}{BRANCHED}" if branch else ""


def runs(things: Sequence[Thing]) -> list[tuple[Thing, int, int]]:
    """(thing, start, stop) of each run of equal things."""
    found = []
    start = 0
    for thing, run in groupby(things):
        stop = start + len(list(run))
        found.append((thing, start, stop))
        start = stop
    return found
