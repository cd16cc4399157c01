"""A backbone with more LIVs, or fewer: the steps of the tree, nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import assert_never

from starc.frontend import ast
from starc.genome.roll import roll
from starc.lower.count import iterations
from starc.lower.labels import uses
from starc.source import NOWHERE

Single = ast.Use | ast.Parallel | ast.Section
"""What stands in one residual."""

Rename = Callable[[str], str]


def depth(body: Sequence[ast.Step]) -> int:
    """LIVs of a backbone, repeats multiplied; a parallel or a block counts as one."""
    return sum(map(_depth, body))


def _depth(step: ast.Step) -> int:
    match step:
        case ast.Repeat():
            return iterations(step.count) * depth(step.body)
        case ast.Use() | ast.Parallel() | ast.Section():
            return 1
        case _:
            assert_never(step)


def stack(body: tuple[ast.Step, ...], wanted: int) -> tuple[ast.Step, ...]:
    """The whole body as often as it fits, and its beginning for the rest."""
    if depth(body) == wanted:
        return body
    unit = tuple(map(_nowhere, body))
    while len(unit) == 1 and isinstance(unit[0], ast.Repeat):
        unit = unit[0].body
    times, rest = divmod(wanted, depth(unit))
    taken = {use.label.text for use in uses(unit) if use.label} if times else set()
    beginning = tuple(_rolled(_written_out(unit, _Fresh(taken))[:rest]))
    if times < 2:
        return (unit if times else ()) + beginning
    count = ast.Number(NOWHERE, times, str(times))
    return (ast.Repeat(NOWHERE, count, unit), *beginning)


def interleave(body: tuple[ast.Step, ...], wanted: int) -> tuple[ast.Step, ...]:
    """Each LIV several times in its place; where that is uneven, spread evenly.

    `wanted` is at least the depth of the body.
    """
    have = depth(body)
    if have == wanted:
        return body
    plain = tuple(map(_nowhere, body))
    if wanted % have == 0:
        copies = _Copies({use.label.text for use in uses(plain) if use.label})
        return tuple(_in_place(plain, wanted // have, copies))
    fresh = _Fresh(set())
    written = _written_out(plain, fresh)
    copies = _Copies(fresh.taken)
    return tuple(
        _rolled(
            [
                copies.of(step, copy)
                for at, step in enumerate(written)
                for copy in range((at + 1) * wanted // have - at * wanted // have)
            ]
        )
    )


def _in_place(
    body: Sequence[ast.Step], times: int, copies: "_Copies"
) -> Iterator[ast.Step]:
    """Every LIV so many times, repeats kept as they are."""
    for step in body:
        match step:
            case ast.Repeat():
                inner = tuple(_in_place(step.body, times, copies))
                yield replace(step, body=inner)
            case ast.Use() | ast.Parallel() | ast.Section() if _shares(step):
                yield from (copies.of(step, copy) for copy in range(times))
            case ast.Use() | ast.Parallel() | ast.Section():
                count = ast.Number(NOWHERE, times, str(times))
                yield ast.Repeat(NOWHERE, count, (step,))
            case _:
                assert_never(step)


def lettered(body: Sequence[ast.Step]) -> tuple[ast.Step, ...]:
    """The same with letters for numbers at the end of labels: conv_e for conv_4."""
    fresh = _Fresh({use.label.text for use in uses(tuple(body)) if use.label})
    known: dict[str, str] = {}

    def new(label: str) -> str:
        stem, _, number = label.rpartition("_")
        if stem and number.isdigit() and label not in known:
            known[label] = fresh(f"{stem}_{_letters(int(number))}")
        return known.get(label, label)

    return tuple(_branch(step, new, new) for step in body)


class _Copies:
    """Copies of LIVs. The n-th of a borrower borrows from the n-th of its owner."""

    def __init__(self, taken: set[str]) -> None:
        self.fresh = _Fresh(taken)
        self.labels: dict[str, list[str]] = {}

    def of(self, step: Single, copy: int) -> Single:
        """The next copy of a LIV; the 0th is itself."""

        def own(label: str) -> str:
            known = self.labels.setdefault(label, [label])
            if copy:
                known.append(self.fresh(label))
            return known[-1]

        def other(label: str) -> str:
            known = self.labels.get(label, [label])  # `embedding` is nobody's
            return known[min(copy, len(known) - 1)]

        return _relabelled(step, own, other)


class _Fresh:
    """Labels that nobody has: `c1`, `c1_b`, `c1_c`; numbers are made by `expand`."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = set(taken)

    def __call__(self, label: str) -> str:
        found, number = label, 0
        while found in self.taken:
            number += 1
            found = f"{label}_{_letters(number)}"
        self.taken.add(found)
        return found


def _letters(number: int) -> str:
    """1: b, 25: z, 26: ba, and so on."""
    found = ""
    while number or not found:
        number, digit = divmod(number, 26)
        found = ascii_lowercase[digit] + found
    return found


def _written_out(body: Sequence[ast.Step], fresh: _Fresh) -> list[Single]:
    """Every LIV in order, each label once, and references to the latest bearer."""
    latest: dict[str, str] = {}

    def own(label: str) -> str:
        latest[label] = fresh(label)
        return latest[label]

    def other(label: str) -> str:
        return latest.get(label, label)  # `embedding` is nobody's

    return [_relabelled(step, own, other) for step in _each(body)]


def _each(body: Sequence[ast.Step]) -> Iterator[Single]:
    for step in body:
        match step:
            case ast.Repeat():
                for _ in range(iterations(step.count)):
                    yield from _each(step.body)
            case ast.Use() | ast.Parallel() | ast.Section():
                yield step
            case _:
                assert_never(step)


def _branch(step: ast.Step, own: Rename, other: Rename) -> ast.Step:
    match step:
        case ast.Repeat():
            inner = tuple(_branch(step, own, other) for step in step.body)
            return replace(step, body=inner)
        case ast.Use() | ast.Parallel() | ast.Section():
            return _relabelled(step, own, other)
        case _:
            assert_never(step)


def _relabelled(step: Single, own: Rename, other: Rename) -> Single:
    """With its label through `own`, and those that it refers to through `other`."""
    match step:
        case ast.Parallel() | ast.Section():
            inside = tuple(_branch(one, own, other) for one in step.body)
            return replace(step, body=inside)
        case ast.Use():
            clauses = tuple(_referring(clause, other) for clause in step.clauses)
            label = step.label and ast.Name(NOWHERE, own(step.label.text))
            return replace(step, label=label, clauses=clauses)
        case _:
            assert_never(step)


def _referring(clause: ast.Clause, other: Rename) -> ast.Clause:
    match clause:
        case ast.WeightsFrom() | ast.FeaturesFrom() | ast.SameAs():
            return replace(clause, source=ast.Name(NOWHERE, other(clause.source.text)))
        case ast.Genes():
            return clause
        case _:
            assert_never(clause)


def _rolled(steps: Sequence[Single]) -> Iterator[ast.Step]:
    """Repeats where they make the text shorter; what shares stays out of them."""
    items = [None if _shares(step) else step for step in steps]
    for run in roll(items):
        body = tuple(steps[run.start : run.start + run.period])
        if run.times == 1:
            yield from body
        else:
            count = ast.Number(NOWHERE, run.times, str(run.times))
            yield ast.Repeat(NOWHERE, count, body)


def _shares(step: Single) -> bool:
    return any(use.label or use.clauses for use in uses((step,)))


def _nowhere(step: ast.Step) -> ast.Step:
    """Without a place in the text, which it no longer has; without `genes(...)`.

    Those say by numbers what the words say, and other numbers would be right now.
    """
    match step:
        case ast.Use():
            kept = tuple(c for c in step.clauses if not isinstance(c, ast.Genes))
            return replace(step, span=NOWHERE, clauses=kept)
        case ast.Repeat() | ast.Parallel() | ast.Section():
            return replace(step, span=NOWHERE, body=tuple(map(_nowhere, step.body)))
        case _:
            assert_never(step)
