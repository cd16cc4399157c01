"""Constructor lines of the emitted model: its layers, in order of depth."""

import re

from starc.backend.classes import Classes
from starc.backend.layout import call
from starc.backend.names import Names, quoted, turn_names
from starc.backend.wiring import Wiring
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat


def construct_lines(model: Model, wiring: Wiring, classes: Classes) -> list[str]:
    """Lines that fill `layers` and `self.shared`, indented for a method."""
    lines: list[str] = []
    for step in model.body:
        if isinstance(step, Repeat):
            names = turn_names(step.turns)
            if names is not None:
                lines += _loop(step, names, wiring, classes)
                continue
            for turn in step.turns:
                for layer in turn:
                    lines += _layer(layer, {}, 8, wiring, classes)
        else:
            assert isinstance(step, Layer)
            lines += _layer(step, {}, 8, wiring, classes)
    return lines


def _loop(step: Repeat, names: Names, wiring: Wiring, classes: Classes) -> list[str]:
    blocks = [_layer(layer, names, 12, wiring, classes) for layer in step.turns[0]]
    body = _rolled([block for block in blocks if block])
    if not body:
        return []
    counted = any(re.search(r"\{(\d+ \* )?i( \+ \d+)?\}", line) for line in body)
    return [
        f"        for {'i' if counted else '_'} in range({len(step.turns)}):",
        *body,
    ]


def _rolled(blocks: list[list[str]]) -> list[str]:
    """The lines of blocks, equal runs as loops: `2 x { conv; mlp }` in a turn."""
    lines: list[str] = []
    start = 0
    while start < len(blocks):
        period, turns = _run(blocks, start)
        body = [line for block in blocks[start : start + period] for line in block]
        if turns > 1:
            lines.append(f"            for _ in range({turns}):")
            body = [f"    {line}" for line in body]
        lines += body
        start += period * turns
    return lines


def _run(blocks: list[list[str]], start: int) -> tuple[int, int]:
    """(blocks of a turn, turns) of the longest run of equal turns from `start` on."""
    best = (1, 1)
    for period in range(1, (len(blocks) - start) // 2 + 1):
        turns = 1
        while _turn(blocks, start, period, turns) == _turn(blocks, start, period, 0):
            turns += 1
        if turns > 1 and period * turns > best[0] * best[1]:
            best = (period, turns)
    return best


def _turn(
    blocks: list[list[str]], start: int, period: int, turn: int
) -> list[list[str]]:
    return blocks[start + turn * period : start + (turn + 1) * period]


def _layer(
    layer: Layer, names: Names, indent: int, wiring: Wiring, classes: Classes
) -> list[str]:
    if isinstance(layer, Again):
        return []
    lines = []
    livs = layer.sides if isinstance(layer, Parallel) else (layer,)
    for liv in livs:
        if liv.label in wiring.owners:
            made = classes.owners[liv.label]
            name, _, rest = made.construct.partition("(")
            head = f"self.shared[{quoted(liv.label, names)}] = {name}("
            lines += call(head, [rest.removesuffix(")")], ")", indent)
    key = quoted(layer.label, names, dots=True)
    if layer.label in names and not layer.labelled:
        stem = layer.label.rpartition("_")[0]
        key = f'f"{stem}_{{len(layers)}}"'
    made = classes.layers[layer.label]
    lent = isinstance(layer, (Liv, Parallel)) and any(
        liv.label in wiring.lent_out for liv in livs
    )
    kind = classes.residuals[layer.residual].name
    kind = f"Lending{kind}" if lent else kind
    return [
        *lines,
        *call(f"layers[{key}] = {kind}(", ["config", made.construct], ")", indent),
    ]
