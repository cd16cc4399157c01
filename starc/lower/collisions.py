"""Labels that would be the same as a name that starc gives to an unlabelled LIV."""

import re
from bisect import bisect_right
from collections import Counter
from itertools import chain
from typing import assert_never

from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.ir.nodes import Again, Layer, Liv, Loop, Parallel, Section, WrittenStep

_NUMBERED = re.compile(r"(.+)_(0|[1-9][0-9]{0,17})")


def check_generated_names(
    body: tuple[WrittenStep, ...], labels: dict[str, ast.Name], problems: Problems
) -> None:
    """Tells of labels that `expand` would give to two layers. Writes no loop out.

    An unlabelled layer is called stem_position, a label in a repeat label_3, an
    unlabelled `same as` target_again_N.
    """
    tree = _Tree(body)
    for label, place in labels.items():
        other = tree.collision(label)
        if other is not None:
            layer, name = other
            problems.add(
                "label-collision",
                f"Two LIVs would be called {name}",
                place.span,
                f"{name} is also the name of another LIV",
                "Without a label a LIV is called by its kind and its place; in a "
                "repeat a label gets the number of the iteration.",
                "choose another label",
                (Note(layer.span, f"this one becomes {name}"),),
            )


class _Body:
    """Steps and the positions at which they begin; `same as` has none."""

    def __init__(self) -> None:
        self.steps: list[Liv | Parallel | Loop] = []
        self.starts: list[int] = []
        self.size = 0

    def add(self, step: Liv | Parallel | Loop, size: int) -> None:
        self.steps.append(step)
        self.starts.append(self.size)
        self.size += size


class _Tree:
    def __init__(self, body: tuple[WrittenStep, ...]) -> None:
        self.bodies: dict[int, _Body] = {}  # by identity of the loop
        self.iterations: Counter[str] = Counter()
        self.owners: dict[str, Layer] = {}
        self.first: dict[str, tuple[int, Layer]] = {}  # stem -> first unlabelled one
        self.agains: dict[str, Layer] = {}  # how names of unlabelled `same as` begin
        self.roots: dict[str, str] = {}
        self.body = self.walk(body, 0, 1)

    def walk(self, steps: tuple[WrittenStep, ...], position: int, times: int) -> _Body:
        """`position` of the first step, where every loop around it is at its first."""
        body = _Body()
        for step in chain.from_iterable(map(_apart, steps)):
            here = position + body.size
            match step:
                case Loop():
                    inner = self.walk(step.body, here, times * step.count)
                    self.bodies[id(step)] = inner
                    body.add(step, inner.size * step.count)
                case Again():
                    self.bear(step, times)
                    root = self.roots.get(step.of, step.of)
                    if step.labelled:
                        self.roots[step.label] = root
                    else:
                        self.agains.setdefault(f"{root}_again", step)
                case Liv() | Parallel():
                    self.bear(step, times)
                    if stem := _stem(step):
                        self.first.setdefault(stem, (here, step))
                    body.add(step, 1)
                case _:
                    assert_never(step)
        return body

    def bear(self, layer: Layer, times: int) -> None:
        """Counts the labels of a layer that comes so many times."""
        for label in layer.labels:
            self.iterations[label] += times
            self.owners[label] = layer

    def at(self, position: int) -> Liv | Parallel | None:
        """The layer at a position of the expanded model."""
        body = self.body
        while position < body.size:
            index = bisect_right(body.starts, position) - 1
            step = body.steps[index]
            match step:
                case Liv() | Parallel():
                    return step
                case Loop():
                    position -= body.starts[index]
                    body = self.bodies[id(step)]
                    position %= body.size
                case _:
                    assert_never(step)
        return None

    def collision(self, label: str) -> tuple[Layer, str] | None:
        """Another layer that gets a name of this label's, and the name."""
        times = self.iterations[label]
        if times > 1:
            position, layer = self.first.get(label, (times, None))
            if layer is not None and position < times:
                return layer, f"{label}_{position}"
            again = self.again(label)
            return None if again is None else (again, f"{label}_1")
        match = _NUMBERED.fullmatch(label)
        if match is None:
            return None
        stem, number = match[1], int(match[2])
        if number < self.iterations[stem] > 1:
            return self.owners[stem], label
        found = self.at(number) if stem in self.first else None
        if found is not None and _stem(found) == stem:
            return found, label
        again = self.again(stem)
        return None if again is None else (again, label)

    def again(self, stem: str) -> Layer | None:
        """An unlabelled `same as` whose names begin so: c1_again, or c1_3_again."""
        if stem in self.agains:
            return self.agains[stem]
        base, _, last = stem.removesuffix("_again").rpartition("_")
        if stem.endswith("_again") and last.isdigit():
            return self.agains.get(f"{base}_again")
        return None


def _apart(step: WrittenStep) -> tuple[Layer | Loop, ...]:
    """The layers of a section one by one: its borders name nothing."""
    return step.body if isinstance(step, Section) else (step,)


def _stem(layer: Liv | Parallel) -> str:
    """What an unlabelled layer's name begins with; "" where it has a label.

    A parallel of one plain branch is named as that branch alone.
    """
    match layer:
        case Parallel(branches=(branch,)) if layer.alone:
            return _stem(branch)
        case Liv() | Parallel():
            return "" if layer.labelled else layer.stem
        case _:
            assert_never(layer)
