"""Sharing clauses: whether what they refer to fits."""

from typing import assert_never

from starc.alphabet.near import near
from starc.alphabet.option import one_of
from starc.diagnostics import Note
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import EMBEDDING
from starc.lower.fits import (
    differences,
    other_feature,
    other_residual,
    other_weights,
    two_kinds,
)
from starc.lower.references import References, Shared
from starc.source import Span


class Sharing(References):
    """The clauses of a backbone's LIVs, read in the order of the text."""

    def clauses(
        self, use: ast.Use, shared: Shared
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The label whose weights are taken, and (group, label) of taken features."""
        weights: ast.WeightsFrom | None = None
        found, features = "", []
        taken: dict[str, ast.Name] = {}
        for clause in use.clauses:
            match clause:
                case ast.WeightsFrom() if weights is not None:
                    self.twice("`weights from` stands twice", clause.span, weights.span)
                case ast.WeightsFrom():
                    weights = clause
                    found = self.weights(clause, shared, use.label)
                case ast.FeaturesFrom():
                    for group in clause.groups:
                        if group.text in taken:
                            first = taken[group.text].span
                            title = f"{group.text} is taken twice"
                            self.twice(title, group.span, first)
                        taken.setdefault(group.text, group)
                    features += self.features(clause, shared, use.label)
                case ast.SameAs() | ast.Genes():
                    pass  # neither takes anything: see `same`, and check_genes
                case _:
                    assert_never(clause)
        return found, tuple(features)

    def twice(self, title: str, span: Span, first: Span) -> None:
        self.problems.add(
            "shared-twice",
            title,
            span,
            "again here",
            "What is shared comes from one LIV.",
            "delete one of the two",
            (Note(first, "first here"),),
        )

    def weights(
        self, clause: ast.WeightsFrom, user: Shared, label: ast.Name | None
    ) -> str:
        """The label whose weights are taken."""
        target = self.find(clause.source, label)
        if target is None or target.operator is None or user.operator is None:
            return clause.source.text
        differ = two_kinds(user, target) or other_weights(user, target)
        if differ:
            self.misfit("The weights do not fit", clause, user, target, differ)
        return clause.source.text

    def misfit(
        self,
        title: str,
        clause: ast.WeightsFrom | ast.FeaturesFrom | ast.SameAs,
        user: Shared,
        target: Shared,
        differ: str,
    ) -> None:
        self.problems.add(
            "sharing-misfit",
            title,
            clause.span,
            differ,
            f"{clause.source.text} is {target.name}, this is {user.name}. "
            "LIVs share what has the same shape in both.",
            notes=(Note(target.place.span, f"{target.name} stands here"),),
        )

    def features(
        self, clause: ast.FeaturesFrom, user: Shared, label: ast.Name | None
    ) -> list[tuple[str, str]]:
        """(group, label) of each group that is taken; "" is the embedding's label."""
        if clause.source.text == EMBEDDING and EMBEDDING not in self.labels:
            return self.of_embedding(clause, user)
        target = self.find(clause.source, label)
        mine = user.operator
        if mine is not None:
            self.check_groups(clause, user, mine, mine)
        if target is None or target.operator is None or mine is None:
            return []
        theirs = target.operator
        reference = clause.source.text
        if kinds := two_kinds(user, target):
            self.misfit("The features do not fit", clause, user, target, kinds)
            return []
        if theirs != mine:
            self.check_groups(clause, target, theirs, mine)
        if mine.lora or theirs.lora:
            whose = "its" if mine.lora else f"{clause.source.text}'s"
            differ = f"lora: {whose} features are of one use alone"
            self.misfit("The features do not fit", clause, user, target, differ)
            return []
        found = []
        for name in clause.groups:
            group = name.text
            own = mine.groups_by_name.get(group)
            if own is None or group not in theirs.groups_by_name:
                continue
            assert user.liv is not None
            if own.stack:
                self.stacked(name, user)
                break
            differ = other_feature(user, target, group)
            if self.embeds(target, group):
                differ = "it takes that from the embedding, for itself"
            if differ:
                self.misfit(
                    f"Feature {group} does not fit", clause, user, target, differ
                )
                break
            found.append((group, reference))
        return found

    def embeds(self, target: Shared, group: str) -> bool:
        """Whether a LIV takes a feature from the embedding."""
        return EMBEDDING not in self.labels and any(
            isinstance(clause, ast.FeaturesFrom)
            and clause.source.text == EMBEDDING
            and group in [name.text for name in clause.groups]
            for clause in target.use.clauses
        )

    def of_embedding(
        self, clause: ast.FeaturesFrom, user: Shared
    ) -> list[tuple[str, str]]:
        """Features that the model makes of the token itself."""
        operator = user.operator
        if operator is None:
            return []
        self.check_groups(clause, user, operator, operator)
        found = []
        for name in clause.groups:
            group = operator.groups_by_name.get(name.text)
            if group is None:
                continue
            kept = any(tensor.group == group.name for tensor in operator.all_state(1))
            why = "it is kept for later tokens" if kept else ""
            why = "a token computes only some of it" if group.stack else why
            why = "a difference has it twice" if user.differential else why
            why = "other uses have their own matrices" if operator.lora else why
            notes: tuple[Note, ...] = ()
            if not why:
                self.embedded = self.embedded or (group.width, name.span)
                width, place = self.embedded
                if group.width != width:
                    why = f"{group.width} channels here, {width} elsewhere"
                    notes = (Note(place, "taken here too"),)
            if why:
                self.problems.add(
                    "sharing-misfit",
                    f"Feature {group.name} cannot be taken from the embedding",
                    name.span,
                    why,
                    "The embedding gives each LIV as many numbers of a token, for a "
                    "feature of that token alone.",
                    notes=notes,
                )
                break
            found.append((group.name, ""))
        return found

    def stacked(self, name: ast.Name, user: Shared) -> None:
        """A group of which a token computes only some cannot be taken over."""
        assert user.operator is not None
        lent = [group.name for group in user.operator.groups if not group.stack]
        self.problems.add(
            "sharing-misfit",
            f"Feature {name.text} cannot be taken over",
            name.span,
            f"no LIV computes all of {name.text}",
            f"A token of {user.name} computes it for the experts that it chose.",
            f"take {one_of(lent)}, or share the weights: `weights from`",
        )

    def check_groups(
        self,
        clause: ast.FeaturesFrom,
        shared: Shared,
        operator: Operator,
        mine: Operator,
    ) -> None:
        """Groups that `shared`, which is of this operator, does not have. Of a target
        only those are told that the user has."""
        for name in clause.groups:
            if name.text in operator.groups_by_name:
                continue
            if name.text not in mine.groups_by_name and operator is not mine:
                continue
            known = [group.name for group in operator.groups]
            place = Note(shared.place.span, f"{shared.name} stands here")
            notes = () if operator is mine else (place,)
            self.problems.add(
                "unknown-group",
                "Unknown feature group",
                name.span,
                near(name.text, known, self.problems),
                f"The feature groups of {shared.name} are: {', '.join(known)}.",
                notes=notes,
            )

    def same(
        self, clause: ast.SameAs, label: ast.Name | None, user: Shared
    ) -> Shared | None:
        """The LIV that `same as` means. user.operator: None unless numbers are said."""
        target = self.find(clause.source, label)
        if target is None:
            return None
        if target.parallel:
            self.problems.add(
                "side-of-parallel",
                "A branch of a parallel is no whole LIV",
                clause.source.span,
                "a branch of a parallel",
                "`same as` takes a LIV with its norm; branches have one in common.",
                "write weights from, or take a LIV that stands alone",
                (Note(target.place.span, "it stands here"),),
            )
        elif target.liv is not None and user.liv is not None:
            differ = ""
            if target.liv.name != user.liv.name:
                differ = f"{user.name} is not {target.name}"
            elif user.operator and target.operator:
                parts = differences(user, target), other_residual(user, target)
                differ = "; ".join(filter(None, parts))
            if differ:
                self.misfit("Not the same LIV", clause, user, target, differ)
        return target
