"""A program's own featurizers and LIVs, resolved on top of the prelude's."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from starc.alphabet.alphabet import Alphabet, Meaning
from starc.alphabet.arguments import read_arguments
from starc.alphabet.classes import read_class, read_difference
from starc.alphabet.codes import check_codes
from starc.alphabet.featurizers import FeaturizerGenome, read_featurizer
from starc.alphabet.near import near
from starc.diagnostics import Note, Problems
from starc.frontend import ast

Definition = ast.LivGenome | ast.LivDiff | ast.LivAlias

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
_LONGEST = 80


def extend(
    base: Alphabet, program: ast.Program, problems: Problems, shipped: bool = False
) -> Alphabet:
    """The base and the program's definitions, in any order. Mistakes are told.

    shipped: this is the prelude itself, whose aliases are no words for labels.
    """
    return _Definitions(base, program, problems, shipped).run()


class _Definitions:
    def __init__(
        self, base: Alphabet, program: ast.Program, problems: Problems, shipped: bool
    ) -> None:
        self.program = program
        self.problems = problems
        self.shipped = shipped
        broken = [item.span for item in _broken(program)]
        words = frozenset(word for span in broken for word in _words(span.text))
        livs, featurizers = dict(base.livs), dict(base.featurizers)
        self.result = Alphabet(livs, featurizers, words, tuple(broken))
        self.waiting: dict[str, Definition] = {}
        self.places: dict[str, ast.Name] = {}

    def run(self) -> Alphabet:
        featurizers: dict[str, ast.Name] = {}
        for item in self.program.items:
            match item:
                case ast.Featurizer():
                    known = self.result.featurizers
                    if self.is_new(item.name, "featurizer", known, featurizers):
                        featurizers[item.name.text] = item.name
                        whole = self.is_whole(item)
                        found = read_featurizer(item, self.problems) if whole else None
                        known[item.name.text] = found
                case ast.LivGenome() | ast.LivDiff() | ast.LivAlias():
                    if self.is_new(item.name, "LIV", self.result.livs, self.places):
                        self.places[item.name.text] = item.name
                        if self.is_whole(item):
                            self.waiting[item.name.text] = item
                        else:
                            self.result.livs[item.name.text] = None
                case ast.Model() | ast.Backbone() | ast.Search() | ast.Broken():
                    pass  # these define no names
                case _:
                    assert_never(item)
        for name in list(self.waiting):
            self.resolve(name)
        check_codes(self.result, self.problems)
        return self.result

    def is_whole(self, item: ast.Item) -> bool:
        """Whether all of it is syntax: what it lacks may stand where nothing is."""
        start, end = item.span.start, item.span.end
        spans = self.result.broken_spans
        return not any(start <= span.start < end for span in spans)

    def is_new(
        self,
        name: ast.Name,
        what: str,
        known: dict[str, Meaning | None] | dict[str, FeaturizerGenome | None],
        own: dict[str, ast.Name],
    ) -> bool:
        if not WORD.fullmatch(name.text) or len(name.text) > _LONGEST:
            self.problems.add(
                "bad-name",
                "This cannot be a name",
                name.span,
                f"not a name of at most {_LONGEST} characters",
                "A name is letters, digits, `_` and `-`, and starts with no digit.",
            )
            return False
        if name.text not in known and name.text not in own:
            return True
        notes: tuple[Note, ...] = ()
        where = "The prelude has"
        if name.text in own:
            notes, where = (Note(own[name.text].span, "first here"),), "There is"
        else:
            old = known[name.text]
            if old is not None:
                place = old.liv.span if isinstance(old, Meaning) else old.span
                notes = (Note(place, "in the prelude"),)
        self.problems.add(
            "defined-twice",
            f"{name.text} is defined twice",
            name.span,
            "this name is taken",
            f"{where} a {what} of this name already.",
            "choose another name",
            notes,
        )
        return False

    def resolve(self, name: str) -> None:
        """Follows aliases and differences to a genome, then comes back, naming each."""
        chain: list[Definition] = []
        while name in self.waiting:
            item = self.waiting.pop(name)
            chain.append(item)
            if isinstance(item, ast.LivGenome):
                break
            name = item.liv.text if isinstance(item, ast.LivAlias) else item.of.text
        names = [item.name.text for item in chain]
        if name in names and not isinstance(chain[-1], ast.LivGenome):
            self.cycle(chain[names.index(name) :])
            chain = chain[: names.index(name)]
        for item in reversed(chain):
            self.result.livs[item.name.text] = self.meaning(item)

    def cycle(self, items: list[Definition]) -> None:
        names = [item.name.text for item in items]
        self.problems.add(
            "definition-cycle",
            f"{names[0]} is defined by itself",
            items[0].name.span,
            " -> ".join([*names[:8], "..."] if len(names) > 8 else [*names, names[0]]),
            "A LIV is defined by another one that is known, in the end by a genome.",
            notes=tuple(Note(item.name.span, "on the way") for item in items[1:4]),
        )
        for name in names:
            self.result.livs[name] = None

    def meaning(self, item: Definition) -> Meaning | None:
        match item:
            case ast.LivGenome():
                liv = read_class(item, self.find_featurizer, self.problems)
                return None if liv is None else Meaning(liv, liv.template.stem)
            case ast.LivAlias():
                return self.alias(item)
            case ast.LivDiff():
                return self.difference(item)
            case _:
                assert_never(item)

    def difference(self, item: ast.LivDiff) -> Meaning | None:
        of = self.result.find(item.of, self.problems)
        if of is None:
            return None
        if of.liv.of:
            self.problems.add(
                "diff-of-diff",
                "A difference of a difference",
                item.of.span,
                f"{item.of.text} has two branches already",
                "A differential LIV subtracts two LIVs of a plain class.",
                f"write diff({of.liv.of.written})",
                (Note(of.liv.span, "defined here"),),
            )
            return None
        liv = read_difference(item, of.liv, of.stated, self.problems)
        return None if liv is None else Meaning(liv, liv.template.stem)

    def alias(self, item: ast.LivAlias) -> Meaning | None:
        of = self.result.find(item.liv, self.problems)
        if of is None:
            return None
        stated = read_arguments(item.arguments, of.liv, of.stated, self.problems)
        if self.shipped:
            return Meaning(replace(of.liv, alias=item.name.text), of.stem, stated, True)
        return Meaning(of.liv, item.name.text.replace("-", "_"), stated, alias=True)

    def find_featurizer(self, name: ast.Name) -> FeaturizerGenome | None:
        known = self.result.featurizers
        if name.text not in known and name.text not in self.result.broken:
            self.problems.add(
                "unknown-featurizer",
                "Unknown featurizer",
                name.span,
                near(name.text, known, self.problems),
                "No featurizer of this name is defined here or in the prelude. "
                f"There are: {', '.join(list(known)[:40])}.",
            )
        return known.get(name.text)


_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STRAY = re.compile(r"[^A-Za-z0-9_\s-]")


def _words(text: str) -> Iterator[str]:
    """The words of a text, also those in which a sign stands that no word has."""
    yield from _WORDS.findall(text)
    yield from _WORDS.findall(_STRAY.sub("", text))


def _broken(program: ast.Program) -> tuple[ast.Broken, ...]:
    """Text that is no syntax: its words may define what seems unknown elsewhere."""
    items = (item for item in program.items if isinstance(item, ast.Broken))
    return *program.broken, *items
