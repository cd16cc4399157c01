"""Rotary positions in a configuration: one field today, four in older files."""

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction
from typing import Any

from starc.artefacts import ArtefactError, real
from starc.values import dataclass
from starc.zoo.field import Field
from starc.zoo.values import Values, Word, word

_OLDER = ("rope_theta", "rope_scaling", "partial_rotary_factor", "rotary_pct")
_NUMBERS = {"rope_theta", "partial_rotary_factor"}


@dataclass(frozen=True)
class Rope(Field):
    """`rope_parameters`, or rope_theta, rope_scaling and partial_rotary_factor.

    theta, fraction: where nothing is said. Says `model.positions`; the channels of a
    head that turn are rounded down, as theirs are.
    """

    theta: float = 10_000.0
    fraction: float = 1.0

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, *_OLDER)

    def read(
        self, name: str, given: Mapping[str, Any], values: Values
    ) -> dict[str, Any]:
        found = given.get("rope_scaling") or given.get(name) or {}
        older = {key: given[key] for key in _NUMBERS if given.get(key) is not None}
        if given.get("rotary_pct") is not None:
            older["partial_rotary_factor"] = given["rotary_pct"]
        usual = {"rope_theta": self.theta, "partial_rotary_factor": self.fraction}
        return one_rotation(found, {**usual, **older}, name, values)

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        return {"model.positions": positions(value)}


def head_channels(values: Values) -> int:
    """Channels of a head, which share the width where nothing else is said."""
    if values.get("head_dim") is not None:
        return int(values["head_dim"])
    return int(values["hidden_size"]) // int(values["num_attention_heads"])


def one_rotation(
    found: Any,
    usual: Mapping[str, Any],
    name: str,
    values: Values,
    kinds: tuple[str, ...] = ("default",),
) -> dict[str, Any]:
    """theta, the part of a head that turns, and `dims`, as many of its channels."""
    if not isinstance(found, dict):
        raise ArtefactError(f"{name} is no object")
    found = {**usual, **found}
    kind = found.pop("rope_type", found.pop("type", "default"))
    found.pop("type", None)
    if kind not in kinds:
        raise ArtefactError(f"{name}.rope_type = {str(kind)[:40]}: it has no word")
    for key in found.keys() - _NUMBERS:
        raise ArtefactError(f"{name}.{str(key)[:40]}: this field is not known")
    theta = real(found["rope_theta"], f"{name}.rope_theta", 1, 1e12)
    part = f"{name}.partial_rotary_factor"
    fraction = real(found.get("partial_rotary_factor", 1.0), part, 0, 1)
    channels = head_channels(values)
    dims = int(channels * fraction)
    if kind == "proportional":
        dims = 2 * int(fraction * channels // 2)
        theta = theta ** (dims / channels)
    return {"theta": theta, "fraction": Fraction(dims, channels), "dims": dims}


def positions(value: Mapping[str, Any]) -> Word:
    fraction = value["fraction"] if value["fraction"] != 1 else None
    return word("rope", theta=value["theta"], fraction=fraction)


@dataclass(frozen=True)
class ByType(Field):
    """`rope_parameters` with an object for each kind of layer.

    usual: by kind. Older files have rope_theta and rope_scaling for full attention, and
    rope_local_base_freq for that with a window. Says `model.positions` for the first
    kind, and options of `local` for the second.
    """

    usual: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, "rope_theta", "rope_scaling", "rope_local_base_freq")

    def read(
        self, name: str, given: Mapping[str, Any], values: Values
    ) -> dict[str, Any]:
        found = given.get(name) or {}
        if not isinstance(found, dict):
            raise ArtefactError(f"{name} is no object")
        for kind in found.keys() - self.usual.keys():
            raise ArtefactError(f"{name}.{str(kind)[:40]}: this field is not known")
        full, local = self.usual
        older: dict[str, dict[str, Any]] = {full: {}, local: {}}
        if given.get("rope_theta") is not None:
            older[full]["rope_theta"] = given["rope_theta"]
        if given.get("rope_local_base_freq") is not None:
            older[local]["rope_theta"] = given["rope_local_base_freq"]
        if given.get("rope_scaling") is not None:
            found = {**found, full: given["rope_scaling"]}
        return {
            kind: self._one(found, kind, older, name, values) for kind in self.usual
        }

    def _one(
        self,
        found: Mapping[str, Any],
        kind: str,
        older: Mapping[str, Mapping[str, Any]],
        name: str,
        values: Values,
    ) -> dict[str, Any]:
        usual = self.usual[kind]
        kinds = ("default", str(usual.get("rope_type", "default")))
        stated = found.get(kind)
        if stated is None:  # all of it is as usual
            stated, usual = {}, {**usual, **older[kind]}
        else:
            usual = {"rope_theta": usual["rope_theta"], **older[kind]}
        return one_rotation(stated, usual, f"{name}.{kind}", values, kinds)

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        full, local = (value[kind] for kind in self.usual)
        return {
            "model.positions": positions(full),
            "local.rope_theta": local["theta"],
            "local.rope_fraction": local["fraction"],
        }


def by_type(usual: Mapping[str, Mapping[str, Any]]) -> ByType:
    return ByType(check=lambda found, name: found, usual=usual)


def rope(theta: float = 10_000.0, fraction: float = 1.0) -> Rope:
    return Rope(check=lambda found, name: found, theta=theta, fraction=fraction)
