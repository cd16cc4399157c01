"""What `weights from` and `k, v from` of one LIV point at, in terms of a genome."""

from collections.abc import Collection
from dataclasses import field

from starc.alphabet import LivClass
from starc.diagnostics import Note
from starc.frontend import ast
from starc.genome.meaning import LivMeaning
from starc.genome.strategies import (
    NONE,
    borrowed_groups,
    feature_strategies,
    strategy_that_borrows,
)
from starc.genome.unsayable import Unsayable
from starc.values import dataclass


@dataclass(frozen=True)
class Entry:
    """One LIV of the expanded backbone. `liv`: None where its name means nothing."""

    use: ast.Use
    liv: LivClass | None
    meaning: LivMeaning

    @property
    def name(self) -> str:
        return self.use.liv.text if self.liv is None else self.liv.written


@dataclass
class References:
    """The LIVs so far, in order of depth, and what labels mean at this point."""

    unsayable: Unsayable
    entries: list[Entry] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    def forget(self, labels: Collection[str]) -> None:
        """A new iteration: its labels mean nothing until they come again."""
        for label in labels:
            self.labels.pop(label, None)

    def add(self, use: ast.Use, liv: LivClass | None) -> None:
        """Follows the clauses of `use`. Positions of owners are those of the roots."""
        code = 0 if liv is None or liv.code is None else liv.code
        weights, features, borrows = -1, -1, NONE
        if liv is not None:
            for clause in use.clauses:
                if isinstance(clause, ast.WeightsFrom):
                    owner = self._owner(clause, liv)
                    if owner >= 0:
                        root = self.entries[owner].meaning.weights_from
                        weights = root if root >= 0 else owner
            features, borrows = self._features(use, liv)
        meaning = LivMeaning(code, weights, features, borrows)
        self.entries.append(Entry(use, liv, meaning))
        if use.label is not None:
            self.labels[use.label.text] = len(self.entries) - 1

    def _owner(self, clause: ast.WeightsFrom | ast.FeaturesFrom, liv: LivClass) -> int:
        """Position of the LIV that the clause names; -1 after a problem."""
        owner = self.labels.get(clause.source.text, -1)
        if owner < 0:
            self.unsayable.tell(
                clause.source.span,
                "no LIV above has this label",
                "Sharing points back to a LIV that stands earlier.",
            )
            return -1
        entry = self.entries[owner]
        if entry.liv is None or entry.liv.name != liv.name:
            self.unsayable.tell(
                clause.source.span,
                f"this is {entry.name}, not {liv.written}",
                "The members of a sharing group are of one class.",
                notes=(Note(entry.use.span, f"{entry.name} stands here"),),
            )
            return -1
        return owner

    def _features(self, use: ast.Use, liv: LivClass) -> tuple[int, int]:
        """(owner, gene 5) of what the LIV borrows; (-1, 1) if nothing, or a problem."""
        owner = -1
        groups: list[ast.Name] = []
        for clause in use.clauses:
            if not isinstance(clause, ast.FeaturesFrom):
                continue
            found = self._lender(clause, liv)
            if found < 0:
                return -1, NONE
            if owner not in (-1, found):
                self.unsayable.tell(
                    clause.span,
                    "a second source of features",
                    "A LIV is in one feature group, so all it borrows is from one LIV.",
                    notes=(Note(self.entries[owner].use.span, "the first source"),),
                )
                return -1, NONE
            owner = found
            groups.extend(clause.groups)
        if owner < 0:
            return -1, NONE
        names = tuple(name.text for name in groups)
        strategy = strategy_that_borrows(liv.groups, names)
        if strategy is not None:
            return owner, strategy
        known = [f"`{', '.join(g)}`" for g in feature_strategies(liv.groups)]
        self.unsayable.tell(
            groups[0].span,
            f"no strategy borrows {', '.join(names)}",
            f"Gene 5 of {liv.written} has no value for these groups.",
            f"borrow {' or '.join(known)}" if known else "",
        )
        return -1, NONE

    def _lender(self, clause: ast.FeaturesFrom, liv: LivClass) -> int:
        """The LIV that computes what the clause borrows; -1 after a problem."""
        named = self._owner(clause, liv)
        if named < 0 or self.entries[named].meaning.features_from < 0:
            return named
        lender = self.entries[named].meaning
        passed_on = borrowed_groups(liv.groups, lender.borrows)
        if {name.text for name in clause.groups} <= {*passed_on}:
            return lender.features_from
        name = clause.source.text
        self.unsayable.tell(
            clause.span,
            f"{name} computes only a part of this",
            "A LIV is in one feature group, whose first LIV computes all that the "
            f"others borrow. {name} itself borrows {' and '.join(passed_on)}.",
            notes=(Note(self.entries[named].use.span, "borrows here"),),
        )
        return -1
