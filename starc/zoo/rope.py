"""Rotary positions in a configuration: one field today, four in older files."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from starc.artefacts import ArtefactError, real
from starc.values import dataclass
from starc.zoo.field import Field
from starc.zoo.values import Values, word

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
        if not isinstance(found, dict):
            raise ArtefactError(f"{name} is no object")
        older = {key: given[key] for key in _NUMBERS if given.get(key) is not None}
        if given.get("rotary_pct") is not None:
            older["partial_rotary_factor"] = given["rotary_pct"]
        found = {"rope_theta": self.theta, **older, **found}
        found.setdefault("partial_rotary_factor", self.fraction)
        kind = found.pop("rope_type", found.pop("type", "default"))
        found.pop("type", None)
        if kind != "default":
            raise ArtefactError(f"{name}.rope_type = {str(kind)[:40]}: it has no word")
        for key in found.keys() - _NUMBERS:
            raise ArtefactError(f"{name}.{str(key)[:40]}: this field is not known")
        return {
            "theta": real(found["rope_theta"], f"{name}.rope_theta", 1, 1e12),
            "fraction": real(
                found["partial_rotary_factor"], f"{name}.partial_rotary_factor", 0, 1
            ),
        }

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        channels = head_channels(values)
        turned = Fraction(int(channels * value["fraction"]), channels)
        return {
            "model.positions": word(
                "rope",
                theta=value["theta"],
                fraction=turned if turned != 1 else None,
            )
        }


def head_channels(values: Values) -> int:
    """Channels of a head, which share the width where nothing else is said."""
    if values.get("head_dim") is not None:
        return int(values["head_dim"])
    return int(values["hidden_size"]) // int(values["num_attention_heads"])


def rope(theta: float = 10_000.0, fraction: float = 1.0) -> Rope:
    return Rope(check=lambda found, name: found, theta=theta, fraction=fraction)
