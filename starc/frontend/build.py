"""The syntax tree, built while the parser reduces: one method a rule of the grammar."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.frontend.characters import NUMBERS
from starc.frontend.numbers import value_of
from starc.source import Source, Span

Parts = Sequence[object]
"""Tokens, nodes and Arguments, in the order of the text."""


class Token(Protocol):
    """What we use of lark's token, itself a str."""

    type: str
    start_pos: int
    end_pos: int


class Tree(Protocol):
    """Of an inlined rule of lark's, as it stands before the rule around is complete."""

    children: list[object]


class Arguments(NamedTuple):
    settings: tuple[ast.Setting, ...]
    span: Span


_PYTHON = {"True": "true", "False": "false", "None": "none"}


class TreeBuilder:
    """Lark calls the method named like a rule with what the rule matched, every token
    included. Bad numbers and Python's spellings are told here: they parse.

    uses: those that were made; who reads may empty it.
    """

    source: Source
    problems: Problems
    broken: list[ast.Broken]
    uses: list[ast.Use]

    def start(self, source: Source, problems: Problems) -> None:
        """Must be called before each parse."""
        self.source, self.problems = source, problems
        self.broken, self.uses = [], []

    # Items ----------------------------------------------------------------------------

    def program(self, parts: Parts) -> tuple[ast.Item, ...]:
        items = []
        for part in parts:
            if isinstance(part, ast.Node):
                items.append(cast(ast.Item, part))
            elif _type(part) == "BROKEN":
                items.append(self._broken(part))
        return tuple(items)

    def model(self, parts: Parts) -> ast.Model:
        name = self._name(parts[1]) if _type(parts[1]) == "NAME" else None
        return ast.Model(self._span(parts), name, self._settings_in(parts))

    def featurizer(self, parts: Parts) -> ast.Featurizer:
        name, settings = self._name(parts[1]), self._settings_in(parts)
        return ast.Featurizer(self._span(parts), name, settings)

    def liv_genome(self, parts: Parts) -> ast.LivGenome:
        name, settings = self._name(parts[1]), self._settings_in(parts)
        return ast.LivGenome(self._span(parts), name, settings)

    def liv_diff(self, parts: Parts) -> ast.LivDiff:
        name, of = self._name(parts[1]), self._name(parts[5])
        settings = self._settings_in(parts)
        return ast.LivDiff(self._span(parts), name, of, settings)

    def liv_alias(self, parts: Parts) -> ast.LivAlias:
        name, liv = self._name(parts[1]), self._name(parts[3])
        last = parts[-1]
        arguments = last.settings if isinstance(last, Arguments) else ()
        return ast.LivAlias(self._span(parts), name, liv, arguments)

    def backbone(self, parts: Parts) -> ast.Backbone:
        return ast.Backbone(self._span(parts), self._steps_in(parts))

    def search(self, parts: Parts) -> ast.Search:
        return ast.Search(
            self._span(parts),
            self._settings_in(parts),
            tuple(part for part in parts if isinstance(part, ast.Objective)),
            tuple(part for part in parts if isinstance(part, ast.Require)),
        )

    # Settings -------------------------------------------------------------------------

    def setting(self, parts: Parts) -> ast.Setting:
        return ast.Setting(
            self._span(parts), self._name(parts[0]), cast(ast.Value, parts[2])
        )

    def arguments(self, parts: Parts) -> Arguments:
        return Arguments(self._settings_in(parts), self._span(parts))

    def name(self, parts: Parts) -> ast.Name:
        name = self._name(parts[0])
        if name.text in _PYTHON:
            self.problems.add(
                "python-word",
                "Python's spelling",
                name.span,
                f"write `{_PYTHON[name.text]}`",
                "The words of a .star file are lower case: true, false and none.",
            )
        return name

    def number(self, parts: Parts) -> ast.Number:
        return self._number(parts[0])

    def true(self, parts: Parts) -> ast.Bool:
        return ast.Bool(self._span(parts), True)

    def false(self, parts: Parts) -> ast.Bool:
        return ast.Bool(self._span(parts), False)

    def list(self, parts: Parts) -> ast.List:
        items = tuple(cast(ast.Value, p) for p in parts if isinstance(p, ast.Node))
        return ast.List(self._span(parts), items)

    def call(self, parts: Parts) -> ast.Call:
        arguments = cast(Arguments, parts[1]).settings
        return ast.Call(self._span(parts), self._name(parts[0]), arguments)

    # The backbone ---------------------------------------------------------------------

    def use(self, parts: Parts) -> ast.Use:
        label, at = None, 0
        if len(parts) > 2 and _type(parts[1]) == "COLON":
            label, at = self._name(parts[0]), 2
        arguments: tuple[ast.Setting, ...] = ()
        clauses = []
        for part in parts[at + 1 :]:
            if isinstance(part, Arguments):
                arguments = part.settings
            elif isinstance(part, ast.Node):
                clauses.append(cast(ast.Clause, part))
        liv = self._name(parts[at])
        use = ast.Use(self._span(parts), label, liv, arguments, tuple(clauses))
        self.uses.append(use)
        return use

    def repeat(self, parts: Parts) -> ast.Repeat:
        count = self._number(parts[0])
        return ast.Repeat(self._span(parts), count, self._steps_in(parts[1:]))

    def parallel(self, parts: Parts) -> ast.Parallel:
        said = next((p.settings for p in parts if isinstance(p, Arguments)), ())
        return ast.Parallel(self._span(parts), self._steps_in(parts), said)

    def section(self, parts: Parts) -> ast.Section:
        return ast.Section(self._span(parts), self._steps_in(parts))

    def weights_from(self, parts: Parts) -> ast.WeightsFrom:
        return ast.WeightsFrom(self._span(parts), self._name(parts[-1]))

    def features_from(self, parts: Parts) -> ast.FeaturesFrom:
        *groups, source = self._names(parts)
        return ast.FeaturesFrom(self._span(parts), tuple(groups), source)

    def same_as(self, parts: Parts) -> ast.SameAs:
        return ast.SameAs(self._span(parts), self._name(parts[-1]))

    def genes(self, parts: Parts) -> ast.Genes:
        values = tuple(self._number(p) for p in parts if _type(p) == "NUMBER")
        return ast.Genes(self._span(parts), values)

    # The search -----------------------------------------------------------------------

    def minimize(self, parts: Parts) -> ast.Objective:
        return ast.Objective(self._span(parts), "minimize", self._measures(parts))

    def maximize(self, parts: Parts) -> ast.Objective:
        return ast.Objective(self._span(parts), "maximize", self._measures(parts))

    def require(self, parts: Parts) -> ast.Require:
        (measure,) = self._measures(parts)
        bound, unit = self._number(parts[3]), "".join(map(str, parts[4:]))
        return ast.Require(self._span(parts), measure, str(parts[2]), bound, unit)

    def measure(self, parts: Parts) -> ast.Call:
        return self.call(parts)

    def _measures(self, parts: Parts) -> tuple[ast.Measure, ...]:
        return tuple(
            part if isinstance(part, ast.Call) else self._name(part)
            for part in parts
            if isinstance(part, ast.Call) or _type(part) in ("NAME", "FUNCTION")
        )

    # Parts ----------------------------------------------------------------------------

    def _span(self, parts: Parts) -> Span:
        return Span(start_of(parts[0]), end_of(parts[-1]), self.source)

    def _name(self, token: object) -> ast.Name:
        place = cast(Token, token)
        span = Span(place.start_pos, place.end_pos, self.source)
        return ast.Name(span, str(token))

    def _names(self, parts: Parts) -> tuple[ast.Name, ...]:
        return tuple(self._name(part) for part in parts if _type(part) == "NAME")

    def _number(self, token: object) -> ast.Number:
        span = self._span([token])
        text = str(token).replace(" ", "")
        try:
            return ast.Number(span, value_of(text), text)
        except ValueError as error:
            self.problems.add(
                "bad-number", "Malformed number", span, str(error), NUMBERS
            )
            return ast.Number(span, 1, "1")

    def _settings_in(self, parts: Parts) -> tuple[ast.Setting, ...]:
        self._note_broken(parts)
        return tuple(part for part in parts if isinstance(part, ast.Setting))

    def _steps_in(self, parts: Parts) -> tuple[ast.Step, ...]:
        self._note_broken(parts)
        steps = (ast.Use, ast.Repeat, ast.Parallel, ast.Section)
        return tuple(part for part in parts if isinstance(part, steps))

    def _note_broken(self, parts: Parts) -> None:
        for part in parts:
            if _type(part) == "BROKEN":
                self._broken(part)

    def _broken(self, token: object) -> ast.Broken:
        broken = ast.Broken(self._span([token]))
        self.broken.append(broken)
        return broken


def start_of(part: object) -> int:
    """Where a token, node or tree of them begins."""
    if isinstance(part, str):
        return cast(Token, part).start_pos
    if isinstance(part, (ast.Node, Arguments)):
        return part.span.start
    return start_of(cast(Tree, part).children[0])


def end_of(part: object) -> int:
    """Where a token, node or tree of them ends."""
    if isinstance(part, str):
        return cast(Token, part).end_pos
    if isinstance(part, (ast.Node, Arguments)):
        return part.span.end
    return end_of(cast(Tree, part).children[-1])


def _type(part: object) -> str:
    return getattr(part, "type", "")
