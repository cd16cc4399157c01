"""A template: the combination of structures that one operator of the IR realises."""

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property

from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.settings import Conflict
from starc.ir.operator import Operator
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Template:
    """What is realised, what it may be told, and how it is built.

    kind: of the operator. title: what people call it. stem: default word for labels.
    colour, legend: of its boxes in pictures, `#rrggbb`, and the words beside it.
    groups, optional: the featurizer's feature groups, and those it may have besides.
    token, sparsity, nonlinear, channel: of the operator genome; filter, features_token,
        features_nonlinear: of the featurizer. The words that are realised.
    options: what a use may be told, in the order of the reference.
    expand, repeat: which option the featurizer's numbers of a group set.
    conflicts: options that exclude one another.
    flags: optional group -> the option that says whether it is there.
    nonlinear_option: the option that the nonlinearity of T sets, if any;
        features_option the same for the featurizer's.
    fits: group -> the fields that must agree for one LIV to take it from another.
    """

    kind: str
    title: str
    stem: str
    colour: str
    legend: str
    groups: tuple[str, ...]
    token: str
    channel: str
    operator: type[Operator]
    build: Callable[[ResolvedOptions], Operator]
    options: tuple[Option, ...]
    fits: Mapping[str, tuple[str, ...]]
    expand: Mapping[str, str]
    optional: tuple[str, ...] = ()
    sparsity: tuple[str, ...] = ("none",)
    nonlinear: tuple[str, ...] = ("none",)
    features_token: tuple[str, ...] = ("diagonal",)
    features_nonlinear: tuple[str, ...] = ("none",)
    filter: str = "none"
    repeat: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    nonlinear_option: str = ""
    features_option: str = ""

    @cached_property
    def by_name(self) -> dict[str, Option]:
        return {option.name: option for option in self.options}

    @cached_property
    def option_of_field(self) -> dict[str, str]:
        """Field of the operator -> the first option that sets it."""
        found: dict[str, str] = {}
        for option in self.options:
            found.setdefault(option.field or option.name, option.name)
        return found
