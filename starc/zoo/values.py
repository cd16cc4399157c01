"""Values of the language that a configuration leads to, and how they are written."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from starc.values import dataclass

Values = Mapping[str, Any]
"""What the fields of a configuration hold, defaults included."""


@dataclass(frozen=True)
class Word:
    """`rope(theta = 1e6)`, or a word alone. Arguments that are None are left out."""

    name: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        inside = arguments(self.arguments)
        return f"{self.name}({inside})" if inside else self.name


def word(name: str, **arguments: Any) -> Word:
    return Word(name, arguments)


def arguments(options: Mapping[str, Any]) -> str:
    """`heads = 8, window = 1024`: what is not None."""
    return ", ".join(
        f"{name} = {written(value)}"
        for name, value in options.items()
        if value is not None
    )


def written(value: Any) -> str:
    """A value as a person writes it: 50_304, 1e6, 0.22, 1/8, true, rope(...)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, Fraction) and value.denominator == 1:
        return written(value.numerator)
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return str(value)


def _real(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of a model")
    if value == int(value) and abs(value) < 1e15:
        digits = str(int(value))
        short = digits.rstrip("0")
        zeros = len(digits) - len(short)
        return (
            f"{short}e{zeros}" if zeros > 4 and len(short) == 1 else written(int(value))
        )
    if value > 0 and math.frexp(value)[0] == 0.5 and value > 1e-4:
        return f"1/{int(1 / value)}"
    digits, e, power = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}" if e else digits
