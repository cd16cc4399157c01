"""syntax tree -> what its words say in terms of a genome, or why no genome says it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.genome.classes import CLASSES, Classes, LivClass
from starc.genome.dictionary import Dictionary
from starc.genome.meaning import LivMeaning
from starc.genome.strategies import (
    borrowed_groups,
    feature_strategies,
    strategy_that_borrows,
)
from starc.source import Span

MOST_LIVS = 1_000_000
"""As in lower: more is a mistake in a repeat count."""


@dataclass(frozen=True)
class Written:
    """The backbone in the order of depth: for each LIV its text, class and meaning."""

    uses: tuple[ast.Use, ...]
    classes: tuple[LivClass, ...]
    livs: tuple[LivMeaning, ...]


def listen(
    program: ast.Program, problems: Problems, classes: Classes = CLASSES
) -> Written:
    """Every place that says what integers cannot is a problem `not-in-genome`."""
    listener = _Listener(Dictionary(program, classes), problems)
    for item in program.items:
        if isinstance(item, ast.Backbone):
            if _count(item.body) > MOST_LIVS:
                text = f"The backbone has more than {MOST_LIVS:_} LIVs."
                listener.cannot(item.span, "too many LIVs", text, "repeat less often")
            else:
                listener.steps(item.body)
    return Written(tuple(listener.uses), tuple(listener.classes), tuple(listener.livs))


def _count(body: tuple[ast.Step, ...]) -> int:
    """How many LIVs the steps are when every repeat is written out."""
    return sum(
        _times(step) * _count(step.body) if isinstance(step, ast.Repeat) else 1
        for step in body
    )


def _times(repeat: ast.Repeat) -> int:
    count = repeat.count.value
    return count if isinstance(count, int) and count > 0 else 0


@dataclass
class _Listener:
    dictionary: Dictionary
    problems: Problems
    uses: list[ast.Use] = field(default_factory=list)
    classes: list[LivClass] = field(default_factory=list)
    livs: list[LivMeaning] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[int, int, str]] = field(default_factory=set)

    def cannot(
        self,
        span: Span,
        label: str,
        text: str,
        hint: str = "",
        notes: tuple[Note, ...] = (),
    ) -> None:
        """A problem, once for each place, however often a repeat comes by."""
        key = span.start, span.end, label
        if key not in self._seen:
            self._seen.add(key)
            title = "Not in a genome"
            self.problems.add("not-in-genome", title, span, label, text, hint, notes)

    def steps(self, body: tuple[ast.Step, ...]) -> None:
        for step in body:
            if isinstance(step, ast.Use):
                self.use(step)
            elif isinstance(step, ast.Parallel):
                self.cannot(
                    step.span,
                    "LIVs side by side",
                    "The LIVs of a backbone genome stand one after the other.",
                    "write the sides one below the other, which is another model",
                )
            else:
                inside = set(_labels(step.body))
                for _ in range(_times(step)):
                    # A label means the LIV of the same turn, so the last turn's go.
                    for label in inside & self.labels.keys():
                        del self.labels[label]
                    self.steps(step.body)

    def use(self, use: ast.Use) -> None:
        word = self.dictionary.look_up(use.liv.text)
        if word.liv is None:
            self.cannot(
                use.liv.span,
                f"{use.liv.text} has no code",
                "Gene 1 is the code of a LIV class.",
                "give its definition a `code = ...` from 18 on",
            )
            liv = LivClass(0, use.liv.text, "", (), (), "")
        else:
            liv = word.liv
            for setting in (*word.arguments, *use.arguments):
                self.cannot(
                    setting.span,
                    f"{setting.name.text} is no gene",
                    f"A genome says {liv.name}, and its parameters are the default.",
                    "remove it, or define a LIV of your own with a code",
                )
        weights = features = -1
        borrows: list[ast.Name] = []
        for clause in use.clauses:
            if isinstance(clause, ast.SameAs):
                self.cannot(
                    clause.span,
                    "the whole LIV again",
                    "Genes share a featurizer or features, not norms and projections "
                    "out.",
                    f"`weights from {clause.source.text}` shares the featurizer",
                )
            elif isinstance(clause, ast.WeightsFrom):
                owner = self.owner(clause, liv)
                if owner >= 0:
                    root = self.livs[owner].weights_from
                    weights = root if root >= 0 else owner
            elif isinstance(clause, ast.FeaturesFrom):
                owner = self.owner(clause, liv)
                owner = self.feature_owner(clause, owner, liv)
                if features >= 0 and owner not in (features, -1):
                    self.two_sources(clause, features)
                elif owner >= 0:
                    features = owner
                    borrows.extend(clause.groups)
        strategy = self.strategy(use, liv, borrows) if features >= 0 else 1
        if strategy == 1:
            features = -1
        self.uses.append(use)
        self.classes.append(liv)
        self.livs.append(LivMeaning(liv.code, weights, features, strategy))
        if use.label is not None:
            self.labels[use.label.text] = len(self.livs) - 1

    def owner(self, clause: ast.WeightsFrom | ast.FeaturesFrom, liv: LivClass) -> int:
        """Position of the LIV that the clause names; -1 after a problem."""
        owner = self.labels.get(clause.source.text, -1)
        if owner < 0:
            self.cannot(
                clause.source.span,
                "no LIV above has this label",
                "Sharing points back to a LIV that stands earlier.",
            )
        elif self.classes[owner].code != liv.code:
            theirs = self.classes[owner].name
            self.cannot(
                clause.source.span,
                f"this is {theirs}, not {liv.name}",
                "The members of a sharing group are of one class.",
                notes=(Note(self.uses[owner].span, f"{theirs} stands here"),),
            )
            return -1
        return owner

    def feature_owner(self, clause: ast.FeaturesFrom, owner: int, liv: LivClass) -> int:
        """The LIV that computes what the clause borrows; -1 after a problem."""
        if owner < 0 or self.livs[owner].features_from < 0:
            return owner
        lender = self.livs[owner]
        passed_on = borrowed_groups(liv.groups, lender.borrows)
        if {name.text for name in clause.groups} <= set(passed_on):
            return lender.features_from
        self.cannot(
            clause.span,
            f"{clause.source.text} computes only a part of this",
            "A LIV is in one feature group, and the group's first LIV computes all "
            f"that is borrowed. {clause.source.text} borrows "
            f"{' and '.join(passed_on)} itself.",
            notes=(Note(self.uses[owner].span, "borrows here"),),
        )
        return -1

    def two_sources(self, clause: ast.FeaturesFrom, first: int) -> None:
        self.cannot(
            clause.span,
            "a second source of features",
            "A LIV is in one feature group, so all it borrows is from one LIV.",
            notes=(Note(self.uses[first].span, "the first source"),),
        )

    def strategy(self, use: ast.Use, liv: LivClass, borrows: list[ast.Name]) -> int:
        """Gene 5 for these groups; 1 after a problem."""
        found = strategy_that_borrows(liv.groups, tuple(n.text for n in borrows))
        if found is None:
            known = [", ".join(groups) for groups in feature_strategies(liv.groups)]
            self.cannot(
                borrows[0].span,
                f"no strategy borrows {', '.join(n.text for n in borrows)}",
                f"Gene 5 of {liv.name} has no value for these groups.",
                "borrow " + " or ".join(f"`{k}`" for k in known) if known else "",
            )
        return found or 1


def _labels(body: tuple[ast.Step, ...]) -> Iterator[str]:
    """Every label that stands in the steps, however deep."""
    for step in body:
        if not isinstance(step, ast.Use):
            yield from _labels(step.body)
        elif step.label is not None:
            yield step.label.text
