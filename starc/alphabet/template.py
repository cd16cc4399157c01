"""A template: the combination of structures that one operator of the IR realises."""

from collections.abc import Callable
from functools import cached_property

from starc.alphabet.common import SHIFT
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.settings import Conflict
from starc.ir.operator import Operator
from starc.values import dataclass


@dataclass(frozen=True)
class Feature:
    """A feature group that a featurizer may have: one row a group, in their order.

    expand: the option that the featurizer's `expand` of it sets; "": it has 1.
    fits: fields of the operator that must agree for a LIV to take it from another,
        besides those that the group's width and its convolution follow from.
    repeats: the featurizer's `repeat` copies it. flag: the option that says whether it
        is there, true or another word than none; "": it always is. source: the option
        that the featurizer's `source` of it sets; "": it is always of the input.
    latent: the option that sets its rank; "": it never is one.
    """

    name: str
    expand: str
    fits: tuple[str, ...] = ()
    repeats: bool = False
    flag: str = ""
    source: str = ""
    latent: str = ""


@dataclass(frozen=True, kw_only=True)
class Template:
    """What is realised, what it may be told, and how it is built.

    kind: of the operator. title: what people call it. stem: default word for labels.
    colour, legend: of its boxes in pictures, `#rrggbb`, and the words beside it.
    features: the featurizer's feature groups. instead: what an option puts in the place
        of some of these.
    token, sparsity, nonlinear, channel: of the operator genome; filter, features_token,
        features_nonlinear: of the featurizer. The words that are realised.
    features_latent: the groups that have to be latent.
    options: what a use may be told, in the order of the reference.
    conflicts: options that exclude one another.
    nonlinear_option: the option that the nonlinearity of T sets, if any;
        features_option the same for the featurizer's.
    """

    kind: str
    title: str
    stem: str
    colour: str
    legend: str
    features: tuple[Feature, ...]
    token: str
    channel: str
    operator: type[Operator]
    build: Callable[[ResolvedOptions], Operator]
    options: tuple[Option, ...]
    sparsity: tuple[str, ...] = ("none",)
    nonlinear: tuple[str, ...] = ("none",)
    features_token: tuple[str, ...] = ("diagonal",)
    features_nonlinear: tuple[str, ...] = ("none",)
    features_latent: tuple[str, ...] = ()
    filter: str = "none"
    conflicts: tuple[Conflict, ...] = ()
    nonlinear_option: str = ""
    features_option: str = ""
    instead: tuple[Feature, ...] = ()

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The feature groups that are always there."""
        return tuple(feature.name for feature in self.features if not feature.flag)

    @cached_property
    def flags(self) -> dict[str, str]:
        """The other groups -> the option that says whether one is there."""
        return {feature.name: feature.flag for feature in self.features if feature.flag}

    @cached_property
    def expand(self) -> dict[str, str]:
        return {feature.name: feature.expand for feature in self.features}

    @cached_property
    def fits(self) -> dict[str, tuple[str, ...]]:
        every = (*self.features, *self.instead)
        return {feature.name: feature.fits for feature in every}

    @cached_property
    def repeat(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features if feature.repeats)

    @cached_property
    def by_name(self) -> dict[str, Option]:
        return {option.name: option for option in self.options}

    @cached_property
    def shifts(self) -> bool:
        """Whether its projections may read the token before too."""
        return SHIFT.name in self.by_name

    @cached_property
    def option_of_field(self) -> dict[str, str]:
        """Field of the operator -> the first option that sets it."""
        found: dict[str, str] = {}
        for option in self.options:
            found.setdefault(option.field or option.name, option.name)
        return found
