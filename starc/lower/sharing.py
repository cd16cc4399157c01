"""Sharing clauses: what a label refers to, and whether it fits there."""

from dataclasses import dataclass, fields

from starc.alphabet import LivClass
from starc.alphabet.near import near
from starc.alphabet.settings import show
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.operators import Rope


@dataclass(frozen=True)
class Shared:
    """A LIV as sharing sees it.

    place: its label, or the name of its class. liv, operator: None where these are
    wrong themselves, which is told elsewhere. parallel: it is a side of a parallel.
    """

    place: ast.Name
    liv: LivClass | None
    operator: Operator | None
    parallel: bool = False

    @property
    def name(self) -> str:
        return self.liv.name if self.liv else "?"

    @property
    def differential(self) -> bool:
        return self.liv is not None and bool(self.liv.of)


class Sharing:
    """The labels of a backbone, those before the LIV at hand among them."""

    def __init__(
        self, labels: dict[str, ast.Name], broken: frozenset[str], problems: Problems
    ) -> None:
        self.labels = labels
        self.broken = broken
        self.problems = problems
        self.before: dict[str, Shared] = {}

    def find(self, name: ast.Name, user: ast.Name | None) -> Shared | None:
        """The LIV that a clause refers to; None is told here, or wrong elsewhere."""
        text = name.text
        if user is not None and user.text == text:
            self.problems.add(
                "self-reference",
                "A LIV cannot share with itself",
                name.span,
                "this is its own label",
                "Sharing points back, at a LIV that stands before.",
                notes=(Note(user.span, "the label stands here"),),
            )
        elif text in self.before:
            return self.before[text]
        elif text in self.labels:
            self.problems.add(
                "forward-reference",
                "Sharing points forward",
                name.span,
                f"{text} comes later",
                "The first LIV of a group owns; the others point back at it.",
                f"label the first one, and write `from {text}` at the later one",
                (Note(self.labels[text].span, "it stands here"),),
            )
        elif text not in self.broken:
            known = f"Labels here: {', '.join(list(self.labels)[:20])}."
            self.problems.add(
                "unknown-label",
                "Unknown label",
                name.span,
                near(text, self.labels, self.problems),
                "No LIV of the backbone has this label. "
                + (known if self.labels else "There are no labels."),
                "" if self.labels else f"write {text}: before the LIV that is meant",
            )
        return None

    def weights(
        self, clause: ast.WeightsFrom, user: Shared, label: ast.Name | None
    ) -> str:
        """The label whose weights are taken."""
        target = self.find(clause.source, label)
        if target is None or target.operator is None or user.operator is None:
            return clause.source.text
        differ = _two_kinds(user, target) or differences(user, target)
        if differ:
            self.misfit("weights", clause, user, target, differ)
        return clause.source.text

    def misfit(
        self,
        what: str,
        clause: ast.WeightsFrom | ast.FeaturesFrom | ast.SameAs,
        user: Shared,
        target: Shared,
        differ: str,
    ) -> None:
        self.problems.add(
            "sharing-misfit",
            f"The {what} do not fit",
            clause.span,
            differ,
            f"{clause.source.text} is {target.name}, this is {user.name}. "
            "LIVs share what has the same shape in both.",
            notes=(Note(target.place.span, f"{target.name} stands here"),),
        )

    def features(
        self, clause: ast.FeaturesFrom, user: Shared, label: ast.Name | None
    ) -> list[tuple[str, str]]:
        """(group, label) of each group that is taken."""
        target = self.find(clause.source, label)
        if user.operator is not None:
            self.check_groups(clause, user, user)
        if target is None or target.operator is None or user.operator is None:
            return []
        reference = clause.source.text
        if kinds := _two_kinds(user, target):
            self.misfit("features", clause, user, target, kinds)
            return []
        if target.operator != user.operator:
            self.check_groups(clause, target, user)
        own = {group.name: group for group in user.operator.groups}
        theirs = {group.name: group for group in target.operator.groups}
        found = []
        for name in clause.groups:
            group = name.text
            if group not in own or group not in theirs:
                continue
            assert user.liv is not None
            differ = differences(user, target, user.liv.template.fits[group])
            if differ:
                self.misfit(f"features {group}", clause, user, target, differ)
                break
            found.append((group, reference))
        return found

    def check_groups(
        self, clause: ast.FeaturesFrom, shared: Shared, user: Shared
    ) -> None:
        """Groups that `shared` does not have."""
        assert shared.operator is not None
        known = [group.name for group in shared.operator.groups]
        others = {group.name for group in user.operator.groups} if user.operator else ()
        for name in clause.groups:
            if name.text in known or (shared is not user and name.text not in others):
                continue
            place = Note(shared.place.span, f"{shared.name} stands here")
            notes = () if shared is user else (place,)
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
                "A side of a parallel is no whole LIV",
                clause.source.span,
                "a side of a parallel",
                "`same as` takes a LIV with its norm; sides have one norm in common.",
                "write weights from, or take a LIV that stands alone",
                (Note(target.place.span, "it stands here"),),
            )
        elif target.liv is not None and user.liv is not None:
            differ = ""
            if target.liv.name != user.liv.name:
                differ = f"{user.name} is not {target.name}"
            elif user.operator and target.operator:
                differ = differences(user, target)
            if differ:
                self.misfit("LIVs", clause, user, target, differ)
        return target


def _two_kinds(user: Shared, target: Shared) -> str:
    """Says so where the two are not of one kind."""
    assert user.operator is not None and target.operator is not None
    if user.operator.kind != target.operator.kind:
        assert user.liv is not None and target.liv is not None
        mine, theirs = user.liv.template.title, target.liv.template.title
        return f"{mine} cannot share with {theirs}"
    if user.differential != target.differential:
        single = target if user.differential else user
        return f"{single.name} is one LIV, the other a difference of two"
    return ""


def differences(
    user: Shared, target: Shared, only: tuple[str, ...] | None = None
) -> str:
    """The numbers that differ: `heads 16, not 12; window 1024, not none`."""
    mine, theirs = user.operator, target.operator
    assert mine is not None and theirs is not None and user.liv is not None
    if mine == theirs:
        return ""
    words = user.liv.template.option_of_field
    found: list[str] = []
    for field in fields(mine):
        a, b = getattr(mine, field.name), getattr(theirs, field.name)
        if isinstance(a, Rope) and isinstance(b, Rope) and a.theta == b.theta and found:
            continue  # they turn other channels because the heads are others
        if a != b and (only is None or field.name in only):
            name = _PLAIN.get(field.name) or words.get(field.name, field.name)
            found.append(f"{name} {_shown(a)}, not {_shown(b)}")
    return "; ".join(found)


_PLAIN = {"inner": "channels", "rope": "positions"}
"""Fields that are not what an option says, but what follows from it."""


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, (bool, int, str)):
        return show(value)
    assert isinstance(value, Rope)
    return f"rope(theta = {value.theta:g}) on {value.dims} channels"
