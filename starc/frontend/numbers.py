"""The value of a number as written: `50_304`, `8/3`, `1e6`, `130M`."""

from fractions import Fraction
from math import isinf

_SUFFIXES = {"K": 1_000, "M": 1_000_000, "B": 1_000_000_000}
SECONDS = {"s": Fraction(1), "ms": Fraction(1, 1_000), "us": Fraction(1, 1_000_000)}
"""Of the units of time."""

_LONGEST = 40
"""Digits enough for every quantity of a model; beyond, int() takes quadratic time."""


def value_of(text: str) -> int | float | Fraction:
    """The value; ValueError, with the reason in words, where there is none.

    Whole numbers are ints, however they are written (`8/4`, `1.5K`), except for `1e6`,
    which is a float as in Python.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"a number has at most {_LONGEST} characters")
    if "/" in text:
        over, under = text.split("/")
        if not int(under):
            raise ValueError("nothing can be divided by zero")
        return _whole(Fraction(int(over), int(under)))
    if text[-1] in _SUFFIXES:
        return _whole(Fraction(text[:-1]) * _SUFFIXES[text[-1]])
    if not any(mark in text for mark in ".eE"):
        return int(text)
    value = float(text)
    if isinf(value):
        raise ValueError("this is larger than any floating point number")
    return value


def _whole(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
