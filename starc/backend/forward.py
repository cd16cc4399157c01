"""The forward pass of an emitted model whose layers give each other more than x."""

from collections.abc import Iterator

from starc.backend.classes import Classes
from starc.backend.layout import assigned, broken
from starc.backend.names import Names, quoted, turn_names
from starc.backend.wiring import Wiring
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat


def forward_lines(model: Model, wiring: Wiring, classes: Classes) -> list[str]:
    """One statement a layer, loops as loops: lent values are names used twice."""
    lines: list[str] = []
    for names, layers in _blocks(model, lines):
        indent = 12 if names else 8
        for layer in layers:
            targets, value = _statement(layer, names, wiring, classes)
            lines += assigned(targets, value, indent)
    return lines


def again_lines(model: Model, classes: Classes) -> list[str]:
    """Lines that give every second use of a stateful layer a state of its own."""
    lines: list[str] = []
    for names, layers in _blocks(model, lines):
        indent = 12 if names else 8
        before = len(lines)
        for layer in layers:
            if isinstance(layer, Again) and classes.layers[layer.of].made_of.has_state:
                use, of = quoted(layer.label, names), quoted(layer.of, names)
                lines += broken(f"layers[{use}] = layers[{of}]", indent)
        if names and len(lines) == before:
            lines.pop()
    return lines


def _blocks(
    model: Model, lines: list[str]
) -> Iterator[tuple[Names, tuple[Layer, ...]]]:
    """Runs of layers with their names; appends the head of a loop before its body."""
    for step in model.body:
        if not isinstance(step, Repeat):
            assert isinstance(step, Layer)
            yield {}, (step,)
            continue
        names = turn_names(step.turns)
        if names is None:
            yield {}, tuple(layer for turn in step.turns for layer in turn)
            continue
        lines.append(f"        for i in range({len(step.turns)}):")
        yield names, step.turns[0]


def _statement(
    layer: Layer,
    names: Names,
    wiring: Wiring,
    classes: Classes,
) -> tuple[list[str], str]:
    """What a layer's call is assigned to, and the call."""
    module = wiring.layers[layer.of] if isinstance(layer, Again) else layer
    assert isinstance(module, (Liv, Parallel))
    livs = module.sides if isinstance(module, Parallel) else (module,)
    arguments = ["x"]
    targets = ["x"]
    for liv in livs:
        for kind, what in wiring.given(liv):
            shared = kind == "shared"
            arguments.append(f"self.shared[{quoted(what, names)}]" if shared else what)
        lender = liv.label
        if isinstance(layer, Again):  # what this use lends has its name
            side = f".{liv.stem}" if isinstance(module, Parallel) else ""
            lender = layer.label + side
        for value in wiring.lent_out.get(liv.label, ()):
            targets.append(wiring.variable(lender, value))
    if classes.layers[module.label].made_of.has_state:
        arguments.append(f"states.get({quoted(layer.label, names, dots=True)})")
    used = quoted(module.label, names, dots=True)
    return targets, f"layers[{used}]({', '.join(arguments)})"
