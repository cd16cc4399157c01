"""Bodies of the emitted model and its blocks: constructor and forward, line by line."""

from typing import assert_never

from starc.backend.block_class import BlockClass, Body
from starc.backend.classes import Classes
from starc.backend.code import Call, Expression, List, assigned, statement
from starc.backend.crossing import Crossing, Taken
from starc.backend.entrance import entered
from starc.backend.kept import kept_of_blocks, kept_of_line
from starc.backend.residuals import (
    ENTERED,
    LORA,
    REST,
    added,
    constructed,
    low_rank,
    scaled,
)
from starc.backend.shared import sharing
from starc.backend.states import Kept
from starc.backend.streams import (
    READ,
    answered,
    closed,
    connection,
    left,
    plain,
    read,
)
from starc.backend.tree import Blocks, Border, Scope, Tree, Use, runs
from starc.backend.wiring import Wiring
from starc.ir.nodes import Layer, Model, Section, again, lender, source
from starc.ir.residual import PLUS, Residual


class Bodies:
    """Every block class of a model, outer before inner, and the model's own body."""

    def __init__(self, model: Model, tree: Tree, wiring: Wiring, classes: Classes):
        self.model, self.tree, self.wiring, self.classes = model, tree, wiring, classes
        self.crossing = Crossing(tree, wiring, classes)
        self.blocks: list[BlockClass] = []
        self.of: dict[Body, BlockClass] = {}
        self.block_of: dict[str, BlockClass] = {}  # by path of the iteration
        self.answers: dict[str, str] = {}  # label -> variable beside the stream
        self.sharing: dict[str, tuple[str, ...]] = {}  # by path of the scope, in words
        self.root = self._body(tree.root, "model", "states")

    def _body(self, scope: Scope, holder: str, state: str) -> Body:
        construct: list[str] = []
        forward: list[str] = []
        fields: list[Kept] = []
        if not scope.path:
            construct, forward, fields = entered(self.model)
        outputs = self.crossing.returned(scope, scope)
        last = scope.steps[-1]
        returns = False
        inside: Section | None = None  # that is one plain layer
        for step in scope.steps:
            match step:
                case Border(section, name, opens):
                    alone = plain(section, self.wiring.module(section.body[0]))
                    inside = section if alone and opens else None
                    if opens:
                        around = f"{connection(section.streams)}(config)"
                        construct.append(f"        self.{name} = {around}")
                        forward += read(section, f"self.{name}", alone)
                    else:
                        ends = step is last and bool(scope.path) and not outputs
                        result = "return " if ends else "x = "
                        lines = left(section, f"self.{name}", result, alone)
                        returns = returns or ends and bool(lines)
                        forward += lines
                case Blocks():
                    made = [self._block(iteration) for iteration in step.iterations]
                    construct += _constructed(step.name, made)
                    forward += self._loop(scope, step, made, state)
                    fields += kept_of_blocks(self.crossing, scope, step, made, holder)
                case Use():
                    writes = inside and not inside.streams.apart
                    ends = step is last or bool(writes) and scope.steps[-2] is step
                    returns = ends and bool(scope.path) and not outputs
                    construct += self._constructor(step)
                    forward += self._line(scope, step, state, returns, inside)
                    fields += kept_of_line(self.crossing, scope, step, holder)
                case _:
                    assert_never(step)
        if not scope.path:
            forward += closed(self.model)
        if scope.path and not returns:
            forward.append(f"        return {', '.join(['x', *outputs])}")
        self.sharing[scope.path] = tuple(sharing(scope, self.tree, self.wiring))
        return Body(
            " ".join(self.sharing[scope.path]),
            tuple(construct),
            tuple(self.crossing.inputs[scope.path].values()),
            tuple(forward),
            outputs,
            tuple(fields),
            tuple(self.crossing.state_inputs[scope.path].values()),
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
        layer = self.wiring.module(use.layer)
        lora = []
        if layer.adapters:
            made_here = f"self.{use.name}_{LORA} = "
            lora = statement(made_here, low_rank(layer.livs[0].operator))
        if again(use.layer):
            return lora
        around = constructed(layer, use.name)
        first = [around.pop(name) for name in (PLUS, "norm", "input") if name in around]
        made = self.classes.layers[layer.label]
        own = statement(f"self.{use.name} = ", made.construct)
        return [*first, *own, *lora, *around.values()]

    def _line(
        self, scope: Scope, use: Use, state: str, returns: bool, inside: Section | None
    ) -> list[str]:
        """`x = x + self.attn(self.attn_norm(x), ...)`, with `return` for the last.
        inside: the section that it is all of, where that is plain."""
        layer = use.layer
        module, crossing = self.wiring.module(layer), self.crossing
        residual = module.residual
        around = {
            name: crossing.module(scope, module.label, name)
            for name in residual.modules
        }
        name = READ if inside else "x"
        x: Expression = f"{name}[0]" if residual.others else name
        if residual.stream is not None:
            x = Call(around["norm"], (x,))
        normed = []
        if residual.stream is not None and not residual.aside:
            normed, x = statement("x = ", x), "x"
        arguments: list[Expression] = [self._read(layer, residual, around, x)]
        for liv in module.livs:
            arguments += [
                crossing.argument(scope, use, liv, value)
                for value in self.wiring.values(liv)
            ]
            owners = self.wiring.owners(liv)
            arguments += [crossing.module(scope, label, "liv") for label in owners]
        if module.adapters:
            arguments.append(f"self.{use.name}_{LORA}")
        if self.classes.layers[module.label].made_of.has_state:
            arguments.append(f"{state} and {state}.{use.name}")
        lent = [
            crossing.variable(scope, (lender(layer, liv), value))
            for liv in module.livs
            for value in self.wiring.lent_out.get(liv.label, ())
        ]
        call = crossing.module(scope, module.label, "")
        result, stream = "return " if returns else "x = ", "x"
        if residual.aside:
            names = crossing.names[scope.path]
            answer = names.of((use.name, "answer"), f"y_{use.name}")
            self.answers[layer.label] = answer
            result, stream = f"{answer} = ", ""
        sum_up_to = added(residual, around.get("skip", ""), stream)
        if inside:
            result = answered(inside, result)
            sum_up_to = added(residual, stream="")
        end = []
        if residual.others:
            result, sum_up_to = f"{REST} = ", added(residual, "", "x[1:]")
            whole = Call("torch.cat", (f"(x[:1], {REST})",))
            end = statement("return " if returns else "x = ", whole)
        scale = around.get("scale")
        if not lent and residual.after is None:
            if scale is None:
                after = Call(f"{sum_up_to}{call}", tuple(arguments))
            else:
                after = Call(f"{sum_up_to}{scale}", (Call(call, tuple(arguments)),))
            return [*normed, *statement(result, after), *end]
        lines = [*normed, *assigned(["y", *lent], Call(call, tuple(arguments)))]
        y = f"{around['post_norm']}(y.type_as({name}))" if residual.after else "y"
        y = y if scale is None else f"{scale}({y})"
        line = f"{result}{sum_up_to}{y}"
        return [*lines, *([] if line == "y = y" else [f"        {line}"]), *end]

    def _read(
        self,
        layer: Layer,
        residual: Residual,
        around: dict[str, str],
        x: Expression,
    ) -> Expression:
        """What a layer reads: `self.attn_norm(x)`. around: its modules by name; x: the
        stream."""
        u = x
        if residual.source:
            answer = self.answers[source(layer)]
            u = f"{x} + {around[PLUS]}({answer})" if PLUS in around else answer
            if u == answer and residual.before is not None:
                u = f"{answer}.type_as(x)"  # a norm's, which autocast leaves wide
        if residual.entered:
            u = Call("torch.cat", (f"[{u}, {ENTERED}]", "dim=-1"))
        if residual.before is not None:
            u = Call(around["norm"], (u,))
        return scaled(residual, u, around.get("input", ""))

    def _loop(
        self, scope: Scope, step: Blocks, made: list[BlockClass], state: str
    ) -> list[str]:
        """A loop over equal iterations that give only x; else a line for each."""
        calls = [
            (
                self.crossing.given(scope, iteration, number),
                self.crossing.returned(scope, iteration),
                block.stateful,
            )
            for number, (iteration, block) in enumerate(
                zip(step.iterations, made, strict=True)
            )
        ]
        lines: list[str] = []
        found = runs(calls)
        whole = len(found) == 1
        for (given, returned, stateful), start, stop in found:
            several = stop - start > 1 and not returned
            for place in [start] if several else range(start, stop):
                index = "i" if several else str(place)
                block = f"self.{step.name}[{index}]"
                arguments = ["x", *(_argument(one, index) for one in given)]
                counted = stateful or any(isinstance(one, Taken) for one in given)
                if stateful:
                    arguments.append(f"{state} and {state}.{step.name}[{index}]")
                if several and not counted:
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
                variables = self.crossing.returned(scope, step.iterations[place])
                lines += assigned(
                    ["x", *variables],
                    Call(block, tuple(arguments)),
                    12 if several else 8,
                )
        return lines


def _argument(given: str | Taken, index: str) -> str:
    return given.text(index) if isinstance(given, Taken) else given


def _constructed(name: str, made: list[BlockClass]) -> list[str]:
    """`self.blocks = nn.ModuleList(Block(config) for _ in range(6))`"""
    calls = [f"{block.name}({'config' * bool(block.body.construct)})" for block in made]
    found = [(call, stop - start) for call, start, stop in runs(calls)]
    head = f"self.{name} = "
    if len(found) == 1:
        call, times = found[0]
        return statement(
            head, Call("nn.ModuleList", (f"{call} for _ in range({times})",))
        )
    items = [
        call if times == 1 else f"*({call} for _ in range({times}))"
        for call, times in found
    ]
    return statement(head, Call("nn.ModuleList", (List(tuple(items)),)))
