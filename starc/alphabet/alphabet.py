"""The names that a program may use: those of the prelude and its own."""

from dataclasses import field

from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.liv_class import LivClass
from starc.alphabet.near import near
from starc.alphabet.option import Givens
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class Meaning:
    """What a LIV's name stands for. stated: what aliases on the way say.

    stem: the word for labels of unlabelled uses.
    """

    liv: LivClass
    stem: str
    stated: Givens = field(default_factory=dict)
    alias: bool = False


@dataclass
class Alphabet:
    """`livs` and `featurizers` by name; None: known, but its definition is wrong.

    broken: words of text that is no syntax; they are not told as unknown.
    broken_spans: where that text stands.
    """

    livs: dict[str, Meaning | None] = field(default_factory=dict)
    featurizers: dict[str, FeaturizerGenome | None] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    broken_spans: tuple[Span, ...] = ()

    @property
    def classes(self) -> dict[str, LivClass]:
        """Every class by its name, aliases left out."""
        return {
            name: meaning.liv
            for name, meaning in self.livs.items()
            if meaning is not None and not meaning.alias
        }

    def aliases(self, of: str) -> tuple[str, ...]:
        """The other names of a class, those that state a parameter left out."""
        found = (name for name in self.livs if self.resolved(name) == of)
        return tuple(name for name in found if name != of)

    def resolved(self, name: str) -> str:
        """The class, for an alias that states nothing; else the name itself."""
        meaning = self.livs[name]
        if meaning is None or not meaning.alias or meaning.stated:
            return name
        return meaning.liv.name

    def find(self, name: ast.Name, problems: Problems) -> Meaning | None:
        """What the name means; None if unknown, told here, or wrong, told elsewhere."""
        found = self.livs.get(name.text)
        if found is None and name.text not in self.livs:
            if name.text not in self.broken:
                problems.add(
                    "unknown-liv",
                    "Unknown LIV",
                    name.span,
                    near(name.text, self.livs, problems),
                    "No LIV of this name is defined here or in the prelude. "
                    "`starc explain unknown-liv` lists them.",
                )
        return found
