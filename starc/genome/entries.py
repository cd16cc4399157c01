"""syntax tree -> what its words say in terms of a genome, or why no genome says it."""

from typing import assert_never

from starc.alphabet import Alphabet, LivClass, read_arguments
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.genome.arguments import settings_of, that_differ
from starc.genome.references import Entry, References
from starc.genome.unsayable import Unsayable
from starc.lower.count import MOST_LIVS
from starc.lower.labels import uses
from starc.lower.model import ModelSettings


def entries_of(
    program: ast.Program, alphabet: Alphabet, problems: Problems
) -> tuple[Entry, ...]:
    """The LIVs in order of depth, repeats written out.

    Every place that says what integers cannot is a problem `not-in-genome`.
    """
    reader = _Reader(alphabet, settings_of(program), problems)
    for item in program.items:
        if isinstance(item, ast.Backbone):
            if _count(item.body) <= MOST_LIVS:
                reader.steps(item.body)
                continue
            reader.unsayable.tell(
                item.span,
                "too many LIVs",
                f"The backbone has more than {MOST_LIVS:_} LIVs.",
                "repeat less often",
            )
    return tuple(reader.references.entries)


class _Reader:
    def __init__(
        self, alphabet: Alphabet, model: ModelSettings | None, problems: Problems
    ) -> None:
        self.alphabet = alphabet
        self.model = model
        self.problems = problems
        self.unsayable = Unsayable(problems)
        self.references = References(self.unsayable)
        self.found: dict[int, LivClass | None] = {}

    def steps(self, body: tuple[ast.Step, ...]) -> None:
        for step in body:
            match step:
                case ast.Use():
                    self.use(step)
                case ast.Parallel():
                    self.unsayable.tell(
                        step.span,
                        "LIVs side by side",
                        "The LIVs of a backbone genome stand one after the other.",
                    )
                case ast.Section():
                    self.unsayable.tell(
                        step.span,
                        "LIVs in one block",
                        "Each LIV of a backbone genome stands by itself.",
                    )
                case ast.Repeat():
                    inside = {use.label.text for use in uses((step,)) if use.label}
                    for _ in range(_times(step)):
                        self.references.forget(inside)
                        self.steps(step.body)
                case _:
                    assert_never(step)

    def use(self, use: ast.Use) -> None:
        for clause in use.clauses:
            if isinstance(clause, ast.SameAs):
                self.unsayable.tell(
                    clause.span,
                    "the whole LIV again",
                    "Genes share a featurizer or features, never the norm and the "
                    "projection out.",
                    f"`weights from {clause.source.text}` shares the featurizer",
                )
        self.references.add(use, self.liv(use))

    def liv(self, use: ast.Use) -> LivClass | None:
        """The class of a use, the same in every iteration of a repeat."""
        key = id(use)
        if key not in self.found:
            self.found[key] = self.look_up(use)
        return self.found[key]

    def look_up(self, use: ast.Use) -> LivClass | None:
        meaning = self.alphabet.find(use.liv, self.problems)
        if meaning is None:
            return None
        liv = meaning.liv
        if liv.code is None:
            self.unsayable.tell(
                use.liv.span,
                f"{liv.written} has no code",
                "Gene 1 is the code of a LIV class.",
                "give its definition a code that is free: code = 18",
            )
            return liv
        if not meaning.stated and not use.arguments:
            return liv
        given = read_arguments(use.arguments, liv, meaning.stated, Problems())
        for name, value in that_differ(liv, given, self.model):
            self.unsayable.tell(
                value.span,
                f"{name} is no gene",
                f"A genome says {liv.written}, whose {name} is another.",
                "remove it, or define a LIV with a code of its own",
            )
        return liv


def _count(body: tuple[ast.Step, ...]) -> int:
    """How many LIVs the steps are when every repeat is written out."""
    found = 0
    for step in body:
        match step:
            case ast.Repeat():
                found += _times(step) * _count(step.body)
            case ast.Use() | ast.Parallel() | ast.Section():
                found += 1
            case _:
                assert_never(step)
    return found


def _times(repeat: ast.Repeat) -> int:
    count = repeat.count.value
    return count if isinstance(count, int) and count > 0 else 0
