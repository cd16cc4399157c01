"""Answers that stand beside the stream, and the LIVs that read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.ir.residual import INPUT, PLUS, Residual
from starc.lower.references import References, Shared


class Read(NamedTuple):
    """`input from a1`. kind: "input" or "plus". label: "" where nothing can be read."""

    kind: str
    label: str
    clause: ast.FeaturesFrom


def reading(residual: Residual, read: Read | None) -> Residual:
    """The residual of a LIV that reads so."""
    return residual if read is None else replace(residual, source=read.kind)


class Answers:
    """Of the body at hand: what answers there are, and whether somebody reads them.

    whole: all statements could be read. Else a LIV that reads or gives an answer may be
    in one that could not, and its lack is told by that one.
    """

    def __init__(
        self, references: References, problems: Problems, *, whole: bool
    ) -> None:
        self.references = references
        self.problems = problems
        self.whole = whole
        self.there: dict[str, ast.Use] = {}
        self.unread: dict[int, ast.Use] = {}  # by where they stand
        self.wanted: set[str] = set()  # labels that some LIV would read

    @contextmanager
    def body(self) -> Iterator[None]:
        """Answers are read where they stand: in the backbone, or in one repeat."""
        outside = self.there, self.unread
        self.there, self.unread = {}, {}
        yield
        for use in self.unread.values() if self.whole else ():
            if use.label is not None and use.label.text in self.wanted:
                continue  # told where it would be read
            self.problems.add(
                "unread-answer",
                "An answer that no LIV reads",
                use.liv.span,
                "output = none, and nothing reads it",
                "Its answer goes nowhere but to LIVs of the same body that say `input "
                "from` its label, or `plus from`.",
                "let one read it, or leave out output",
            )
        self.there, self.unread = outside

    def read(self, use: ast.Use) -> tuple[Read | None, ast.Use]:
        """What the use reads, and the use without the clause that says so."""
        found: Read | None = None
        rest: list[ast.Clause] = []
        for clause in use.clauses:
            if not isinstance(clause, ast.FeaturesFrom) or not (
                words := [g.text for g in clause.groups if g.text in (INPUT, PLUS)]
            ):
                rest.append(clause)
            elif found is not None or len(clause.groups) > 1:
                self.twice(clause)
            else:
                found = Read(words[0], self.label(clause, use), clause)
        return found, replace(use, clauses=tuple(rest)) if found else use

    def twice(self, clause: ast.FeaturesFrom) -> None:
        self.problems.add(
            "shared-twice",
            "A LIV reads one thing",
            clause.span,
            "this beside another",
            "It reads one answer in place of the stream (`input`), or one and the "
            "stream (`plus`).",
            "delete one of the two",
        )

    def label(self, clause: ast.FeaturesFrom, use: ast.Use) -> str:
        """The label, if an answer of it stands here; else "", and it is told."""
        text = clause.source.text
        self.wanted.add(text)
        if text in self.there:
            self.unread.pop(self.there[text].span.start, None)
            return text
        target = self.references.find(clause.source, use.label)
        if self.whole and target is not None and target.built is not None:
            label = "its answer goes to the stream"
            if target.parallel or target.differential:
                label = "it has no answer of its own"
            elif target.built.residual.aside:
                label = "its answer is read in its own body alone"
            self.problems.add(
                "no-answer",
                "There is no answer to read",
                clause.source.span,
                label,
                "What a LIV with `output = none` answers can be read by later LIVs of "
                "the same body.",
                "",
                (Note(target.place.span, "it stands here"),),
            )
        return ""

    def check(
        self, use: ast.Use, residual: Residual, differential: bool, read: Read | None
    ) -> None:
        """Notes what the LIV answers, and tells where it cannot read or answer so."""
        if differential and (residual.aside or read is not None):
            place = use.liv.span if read is None else read.clause.span
            self.problems.add(
                "no-answer",
                "A difference reads and writes the stream",
                place,
                "a difference of two LIVs",
                "Answers are read and given by single LIVs.",
            )
        if residual.entered and read is not None:
            self.twice(read.clause)
        off = residual.aside or residual.others
        for argument in use.arguments if off else ():
            if argument.name.text == "skip_scale":
                self.problems.add(
                    "conflicting-settings",
                    f"`skip_scale` contradicts `output = {residual.output}`",
                    argument.span,
                    "its answer is added to no stream"
                    if residual.aside
                    else "its answer is not added to the stream that it reads",
                    "A factor of the stream is for LIVs that write to it.",
                    "delete skip_scale",
                )
        if residual.aside:
            self.unread[use.span.start] = use
            if use.label is not None:
                self.there[use.label.text] = use

    def again(
        self, use: ast.Use, residual: Residual, target: Shared, read: Read | None
    ) -> None:
        """The same of `same as`: it reads as the LIV that it is, from another place."""
        wanted = target.source
        kind = read.kind if read is not None else ""
        if kind != wanted:
            place = use.liv.span if read is None else read.clause.span
            self.problems.add(
                "same-as-alone",
                "`same as` reads what that LIV reads",
                place,
                f"{wanted or 'no answer'} there, {kind or 'no answer'} here",
                "Which answer it reads is its own; whether it reads one is not.",
                f"write {wanted} from a label" if wanted else "delete the clause",
                (Note(target.place.span, "that LIV"),),
            )
        self.check(use, residual, target.differential, None)
