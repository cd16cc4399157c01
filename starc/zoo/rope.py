"""Rotary positions in a configuration: one field today, four in older files."""

import math
from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction
from typing import Any

from starc.artefacts import ArtefactError, boolean, real
from starc.ir.rope import Rope as Rotation
from starc.values import dataclass
from starc.zoo.field import Field, shortest
from starc.zoo.seen import SILENT, Seen, Unlike
from starc.zoo.values import Values, Word

_OLDER = ("rope_theta", "rope_scaling", "partial_rotary_factor")
_NEOX = ("rotary_emb_base", "rotary_pct")
_NUMBERS = {"rope_theta", "partial_rotary_factor"}
_CONTEXT = "original_max_position_embeddings"


@dataclass(frozen=True)
class Rope(Field):
    """`rope_parameters`, or rope_theta, rope_scaling and partial_rotary_factor.

    theta, fraction: where nothing is said of them; otherwise: where nothing is said at
    all. adjacent: neighbours turn together. Says
    `model.positions`; the channels of a head that turn are rounded down, as theirs are.
    """

    theta: float = 10_000.0
    fraction: float = 1.0
    adjacent: bool = False
    otherwise: Mapping[str, Any] = field(default_factory=dict)

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, *_OLDER, *_NEOX)

    def read(
        self, name: str, given: Mapping[str, Any], values: Values
    ) -> dict[str, Any]:
        found = given.get("rope_scaling") or given.get(name) or self.otherwise
        older = {key: given[key] for key in _NUMBERS if given.get(key) is not None}
        if given.get("rotary_emb_base") is not None:
            older["rope_theta"] = given["rotary_emb_base"]
        if given.get("rotary_pct") is not None:
            older["partial_rotary_factor"] = given["rotary_pct"]
        usual = {"rope_theta": self.theta, "partial_rotary_factor": self.fraction}
        return one_rotation(found, {**usual, **older}, name, values, self.adjacent)

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        return {"model.positions": positions(value)}

    def back(self, seen: Seen) -> Any:
        return rotation_of(seen.rotations(), self.fraction)


def rotation_of(found: set[tuple[Rotation, int]], fraction: float = 1.0) -> Any:
    """The object that means a rotation; fraction: where the object says none."""
    if not found:
        return SILENT
    if len(found) > 1:
        raise Unlike(f"{len(found)} rotations, where all layers have one")
    ((rotation, channels),) = found
    scaling = rotation.scaling
    if scaling is None:
        kind = "proportional" if rotation.spread else "default"
    else:
        kind = scaling.kind
    said: dict[str, Any] = {"rope_type": kind, "rope_theta": rotation.theta}
    dims = rotation.dims
    if dims != int(channels * fraction) or fraction != 1:
        said["partial_rotary_factor"] = shortest(
            dims / channels, lambda part: int(channels * part) == dims
        )
    if scaling is not None:
        said["factor"] = scaling.factor
    if scaling is not None and kind != "linear":
        slow, fast = _ENDS[kind]
        said |= {_CONTEXT: scaling.context, slow: scaling.slow, fast: scaling.fast}
    if kind == "yarn":
        assert scaling is not None
        said["truncate"] = scaling.whole
        if rotation.amplitude != 1.0 + 0.1 * math.log(max(scaling.factor, 1.0)):
            said["attention_factor"] = rotation.amplitude
    return said


def head_channels(values: Values) -> int:
    """Channels of a head, which share the width where nothing else is said."""
    if values.get("head_dim") is not None:
        return int(values["head_dim"])
    return int(values["hidden_size"]) // int(values["num_attention_heads"])


_KEYS = {
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", _CONTEXT),
    "yarn": (
        "factor",
        "beta_fast",
        "beta_slow",
        "truncate",
        "attention_factor",
        _CONTEXT,
    ),
    "proportional": (),
}
"""Their names of rotations, and the fields that each has."""

_ENDS = {
    "llama3": ("low_freq_factor", "high_freq_factor"),
    "yarn": ("beta_slow", "beta_fast"),
}
"""The fields that are `slow` and `fast`."""


def one_rotation(
    found: Any,
    usual: Mapping[str, Any],
    name: str,
    values: Values,
    adjacent: bool = False,
) -> dict[str, Any]:
    """The words of the language for one rotation of theirs; None: not said."""
    if not isinstance(found, dict):
        raise ArtefactError(f"{name} is no object")
    found = {**usual, **{key: one for key, one in found.items() if one is not None}}
    kind = found.pop("rope_type", found.pop("type", "default"))
    found.pop("type", None)
    if not isinstance(kind, str) or kind not in _KEYS:
        raise ArtefactError(f"{name}.rope_type = {str(kind)[:40]}: it has no word")
    if kind in ("default", "linear", "proportional"):
        found.pop(_CONTEXT, None)
    for key in found.keys() - _NUMBERS - {*_KEYS[kind]}:
        raise ArtefactError(f"{name}.{str(key)[:40]}: this field is not known")

    def number(key: str, default: float | None, low: float = 1e-3) -> Any:
        if key not in found and default is not None:
            return default
        return real(found.get(key), f"{name}.{key}", low, 1e12)

    channels = head_channels(values)
    if not channels:
        raise ArtefactError(f"{name}: more heads of attention than channels")
    fraction = number("partial_rotary_factor", 1.0, 0.0)
    dims = int(channels * fraction)
    if kind == "proportional":
        dims = 2 * int(fraction * channels // 2)
    words: dict[str, Any] = {
        "theta": number("rope_theta", None, 1.0),
        "fraction": Fraction(dims, channels),
        "spread": "head" if kind == "proportional" else "turned",
        "pairs": "adjacent" if adjacent else "halves",
        "scaling": kind if kind in ("linear", "llama3", "yarn") else "none",
    }
    if words["scaling"] != "none":
        words["factor"] = number("factor", None)
    if kind in _ENDS:
        slow, fast = _ENDS[kind]
        usual_ends = (None, None) if kind == "llama3" else (1.0, 32.0)
        words["context"] = int(number(_CONTEXT, values["max_position_embeddings"], 1))
        words["slow"] = number(slow, usual_ends[0])
        words["fast"] = number(fast, usual_ends[1])
    if kind == "yarn":
        words["whole"] = boolean(found.get("truncate", True), f"{name}.truncate")
        if "attention_factor" in found:
            words["amplitude"] = number("attention_factor", None)
    return words


def positions(words: Mapping[str, Any]) -> Word:
    """`rope(...)`, with what is not as usual."""
    usual = {
        "theta": 10_000,
        "fraction": 1,
        "spread": "turned",
        "pairs": "halves",
        "scaling": "none",
    }
    said = {key: one for key, one in words.items() if usual.get(key) != one}
    return Word("rope", said)


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
        usual, stated = self.usual[kind], found.get(kind)
        if stated is None:  # all of it is as usual
            return one_rotation({}, {**usual, **older[kind]}, f"{name}.{kind}", values)
        usual = {"rope_theta": usual["rope_theta"], **older[kind]}
        if isinstance(stated, dict):  # theirs reads it beside the kinds, not in them
            stated = {key: one for key, one in stated.items() if key != "truncate"}
        return one_rotation(stated, usual, f"{name}.{kind}", values)

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        full, local = (value[kind] for kind in self.usual)
        if "amplitude" not in local:  # that of the full attention would hold
            grown = math.log(local["factor"]) if local["scaling"] == "yarn" else 0.0
            local = {**local, "amplitude": 1.0 + 0.1 * max(grown, 0.0)}
        own = {f"local.rope_{key}": one for key, one in local.items()}
        return {"model.positions": positions(full), **own}

    def back(self, seen: Seen) -> Any:
        full, local = self.usual
        found = {
            full: rotation_of(seen.rotations(without="local")),
            local: rotation_of(seen.rotations("local")),
        }
        for one in found.values():  # theirs reads it beside the kinds, not in them
            if one is not SILENT:
                one.pop("truncate", None)
        said = {kind: one for kind, one in found.items() if one is not SILENT}
        return said or SILENT


def by_type(usual: Mapping[str, Mapping[str, Any]]) -> ByType:
    return ByType(check=lambda found, name: found, usual=usual)


def rope(
    theta: float = 10_000.0,
    fraction: float = 1.0,
    adjacent: bool = False,
    otherwise: Mapping[str, Any] | None = None,
) -> Rope:
    return Rope(
        lambda found, name: found,
        theta=theta,
        fraction=fraction,
        adjacent=adjacent,
        otherwise=otherwise or {},
    )
