"""The docstring of the emitted file: layers, sharing in words, letters of shapes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import assert_never

from starc.backend.bodies import Bodies
from starc.backend.classes import Classes
from starc.backend.residuals import REST, formula
from starc.backend.streams import described
from starc.backend.tree import Blocks, Border, Scope, Use
from starc.ir.cost import costs
from starc.ir.nodes import Model, again
from starc.numerals import counted

WIDTH = 88

SHORT = 20
"""Columns for the names of the layers that are of one class."""


@lru_cache(maxsize=1024)
def wrap(text: str, width: int, indent: str = "") -> tuple[str, ...]:
    """Lines of a sentence. A search compiles many models that say the same."""
    lines = [text]
    while len(last := lines[-1]) > width:
        start = len(last) - len(last.lstrip())
        cut = last.rfind(" ", start, width + 1)
        cut = width if cut < 0 else cut
        lines[-1:] = [last[:cut].rstrip(), indent + last[cut:].lstrip()]
    return tuple(lines)


_LETTERS = {
    "B": "sequences",
    "T": "tokens",
    "D": "channels",
}


def docstring(
    model: Model, name: str, bodies: Bodies, passes: tuple[str, ...]
) -> list[str]:
    """Lines of the docstring, without quotes, at most 88 columns wide.

    `passes`: those left out of the compilation, usually none.
    """
    lines = [
        *wrap(f"{name}: {_size(model)}.", WIDTH - 3),  # behind the quotes
        "",
        *wrap(
            f"A layer is {_residuals(bodies)}, f a linear input-varying operator "
            "(LIV): a linear map of the tokens whose matrix T(x) is itself made of the "
            "input.",
            WIDTH,
        ),
        "",
        *_operators(bodies),
        "",
    ]
    sharing = list(_sharing(bodies))
    lines += [line for sentence in sharing for line in wrap(sentence, WIDTH)]
    lines += [""] * bool(sharing)
    if model.streams is not None:
        lines += [*wrap(described(model.streams), WIDTH), ""]
    lines += wrap(f"Shapes: {_letters(model, bodies.classes)}.", WIDTH)
    if passes:
        lines += ["", *wrap(f"Compiled without {', '.join(passes)}.", WIDTH)]
    return lines


def _size(model: Model) -> str:
    """`32 layers, width 1024, 354.5 M parameters`"""
    depth = sum(1 for _ in model.layers())
    count = costs(model, 1, 2).total.params
    units = ((1e9, " B"), (1e6, " M"), (1e3, " K"))
    unit, word = next((u for u in units if count >= u[0]), (1, ""))
    parameters = f"{count / unit:.1f}{word}" if word else str(count)
    return f"{counted(depth, 'layer')}, width {model.width}, {parameters} parameters"


def _operators(bodies: Bodies) -> list[str]:
    """A row for each class: the layers that are of it, its name, what it computes."""
    rows: dict[tuple[str, str], dict[str, None]] = {}
    for use in bodies.tree.root.deep_uses():
        if again(use.layer):
            continue
        layer = bodies.wiring.module(use.layer)
        difference = -1 in layer.signs
        for liv in layer.livs[: 1 if difference else None]:
            emitted = bodies.classes.emission(liv.operator)
            name = emitted.class_name
            kind = (f"Differential{name}" if difference else name, emitted.summary)
            alone = difference or liv is layer
            label = use.name if alone else f"{use.name}.{liv.stem}"
            rows.setdefault(kind, {})[label] = None
    labels = [_listed(names) for names in rows.values()]
    first = max(map(len, labels))
    second = max(len(name) for name, _ in rows)
    lines: list[str] = []
    for label, (name, summary) in zip(labels, rows, strict=True):
        start = f"    {label:{first}}  {name:{second}}  "
        lines += wrap(start + summary, WIDTH, indent=" " * 8)
    return lines


def _listed(names: Iterable[str]) -> str:
    """`mlp, mlp_1, mlp_2`; `attn_0, ... attn_22` where that would be long."""
    found = list(names)
    every = ", ".join(found)
    if len(found) <= 2 or len(every) <= SHORT:
        return every
    return f"{found[0]}, ... {found[-1]}"


def _letters(model: Model, classes: Classes) -> str:
    letters = dict(_LETTERS)
    for liv in model.livs():
        for letter, meaning in classes.emission(liv.operator).letters.items():
            known = letters.get(letter)
            if known is None:
                letters[letter] = meaning
            elif meaning not in known.split(" or "):
                letters[letter] = f"{known} or {meaning}"
    return ", ".join(f"{letter} {meaning}" for letter, meaning in letters.items())


def _residuals(bodies: Bodies) -> str:
    """`x + f(norm(x))`, and which layers stand otherwise."""
    stands = [
        (use.name, bodies.wiring.module(use.layer).residual)
        for use in bodies.tree.root.deep_uses()
        if not again(use.layer)
    ]
    (usual, _), *others = Counter(residual for _, residual in stands).most_common()
    found = [formula(usual)]
    for other, _ in others:
        names = dict.fromkeys(name for name, residual in stands if residual == other)
        found.append(f"{formula(other)} for {_listed(names)}")
    if any(residual.source for _, residual in stands):
        found.append("y the answer of an earlier one")
    if any(residual.others for _, residual in stands):
        found.append(f"{REST} all streams but the first")
    return ", ".join(found)


def _classes(bodies: Bodies, scope: Scope, name: str) -> Iterator[tuple[Scope, str]]:
    yield scope, name
    for step in scope.steps:
        match step:
            case Blocks():
                for iteration in step.iterations:
                    block = bodies.block_of[iteration.path]
                    yield from _classes(bodies, iteration, block.name)
            case Use() | Border():
                pass
            case _:
                assert_never(step)


def _sharing(bodies: Bodies) -> Iterator[str]:
    """A sentence for each thing shared; of equal blocks, one for all of them."""
    said: dict[str, None] = {}
    for scope, name in _classes(bodies, bodies.tree.root, ""):
        place = f"In each {name} " if name else ""
        for sentence in bodies.sharing[scope.path]:
            said[f"{place}{sentence}"] = None
    yield from list(said)[:24]
    if len(said) > 24:
        yield f"And {len(said) - 24} more like these."
