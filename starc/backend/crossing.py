"""What crosses the borders of scopes: modules and values, and what each calls them."""

from collections.abc import Iterator
from dataclasses import field

from starc.backend.classes import Classes
from starc.backend.paths import short, within
from starc.backend.residuals import ENTERED, module_type
from starc.backend.tree import Scope, Tree, Use
from starc.backend.wiring import Value, Wiring
from starc.ir.nodes import again
from starc.values import dataclass

LOCAL = frozenset(
    """
    self x y i block entered state states tokens cache config lent torch nn F math cast
    Any cls model new
    """.split()
)
"""What a body calls its own, which nothing that it is given may be called."""


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
        for scope in tree.root.scopes():
            self.inputs[scope.path], self.outputs[scope.path] = {}, {}
            self.state_inputs[scope.path] = {}
        self._trace()

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
            yield from self.wiring.values(liv)

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

    def given(self, scope: Scope, iteration: Scope) -> tuple[str, ...]:
        """What a block of a scope is called with besides x and its state."""
        found = []
        for thing in self.inputs[iteration.path]:
            if isinstance(thing, tuple):
                found.append(self.variable(scope, thing))
            elif thing == ENTERED:
                found.append(ENTERED)
            else:
                found.append(self.module(scope, *self._named[str(thing)]))
        return tuple(found)

    def returned(self, scope: Scope, iteration: Scope) -> tuple[str, ...]:
        """The variables of a scope for what one of its blocks returns besides x."""
        return tuple(self.variable(scope, v) for v in self.outputs[iteration.path])
