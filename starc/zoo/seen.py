"""What a model says, in the words of a family: a table of fields, read backwards."""

from collections.abc import Callable, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Any, cast

from starc.alphabet import Option, template_of
from starc.alphabet.around import AROUND
from starc.ir.nodes import Liv, Model
from starc.ir.operator import Operator
from starc.ir.residual import AND_EMBEDDING, LEARNED, STREAM, Residual
from starc.ir.rope import Rope
from starc.values import dataclass

SILENT: Any = ...
"""Of a field: the model says nothing of it, so that its default is as good as any."""


class Unlike(Exception):
    """The model has what no configuration of the family has; says what."""


@dataclass(frozen=True)
class Instance:
    """A LIV of the model as a part of a layer: the addresses that speak of it.

    own: what the part always says, which no field can.
    """

    roles: tuple[str, ...]
    own: Mapping[str, Any]
    liv: Liv
    residual: Residual


@dataclass(frozen=True)
class Seen:
    """A model laid out in layers of a family.

    layers: kind of each. instances: its LIVs, in order of depth. said: every address
    that some field speaks to. values: of the fields above, as they were found.
    """

    model: Model
    layers: tuple[str, ...]
    instances: tuple[Instance, ...]
    said: frozenset[str]
    values: dict[str, Any] = field(default_factory=dict)

    def at(self, address: str) -> Any:
        """What the model has there; None: none, or that which follows by itself.

        SILENT: no LIV speaks of it. Raises Unlike where two of them say two things.
        """
        name, _, option = address.partition(".")
        if name == "model" and option not in AROUND:
            return _of_model(self.model)[option]
        found = [
            value
            for one in self.instances
            if name == "model" or name in one.roles
            for value in [self._said(one, name, option)]
            if value is not SILENT
        ]
        if not found:
            return SILENT
        for other in found:
            if other != found[0]:
                raise Unlike(f"{address} is {_shown(found[0])}, and {_shown(other)}")
        return found[0]

    def _said(self, one: Instance, name: str, option: str) -> Any:
        """The value of an option, where this address has the last word on it."""
        later = one.roles[one.roles.index(name) + 1 :] if name in one.roles else ()
        if option in one.own or any(f"{role}.{option}" in self.said for role in later):
            return SILENT
        return options_of(one.liv.operator, one.residual).get(option, SILENT)

    def rotations(self, *roles: str, without: str = "") -> set[tuple[Rope, int]]:
        """Rotations, and the channels of a head that may turn, of LIVs with one of
        these roles."""
        return {
            (rope, getattr(operator, "rope_dims", 0) or operator.head_dim)
            for one in self.instances
            if (not roles or {*roles} & {*one.roles}) and without not in one.roles
            for operator in [cast(Any, one.liv.operator)]
            for rope in [getattr(operator, "rope", None)]
            if rope is not None
        }

    def has(self, kind: str) -> bool:
        """Whether a layer is of this kind, the first of its words."""
        return any(one.partition(" ")[0] == kind for one in self.layers)


def or_one(address: str) -> Callable[[Seen], int]:
    """How many there are; of a model without such LIVs 1, which fits any width."""
    return lambda seen: 1 if (found := seen.at(address)) is SILENT else int(found)


def options_of(operator: Operator, residual: Residual) -> dict[str, Any]:
    """Option -> what holds of a LIV. None: none, or what follows from other numbers.

    Options that two of the operator's numbers would have to be taken apart for, as the
    words of a rotation, are not there.
    """
    found: dict[str, Any] = {
        "placement": residual.placement,
        "residual_scale": residual.scale,
        "skip_scale": residual.skip,
        "input_scale": LEARNED if residual.learned_input else residual.input,
        "input": AND_EMBEDDING if residual.entered else STREAM,
        "output": residual.output,
        "lora": operator.lora or None,
        "lora_down": "one" if operator.lora_one else "each",
    }
    for option in template_of(operator.kind).options:
        name = option.field or option.name
        if name == "bias_except":
            group = option.name.removesuffix("_bias")
            if any(one.name == group for one in operator.groups):
                found[option.name] = operator.biased(group)
        elif option.name == "rope":
            found["rope"] = operator.rope is not None  # type: ignore[attr-defined]
        elif name == "inner":
            found[option.name] = Fraction(operator.inner, operator.width)
        elif name != "rope" and hasattr(operator, name) and option.name != "expand":
            found[option.name] = _option(option, getattr(operator, name))
    return found


def _option(option: Option, value: Any) -> Any:
    if option.type == "word" and isinstance(value, bool):
        return option.choices[value]
    if option.type == "word":
        return value or "none"
    if option.type in ("whole", "number") and value == 0:
        return None
    return value


def _of_model(model: Model) -> dict[str, Any]:
    return {
        "width": model.width,
        "vocab": model.vocab,
        "context": model.context,
        "tied": model.tied,
        "head_bias": model.head_bias,
        "norm": model.norm.kind,
        "eps": model.norm.eps,
        "embedding_scale": model.embedding_scale,
        "logit_scale": model.logit_scale,
        "logit_softcap": model.logit_softcap or None,
    }


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
