"""A family: its table, and what a configuration read by it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from starc.values import dataclass
from starc.zoo.field import Field
from starc.zoo.seen import SILENT
from starc.zoo.tensor import Made, Names
from starc.zoo.values import Values


@dataclass(frozen=True)
class Use:
    """What a LIV of a certain layer says beside its name: `f2: mlp same as f1`.

    label: its own; clauses: behind it. names: their tensors that are of this use alone,
    by whole names.
    """

    label: str = ""
    clauses: tuple[str, ...] = ()
    names: Names = field(default_factory=dict)

    def around(self, said: str) -> str:
        label = f"{self.label}: " if self.label else ""
        return f"{label}{' '.join((said, ', '.join(self.clauses)))}".rstrip()


@dataclass(frozen=True)
class Part:
    """A LIV of a layer.

    alias: its name in the source, and its address. liv: its class in the language.
    roles: other addresses whose settings it has; its own have the last word.
    options: what it always says. names: their tensors, without the layer's prefix.
    by_depth: what it says in the layer of a number, from 0 on, of the fields and it.
    use: what it says there beside its numbers, of the fields and this number; reads:
        what an answer that it reads so is of its input, "input" or "plus".
    """

    alias: str
    liv: str
    names: Names
    roles: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    by_depth: Mapping[str, Callable[[Values, int], Any]] = field(default_factory=dict)
    use: Callable[[Values, int], Use] | None = None
    reads: str = ""

    @property
    def own(self) -> dict[str, Any]:
        """What no field says; SILENT where it depends on the layer's number."""
        return {**self.options, **dict.fromkeys(self.by_depth, SILENT)}


@dataclass(frozen=True)
class Beside:
    """Parts that read the same input. names: of the norm before them, if it is one for
    all. options: what is said of what stands around them together."""

    parts: tuple[Part, ...]
    names: Names
    options: Mapping[str, Any] = field(default_factory=dict)


Step = Part | Beside


@dataclass(frozen=True)
class Together:
    """Steps that stand in several streams as one: `block { ... }`. The tensors of what
    stands around them are among the names of the first."""

    steps: tuple[Step, ...]


Steps = tuple[Step | Together, ...]


def flat(steps: Steps) -> tuple[Step, ...]:
    """Those of a layer one by one."""
    found: list[Step] = []
    for step in steps:
        found += step.steps if isinstance(step, Together) else (step,)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Family:
    """name: `model_type` of a configuration. architecture: of its `architectures`.

    fields: all that a configuration may say, in the order in which one needs another.
    kinds: what a layer is made of, by the name of its kind; `layers` says of which kind
        each is.
    always: settings that no field says, values or functions of the fields.
    names: their tensors outside of the layers; prefix: of those of layer {}.
    unused: their tensors that are no weights, or others once more, by pattern, and why.
    limits: configurations that cannot be said, in a few words; "": all can.
    """

    name: str
    title: str
    architecture: str
    fields: Mapping[str, Field]
    kinds: Mapping[str, Steps]
    layers: Callable[[Values], Sequence[str]]
    names: Names
    prefix: str = "model.layers.{}."
    always: Mapping[str, Any] = field(default_factory=dict)
    unused: Mapping[str, str] | Callable[[Values], Mapping[str, str]] = field(
        default_factory=dict
    )
    limits: str = ""


@dataclass(frozen=True)
class Reading:
    """What a configuration says. settings: by address. layers: kind of each.

    notes: what was left out, or decided, a comment each.
    """

    family: Family
    values: Values
    settings: Mapping[str, Any]
    layers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def steps(self) -> tuple[tuple[Step, ...], ...]:
        """Each layer, in order of depth."""
        return tuple(flat(self.family.kinds[kind]) for kind in self.layers)

    @property
    def folds(self) -> tuple[str, ...]:
        """What of it stands in the weights, a sentence each."""
        parts = [step for layer in self.steps for step in layer]
        names = [self.family.names, *(step.names for step in parts)]
        names += [one.names for s in parts if isinstance(s, Beside) for one in s.parts]
        found = [
            how.folds
            for one in names
            for how in one.values()
            if isinstance(how, Made) and how.active(self.values)
        ]
        return tuple(dict.fromkeys(found))

    def options(self, part: Part) -> dict[str, Any]:
        """What the source says of a part."""
        found: dict[str, Any] = {}
        for address in (*part.roles, part.alias):
            for name, value in self.settings.items():
                if name.startswith(f"{address}."):
                    found[name.removeprefix(f"{address}.")] = value
        found |= part.options
        return {name: value for name, value in found.items() if value is not None}


def every_layer(count: str = "num_hidden_layers") -> Callable[[Values], Sequence[str]]:
    """All layers are of one kind; count: the field that says how many there are."""
    return lambda values: ["layer"] * int(values[count])


def by(field: str) -> Callable[[Values], Sequence[str]]:
    """A field lists the kinds."""
    return lambda values: list(values[field])
