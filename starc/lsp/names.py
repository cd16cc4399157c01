"""Every name of a syntax tree: what kind of thing it names, and whose it is."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar, assert_never

from starc.frontend import ast
from starc.source import Span
from starc.values import dataclass

N = TypeVar("N", bound=ast.Node)

MODEL, FEATURIZER, GENOME, DIFF, SEARCH = "model", "featurizer", "liv", "diff", "search"
"""First parts of a path: the blocks that have settings."""


Kind = Literal[
    "model", "liv", "featurizer", "label", "group", "measure", "setting", "value"
]


@dataclass(frozen=True)
class Word:
    """One name.

    kind: what it names; "setting" stands left of `=`, "value" right of it.
    defines: it is the place where this name gets its meaning.
    path: of a setting or a value, where it stands: ("model",), ("search", "trainer",
        "real"), ("use", "GQA"); of a value the name of its setting comes last.
    node: the statement that it belongs to.
    """

    kind: Kind
    name: ast.Name
    node: ast.Node
    path: tuple[str, ...] = ()
    defines: bool = False

    @property
    def text(self) -> str:
        return self.name.text

    @property
    def span(self) -> Span:
        return self.name.span


USE = "use"
"""First part of the path of what stands in the parentheses of a LIV."""

MEASURE = "measure"
"""Second part of the path of what a measure takes."""

LIVS = ((SEARCH, "pool"), (SEARCH, "open"))
"""Settings whose values are LIVs."""


def words(program: ast.Program, at: int | None = None) -> tuple[Word, ...]:
    """All names, in the order of the text; `at`: of the statement there alone."""
    found = [word for item in _at(program.items, at) for word in _of_item(item, at)]
    return tuple(sorted(found, key=lambda word: word.span.start))


def _at(nodes: Sequence[N], at: int | None) -> Sequence[N]:
    """Those that touch the place."""
    if at is None:
        return nodes
    return [node for node in nodes if node.span.start <= at <= node.span.end]


def _of_item(item: ast.Item, at: int | None) -> Iterator[Word]:
    match item:
        case ast.Model():
            if item.name is not None:
                yield Word("model", item.name, item, defines=True)
            yield from _settings(item.settings, (MODEL,), item)
        case ast.Featurizer():
            yield Word("featurizer", item.name, item, defines=True)
            yield from _settings(item.settings, (FEATURIZER,), item)
        case ast.LivGenome():
            yield Word("liv", item.name, item, defines=True)
            yield from _settings(item.settings, (GENOME,), item)
        case ast.LivDiff():
            yield Word("liv", item.name, item, defines=True)
            yield Word("liv", item.of, item)
            yield from _settings(item.settings, (DIFF,), item)
        case ast.LivAlias():
            yield Word("liv", item.name, item, defines=True)
            yield Word("liv", item.liv, item)
            yield from _settings(item.arguments, (USE, item.liv.text), item)
        case ast.Backbone():
            for step in _at(item.body, at):
                yield from _step(step, at)
        case ast.Search():
            yield from _settings(item.settings, (SEARCH,), item)
            for goal in item.objectives:
                for measure in goal.measures:
                    yield from _measure(measure, goal)
            for needed in item.requirements:
                yield from _measure(needed.measure, needed)
        case ast.Broken():
            pass
        case _:
            assert_never(item)


def _step(step: ast.Step, at: int | None) -> Iterator[Word]:
    match step:
        case ast.Use():
            if step.label is not None:
                yield Word("label", step.label, step, defines=True)
            yield Word("liv", step.liv, step)
            yield from _settings(step.arguments, (USE, step.liv.text), step)
            for clause in step.clauses:
                match clause:
                    case ast.FeaturesFrom():
                        for group in clause.groups:
                            yield Word("group", group, step)
                        yield Word("label", clause.source, step)
                    case ast.WeightsFrom() | ast.SameAs():
                        yield Word("label", clause.source, step)
                    case ast.Genes():
                        pass
                    case _:
                        assert_never(clause)
        case ast.Repeat() | ast.Parallel() | ast.Section():
            for inner in _at(step.body, at):
                yield from _step(inner, at)
        case _:
            assert_never(step)


def _settings(
    settings: tuple[ast.Setting, ...], path: tuple[str, ...], node: ast.Node
) -> Iterator[Word]:
    for setting in settings:
        yield Word("setting", setting.name, node, path)
        yield from _value(setting.value, (*path, setting.name.text), node)


def _value(value: ast.Value, path: tuple[str, ...], node: ast.Node) -> Iterator[Word]:
    match value:
        case ast.Name():
            yield _named(value, path, node)
        case ast.List():
            for item in value.items:
                yield from _value(item, path, node)
        case ast.Call():
            yield _named(value.name, path, node)
            inside = (*path, value.name.text)
            if path in LIVS:
                inside = (USE, value.name.text)
            yield from _settings(value.arguments, inside, node)
        case ast.Number() | ast.Bool():
            pass
        case _:
            assert_never(value)


def _named(name: ast.Name, path: tuple[str, ...], node: ast.Node) -> Word:
    kind: Kind = "value"
    if path in LIVS:
        kind = "liv"
    elif path == (GENOME, "featurizer"):
        kind = "featurizer"
    elif path in ((FEATURIZER, "groups"), (FEATURIZER, "source")):
        kind = "group"
    return Word(kind, name, node, path)


def _measure(measure: ast.Measure, goal: ast.Node) -> Iterator[Word]:
    if isinstance(measure, ast.Name):
        yield Word("measure", measure, goal)
        return
    yield Word("measure", measure.name, goal)
    path = (SEARCH, MEASURE, measure.name.text)
    yield from _settings(measure.arguments, path, goal)
