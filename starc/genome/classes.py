"""The LIV classes as a genome sees them: code, name, word for labels, groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from starc.genome.strategies import Groups


@dataclass(frozen=True)
class LivClass:
    """One value of gene 1. `operator`: the five digits of its operator genome."""

    code: int
    name: str
    stem: str
    groups: Groups
    operator: tuple[int, ...]
    featurizer: str


Classes = Mapping[int, LivClass]

_QKV, _BCX, _SCAN = ("q", "k", "v"), ("b", "c", "x"), ("z", "x", "b", "c", "dt")
_BASE = (
    ("SA-1", "attn", _QKV, "12123"),
    ("SA-2", "attn", _QKV, "22123"),
    ("SA-3", "attn", _QKV, "32123"),
    ("SA-4", "attn", _QKV, "42123"),
    ("Rec-1", "rec", _SCAN, "54111"),
    ("Rec-2", "rec", _SCAN, "64111"),
    ("GConv-1", "conv", _BCX, "73111"),
    ("GConv-2", "long_conv", _BCX, "83111"),
    ("GMemless", "mlp", ("gate", "up"), "91142"),
)


def _table() -> dict[int, LivClass]:
    classes = {}
    for code, (name, stem, groups, digits) in enumerate(_BASE, start=1):
        operator = tuple(map(int, digits))
        classes[code] = LivClass(code, name, stem, groups, operator, digits[0])
        if code <= 8:
            twin = LivClass(code + 9, f"{name}-Diff", stem, groups, operator, digits[0])
            classes[twin.code] = twin
    return dict(sorted(classes.items()))


CLASSES: Classes = _table()
