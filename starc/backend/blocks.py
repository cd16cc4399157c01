"""Bodies of the emitted model and its blocks: constructor, forward and states."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import groupby
from textwrap import wrap
from typing import TypeVar, assert_never

from starc.backend.classes import Classes
from starc.backend.code import (
    LIMIT,
    Call,
    Expression,
    List,
    assigned,
    signature,
    statement,
)
from starc.backend.entrance import entered
from starc.backend.residuals import added, constructed, module_type
from starc.backend.shared import sharing, short
from starc.backend.states import KEPT, Kept, state_class, state_name
from starc.backend.tree import Blocks, Scope, Tree, Use
from starc.backend.wiring import Value, Wiring, lender
from starc.ir.nodes import Liv, Model, Parallel, again
from starc.values import dataclass

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Body:
    """What a scope becomes; equal bodies are one class.

    parameters: (name, type) between x and the state. returned: variables after x.
    """

    doc: str  # what its lines do not say: who shares what
    construct: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    forward: tuple[str, ...]
    returned: tuple[str, ...]
    state: tuple[Kept, ...]
    state_modules: tuple[str, ...]


@dataclass(frozen=True)
class BlockClass:
    """An emitted class of blocks."""

    name: str
    body: Body

    @property
    def stateful(self) -> bool:
        return bool(self.body.state)

    def lines(self) -> Iterator[str]:
        body = self.body
        yield f"class {self.name}(nn.Module):"
        if body.doc:
            yield from (f"    {line}" for line in quoted(body.doc))
            yield ""
        config = ["config: Config"] if body.construct else []
        yield from signature("__init__", ["self", *config])
        yield "        super().__init__()"
        yield from body.construct
        yield ""
        parameters = ["self", "x: Tensor"]
        parameters += [f"{name}: {kind}" for name, kind in body.parameters]
        if self.stateful:
            parameters.append(f"state: {state_name(self.name)} | None = None")
        result = "tuple[Tensor, ...]" if body.returned else "Tensor"
        yield from signature("forward", parameters, result)
        yield from body.forward


LOCAL = frozenset("""
    self x y i block state states tokens cache config lent torch nn F math cast Any cls
    model new
    """.split())
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


class Bodies:
    """Every block class of a model, outer before inner, and the model's own body."""

    def __init__(self, model: Model, tree: Tree, wiring: Wiring, classes: Classes):
        self.model, self.tree, self.wiring, self.classes = model, tree, wiring, classes
        self.blocks: list[BlockClass] = []
        self.of: dict[Body, BlockClass] = {}
        self.block_of: dict[str, BlockClass] = {}  # by path of the iteration
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
        self.root = self._body(tree.root, "model", "states")

    # What crosses the borders of the scopes.

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
            for value in self._values(use):
                inside = self._around(value[0])
                for passed in around:
                    if passed not in inside:
                        name = self._variable(passed, value)
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

    # Names and expressions.

    def _path(self, label: str, part: str) -> str:
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
        path = self._path(label, part)
        self._named[path] = label, part
        name = self.names[scope.path].of(path, short(path))
        self.inputs[scope.path][path] = (name, self._type(label, part))

    def _state_parameter(self, scope: Scope, label: str) -> None:
        made = self.classes.layers[label].made_of
        if made.has_state:
            path = self._path(label, "")
            name = self.names[scope.path].of(path, short(path))
            self.state_inputs[scope.path][path] = name

    def _module(self, scope: Scope, label: str, part: str) -> str:
        """A module as an expression in the forward of a scope."""
        path = self._path(label, part)
        if scope not in self.tree.around[label]:
            return self.names[scope.path].of(path, short(path))
        inside = path.removeprefix(scope.path)
        text = _within("self", inside)
        if "[" not in text:
            return text
        self.casts = True  # what an nn.ModuleList holds has no type
        return f'cast("{self._type(label, part)}", {text})'

    def _variable(self, scope: Scope, value: Value) -> str:
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

    # Bodies.

    def _body(self, scope: Scope, holder: str, state: str) -> Body:
        construct: list[str] = []
        forward: list[str] = []
        fields: list[Kept] = []
        if not scope.path:
            construct, forward, fields = entered(self.model)
        outputs = tuple(self._variable(scope, v) for v in self.outputs[scope.path])
        last = scope.steps[-1]
        returns = False
        for step in scope.steps:
            match step:
                case Blocks():
                    made = [self._block(iteration) for iteration in step.iterations]
                    construct += _constructed(step.name, made)
                    forward += self._loop(scope, step, made, state)
                    fields += self._loop_state(scope, step, made, holder)
                case Use():
                    returns = step is last and bool(scope.path) and not outputs
                    construct += self._constructor(step)
                    forward += self._line(scope, step, state, returns)
                    fields += self._line_state(scope, step, holder)
                case _:
                    assert_never(step)
        if scope.path and not returns:
            forward.append(f"        return {', '.join(['x', *outputs])}")
        return Body(
            " ".join(sharing(scope, self.tree, self.wiring)),
            tuple(construct),
            tuple(self.inputs[scope.path].values()),
            tuple(forward),
            outputs,
            tuple(fields),
            tuple(self.state_inputs[scope.path].values()),
        )

    def _block(self, scope: Scope) -> BlockClass:
        """The class of an iteration: that of an earlier one if it is no different."""
        place = len(self.blocks)
        body = self._body(scope, "block", "state")
        if body not in self.of:
            depth = scope.path.count("blocks")
            name = wanted = "Inner" * (depth - 1) + "Block"
            number = 2
            while any(block.name == name for block in self.blocks):
                name, number = f"{wanted}{number}", number + 1
            self.of[body] = BlockClass(name, body)
            self.blocks.insert(place, self.of[body])
        self.block_of[scope.path] = self.of[body]
        return self.of[body]

    def _constructor(self, use: Use) -> list[str]:
        if again(use.layer):
            return []
        layer = self.wiring.module(use.layer)
        around = constructed(layer.residual, use.name)
        first = [around.pop("norm")] if "norm" in around else []
        made = self.classes.layers[layer.label]
        own = statement(f"self.{use.name} = ", made.construct)
        return [*first, *own, *around.values()]

    def _line(self, scope: Scope, use: Use, state: str, returns: bool) -> list[str]:
        """`x = x + self.attn(self.attn_norm(x), ...)`, with `return` for the last."""
        layer = use.layer
        module = self.wiring.module(layer)
        residual = module.residual
        around = {
            name: self._module(scope, module.label, name) for name in residual.modules
        }
        u = Call(around["norm"], ("x",)) if "norm" in around else "x"
        arguments: list[Expression] = [u]
        for liv in module.livs:
            arguments += [self._variable(scope, v) for v in self.wiring.values(liv)]
            owners = self.wiring.owners(liv)
            arguments += [self._module(scope, label, "liv") for label in owners]
        if self.classes.layers[module.label].made_of.has_state:
            arguments.append(f"{state} and {state}.{use.name}")
        lent = [
            self._variable(scope, (lender(layer, liv), value))
            for liv in module.livs
            for value in self.wiring.lent_out.get(liv.label, ())
        ]
        call = self._module(scope, module.label, "")
        result = "return " if returns else "x = "
        sum_up_to, scale = added(residual, around.get("skip", "")), around.get("scale")
        if not lent and residual.after is None:
            if scale is None:
                return statement(result, Call(f"{sum_up_to}{call}", tuple(arguments)))
            scaled = Call(f"{sum_up_to}{scale}", (Call(call, tuple(arguments)),))
            return statement(result, scaled)
        lines = assigned(["y", *lent], Call(call, tuple(arguments)))
        y = f"{around['post_norm']}(y.type_as(x))" if residual.after else "y"
        y = y if scale is None else f"{scale}({y})"
        return [*lines, f"        {result}{sum_up_to}{y}"]

    def _loop(
        self, scope: Scope, step: Blocks, made: list[BlockClass], state: str
    ) -> list[str]:
        """A loop over equal iterations that give only x; else a line for each."""
        calls = [
            self._call(scope, iteration, block)
            for iteration, block in zip(step.iterations, made, strict=True)
        ]
        lines: list[str] = []
        runs = _runs(calls)
        whole = len(runs) == 1
        for (given, returned, stateful), start, stop in runs:
            several = stop - start > 1 and not returned
            for place in [start] if several else range(start, stop):
                index = "i" if several else str(place)
                block = f"self.{step.name}[{index}]"
                arguments = ["x", *given]
                if stateful:
                    arguments.append(f"{state} and {state}.{step.name}[{index}]")
                if several and not stateful:
                    part = f"self.{step.name}" + ("" if whole else f"[{start}:{stop}]")
                    lines.append(f"        for block in {part}:")
                    block = "block"
                elif several and whole:
                    lines.append(
                        f"        for i, block in enumerate(self.{step.name}):"
                    )
                    block = "block"
                elif several:
                    lines.append(f"        for i in range({start}, {stop}):")
                variables = ["x", *self._returned(scope, step.iterations[place])]
                lines += assigned(
                    variables, Call(block, tuple(arguments)), 12 if several else 8
                )
        return lines

    def _call(
        self, scope: Scope, iteration: Scope, block: BlockClass
    ) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        """(arguments besides x and the state, what it returns besides x, stateful)."""
        given = tuple(
            (
                self._variable(scope, thing)
                if isinstance(thing, tuple)
                else self._passed(scope, str(thing))
            )
            for thing in self.inputs[iteration.path]
        )
        return given, tuple(self._returned(scope, iteration)), block.stateful

    def _returned(self, scope: Scope, iteration: Scope) -> list[str]:
        return [self._variable(scope, value) for value in self.outputs[iteration.path]]

    def _passed(self, scope: Scope, path: str) -> str:
        """A module that a block is given, in the scope around the block."""
        return self._module(scope, *self._named[path])

    # What decoding keeps.

    def _line_state(self, scope: Scope, use: Use, holder: str) -> list[Kept]:
        module = self.wiring.module(use.layer)
        made = self.classes.layers[module.label].made_of
        if not made.has_state:
            return []
        path = self._path(module.label, "")
        where = self.state_inputs[scope.path].get(path)
        where = where or _within(holder, path.removeprefix(scope.path))
        match module:
            case Parallel():
                name = state_name(made.name)
                return [(use.name, name, Call(f"{name}.new", (where, "new")))]
            case Liv():
                return [(use.name, KEPT, Call("new", (where,)))]
            case _:
                assert_never(module)

    def _loop_state(
        self, scope: Scope, step: Blocks, made: list[BlockClass], holder: str
    ) -> list[Kept]:
        if not any(block.stateful for block in made):
            return []
        names = [state_name(b.name) if b.stateful else "None" for b in made]
        kind = f"list[{' | '.join(dict.fromkeys(names))}]"
        where = f"{holder}.{step.name}"
        inner = "inner" if holder == "block" else "block"
        given = [
            tuple(
                self.state_inputs[scope.path].get(path)
                or _within(holder, path.removeprefix(scope.path))
                for path in self.state_inputs[iteration.path]
            )
            for iteration in step.iterations
        ]
        runs = _runs(list(zip(names, given, strict=True)))
        items: list[Expression] = []
        for (name, modules), start, stop in runs:
            if name == "None":
                items += ["None"] * (stop - start)
            elif stop - start == 1:
                one = (f"{where}[{start}]", *modules, "new")
                items.append(Call(f"{name}.new", one))
            else:
                part = where if len(runs) == 1 else f"{where}[{start}:{stop}]"
                each = f"for {inner} in {part}"
                new = Call(f"{name}.new", (inner, *modules, "new"))
                if len(runs) == 1:
                    return [(step.name, kind, List((new,), each))]
                items.append(f"*({new} {each})")
        return [(step.name, kind, List(tuple(items)))]

    # What may be wrapped.

    def layers(self) -> list[Expression]:
        """Blocks, and LIVs outside of blocks, in order of depth, as expressions.

        Without those of whose inside others read weights: they cannot stand alone.
        """
        lent = set()
        for scope in self.tree.root.scopes():
            for use in scope.uses():
                here = _item(scope.path + use.name)
                for liv in self.wiring.module(use.layer).livs:
                    used = self.wiring.weight_arguments(liv)
                    lent |= {_item(self.tree.livs[label]) for label in used} - {here}
        found: list[Expression] = []
        for step in self.tree.root.steps:
            match step:
                case Use(layer, name):
                    if not again(layer) and name not in lent:
                        found.append(f"model.{name}")
                case Blocks(name, iterations):
                    paths = [each.path.removesuffix(".") for each in iterations]
                    alone = [path for path in paths if _item(path) not in lent]
                    whole = alone == paths
                    found += [_within("model", path) for path in alone if not whole]
                    found += [f"*model.{name}"] if whole else []
                case _:
                    assert_never(step)
        return found


def quoted(text: str) -> list[str]:
    """A docstring: one line, or a first line and the rest behind it."""
    if len(text) <= LIMIT - 10:
        return [f'"""{text}"""']
    first, *rest = wrap(text, LIMIT - 7, break_on_hyphens=False)
    return [f'"""{first}', *rest, '"""']


def _item(path: str) -> str:
    """What of the model itself a path is in: a block, blocks.3, or a LIV."""
    first, *rest = path.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdecimal() else first


def _within(holder: str, path: str) -> str:
    """model, blocks.3.a -> model.blocks[3].a"""
    return holder + "".join(
        f"[{name}]" if name.isdecimal() else f".{name}" for name in path.split(".")
    )


def _runs(things: Sequence[Thing]) -> list[tuple[Thing, int, int]]:
    """(thing, start, stop) of each run of equal things."""
    found = []
    start = 0
    for thing, run in groupby(things):
        stop = start + len(list(run))
        found.append((thing, start, stop))
        start = stop
    return found


def _constructed(name: str, made: list[BlockClass]) -> list[str]:
    """`self.blocks = nn.ModuleList(Block(config) for _ in range(6))`"""
    calls = [f"{block.name}({'config' * bool(block.body.construct)})" for block in made]
    runs = [(call, stop - start) for call, start, stop in _runs(calls)]
    head = f"self.{name} = "
    if len(runs) == 1:
        call, times = runs[0]
        return statement(
            head, Call("nn.ModuleList", (f"{call} for _ in range({times})",))
        )
    items = [
        call if times == 1 else f"*({call} for _ in range({times}))"
        for call, times in runs
    ]
    return statement(head, Call("nn.ModuleList", (List(tuple(items)),)))


def state_lines(owner: str, body: Body, holder: str) -> Iterator[str]:
    """The class of what a body keeps; `owner`: whose it is, "" for the model's."""
    doc = f"What a {owner} keeps." if owner else "What all layers keep."
    holders = tuple(f"{module}: Any" for module in (holder, *body.state_modules))
    return state_class(state_name(owner), doc, body.state, holders)
