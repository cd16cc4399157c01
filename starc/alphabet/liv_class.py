"""A LIV class: an operator genome, matched with the template that realises it."""

from collections.abc import Mapping
from dataclasses import field

from starc.alphabet import structures
from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.option import Quantity
from starc.alphabet.template import Template
from starc.source import Span
from starc.values import dataclass

CHOICES = {
    "token": structures.TOKEN,
    "sparsity": structures.SPARSITY,
    "nonlinear": structures.NONLINEAR,
    "channel": structures.CHANNEL,
}


@dataclass(frozen=True)
class LivClass:
    """What a name of the alphabet means.

    name: its own, which is what genomes and comparisons go by: "SA-3".
    words: token, sparsity, nonlinear and channel as the text says.
    defaults: values of the template's options that the class settles.
    repeat: copies of k and v. of: the class of which a differential one is made.
    alias: the prelude's other name that the text uses, "GQA", or "". It changes nothing
        but what people read.
    """

    name: str
    template: Template
    featurizer: FeaturizerGenome
    words: Mapping[str, str]
    defaults: Mapping[str, Quantity]
    span: Span = field(compare=False, repr=False)
    code: int | None = None
    repeat: int = 1
    of: "LivClass | None" = None
    alias: str = field(default="", compare=False)

    @property
    def written(self) -> str:
        """The name for people: that of the prelude which the text uses."""
        return self.alias or self.name

    @property
    def digits(self) -> tuple[int, ...] | None:
        """The operator genome, or None where a choice has no published number."""
        found = [self.featurizer.code]
        found += [CHOICES[choice][self.words[choice]].digit for choice in CHOICES]
        known = tuple(digit for digit in found if digit is not None)
        return known if len(known) == len(found) else None

    @property
    def groups(self) -> tuple[str, ...]:
        """The feature groups of the featurizer, in its order."""
        return self.featurizer.groups
