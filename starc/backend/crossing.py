"""What crosses the borders of scopes: modules and values, and what each calls them."""

from collections.abc import Iterator
from dataclasses import field

from starc.backend.classes import Classes
from starc.backend.paths import short, within
from starc.backend.residuals import EMBEDDING, EMBEDDINGS, ENTERED, module_type
from starc.backend.tree import Scope, Tree, Use
from starc.backend.wiring import Value, Wiring
from starc.ir.nodes import Liv, again, lender
from starc.values import dataclass

LOCAL = frozenset(
    """
    self x y i u kept factors predicted rest block entered embedding embeddings
    state states tokens cache config lent torch nn F math cast
    Any cls model new
    """.split()
)
"""What a body calls its own, which nothing that it is given may be called."""


@dataclass(frozen=True)
class Taken:
    """What a block takes of those that its scope has from the embedding.

    first: of the `count` that it takes, in iteration 0 of its loop; all: of the scope.
    """

    first: int
    count: int
    all: int

    def text(self, index: str) -> str:
        """As an argument of iteration `index`, a number or the variable of a loop."""
        if self.count == self.all:
            return EMBEDDING if self.all == 1 else EMBEDDINGS
        start = _place(self.first, self.count, index)
        if self.count == 1:
            return f"{EMBEDDINGS}[{start}]"
        stop = _place(self.first + self.count, self.count, index)
        joint = ":" if start.isdecimal() and stop.isdecimal() else " : "  # as black
        return f"{EMBEDDINGS}[{start}{joint}{stop}]".replace("[0:", "[:")


def _place(first: int, step: int, index: str) -> str:
    """`first + step * index`, as short as it can be."""
    if index.isdecimal():
        return str(first + step * int(index))
    times = index if step == 1 else f"{step} * {index}"
    return f"{first} + {times}" if first else times


@dataclass
class Names:
    """Names of variables and parameters in one forward; no two things share one."""

    taken: set[str] = field(default_factory=lambda: set(LOCAL))
    found: dict[object, str] = field(default_factory=dict)

    def of(self, thing: object, wanted: str) -> str:
        if thing not in self.found:
            while wanted in self.taken:
                wanted += "_"
            self.taken.add(wanted)
            self.found[thing] = wanted
        return self.found[thing]


class Crossing:
    """What each scope is given besides x and its state, and gives back besides x.

    inputs: path of a scope -> a module's path, or a value -> (name, type). outputs: of
    the values. state_inputs: of the modules, those that keep something.
    """

    def __init__(self, tree: Tree, wiring: Wiring, classes: Classes) -> None:
        self.tree, self.wiring, self.classes = tree, wiring, classes
        self.casts = False
        self.names: dict[str, Names] = {s.path: Names() for s in tree.root.scopes()}
        self.inputs: dict[str, dict[object, tuple[str, str]]] = {}
        self.outputs: dict[str, dict[Value, None]] = {}
        self.state_inputs: dict[str, dict[str, str]] = {}
        self._named: dict[str, tuple[str, str]] = {}  # path -> (label, part)
        self.embedded = {key: i for i, key in enumerate(wiring.model.embedded())}
        self.taken: dict[str, list[int]] = {}  # path of a scope -> places in `embedded`
        for scope in tree.root.scopes():
            self.inputs[scope.path], self.outputs[scope.path] = {}, {}
            self.state_inputs[scope.path] = {}
        self._trace()
        for path, places in self.taken.items():
            if places:
                one = (EMBEDDING, "Tensor"), (EMBEDDINGS, "Sequence[Tensor]")
                self.inputs[path][EMBEDDINGS] = one[len(places) > 1]

    def _trace(self) -> None:
        for use in self.tree.root.deep_uses():
            around = self.tree.around[use.layer.label]
            for label, part in self._modules(use):
                inside = self.tree.around[label]
                for passed in around:
                    if passed not in inside:
                        self._module_parameter(passed, label, part)
                        if part == "" and again(use.layer):
                            self._state_parameter(passed, label)
            if self.wiring.module(use.layer).residual.entered:
                for passed in around[1:]:  # the model itself has it
                    self.inputs[passed.path][ENTERED] = (ENTERED, "Tensor")
            for passed in around if self.embedded else ():
                self.taken.setdefault(passed.path, []).extend(self._places(use))
            for value in self._values(use):
                inside = self._around(value[0])
                for passed in around:
                    if passed not in inside:
                        name = self.variable(passed, value)
                        self.inputs[passed.path][value] = (name, "Tensor")
                for left in inside:
                    if left not in around:
                        self.outputs[left.path][value] = None

    def _around(self, label: str) -> tuple[Scope, ...]:
        """The scopes around a LIV; a branch of what is used again is where that is."""
        around = self.tree.around
        return around.get(label) or around[label.rpartition(".")[0]]

    def _modules(self, use: Use) -> Iterator[tuple[str, str]]:
        """(label, part) of the modules of other layers that a line reads."""
        of = again(use.layer)
        if of:
            yield of, ""
            for name in self.wiring.module(use.layer).residual.modules:
                yield of, name
        for liv in self.wiring.module(use.layer).livs:
            yield from ((label, "liv") for label in self.wiring.owners(liv))

    def _values(self, use: Use) -> Iterator[Value]:
        for liv in self.wiring.module(use.layer).livs:
            yield from (value for value in self.wiring.values(liv) if value[0])

    def _places(self, use: Use) -> Iterator[int]:
        for liv in self.wiring.module(use.layer).livs:
            for label, group in self.wiring.values(liv):
                if not label:
                    yield self.embedded[lender(use.layer, liv), group]

    def argument(self, scope: Scope, use: Use, liv: Liv, value: Value) -> str:
        """The variable for what a LIV is called with, in a use of it."""
        if value[0]:
            return self.variable(scope, value)
        taken = self.taken[scope.path]
        if len(taken) == 1 and scope.path:
            return EMBEDDING
        place = self.embedded[lender(use.layer, liv), value[1]]
        return f"{EMBEDDINGS}[{place - taken[0]}]"

    def path_of(self, label: str, part: str) -> str:
        if part == "liv":
            return self.tree.livs[label]
        return self.tree.layers[label] + (f"_{part}" if part else "")

    def _type(self, label: str, part: str) -> str:
        if part == "liv":
            return self.classes.livs[label]
        if part == "":
            return self.classes.layers[label].made_of.name
        return module_type(self.wiring.whole[label].residual, part)

    def _module_parameter(self, scope: Scope, label: str, part: str) -> None:
        path = self.path_of(label, part)
        self._named[path] = label, part
        name = self.names[scope.path].of(path, short(path))
        self.inputs[scope.path][path] = (name, self._type(label, part))

    def _state_parameter(self, scope: Scope, label: str) -> None:
        made = self.classes.layers[label].made_of
        if made.has_state:
            path = self.path_of(label, "")
            name = self.names[scope.path].of(path, short(path))
            self.state_inputs[scope.path][path] = name

    def module(self, scope: Scope, label: str, part: str) -> str:
        """A module as an expression in the forward of a scope."""
        path = self.path_of(label, part)
        if scope not in self.tree.around[label]:
            return self.names[scope.path].of(path, short(path))
        inside = path.removeprefix(scope.path)
        text = within("self", inside)
        if "[" not in text:
            return text
        self.casts = True  # what an nn.ModuleList holds has no type
        return f'cast("{self._type(label, part)}", {text})'

    def variable(self, scope: Scope, value: Value) -> str:
        """The variable of a scope's forward that holds a lent value."""
        label, group = value
        where = self._around(label)
        path = self.tree.livs.get(label)
        if path is None:  # a branch of a parallel used again
            use, _, stem = label.rpartition(".")
            path = f"{self.tree.livs[use]}.{stem}"
        name = short(path)
        if scope in where and scope is not where[-1]:  # of one iteration among many
            name = label.replace(".", "_")
        return self.names[scope.path].of(value, f"{name}_{group}")

    def given(
        self, scope: Scope, iteration: Scope, number: int
    ) -> tuple[str | Taken, ...]:
        """What a block of a scope is called with besides x and its state; number: of
        the iteration in its loop."""
        found: list[str | Taken] = []
        for thing in self.inputs[iteration.path]:
            if isinstance(thing, tuple):
                found.append(self.variable(scope, thing))
            elif thing == ENTERED:
                found.append(ENTERED)
            elif thing == EMBEDDINGS:
                here, taken = self.taken[iteration.path], self.taken[scope.path]
                first = here[0] - taken[0] - number * len(here)
                every = len(taken) if scope.path else 0
                found.append(Taken(first, len(here), every))
            else:
                found.append(self.module(scope, *self._named[str(thing)]))
        return tuple(found)

    def returned(self, scope: Scope, iteration: Scope) -> tuple[str, ...]:
        """The variables of a scope for what one of its blocks returns besides x."""
        return tuple(self.variable(scope, v) for v in self.outputs[iteration.path])
