"""What a label refers to at one place of the backbone."""

from starc.alphabet import LivClass
from starc.alphabet.near import near
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import Residual
from starc.lower.built import Built
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class Shared:
    """A LIV as sharing sees it.

    liv, built: None where these are wrong themselves, which is told elsewhere.
    parallel: it is a branch of a parallel. source: what it reads an answer for, "input"
    or "plus"; or "".
    """

    use: ast.Use
    liv: LivClass | None
    built: Built | None
    parallel: bool = False
    source: str = ""

    @property
    def place(self) -> ast.Name:
        """Its label, or the name of its class."""
        return self.use.label or self.use.liv

    @property
    def operator(self) -> Operator | None:
        return self.built.operator if self.built else None

    @property
    def residual(self) -> Residual | None:
        return self.built.residual if self.built else None

    @property
    def name(self) -> str:
        return self.liv.written if self.liv else "?"

    @property
    def differential(self) -> bool:
        return self.liv is not None and self.liv.of is not None


class References:
    """The labels of a backbone, those before the LIV at hand among them."""

    def __init__(
        self, labels: dict[str, ast.Name], broken: frozenset[str], problems: Problems
    ) -> None:
        self.labels = labels
        self.broken = broken
        self.problems = problems
        self.before: dict[str, Shared] = {}
        self.embedded: tuple[int, Span] | None = None  # taken of the embedding first

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
