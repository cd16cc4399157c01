"""What is read from outside has to fit what it is for: types and ranges."""

import json
import math
from collections.abc import Iterable
from typing import Any

from starc.numerals import numeral


class ArtefactError(ValueError):
    """What a file holds is not what starc writes there; names file and field."""


def parse_json(text: str) -> Any:
    """`json.loads`, whose every failure is a ValueError: deep nesting too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def integer(found: Any, name: str, low: int, high: int) -> int:
    """`found` if it is one from low to high. ArtefactError names the field."""
    if isinstance(found, bool) or not isinstance(found, int):
        raise ArtefactError(f"{name} is no whole number")
    if not low <= found <= high:
        raise ArtefactError(f"{name} is outside of {low} to {high}")
    return found


def real(found: Any, name: str, low: float, high: float) -> float:
    """`found` as a float, if it is a number from low to high, not NaN."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ArtefactError(f"{name} is no number")
    if not low <= found <= high or math.isnan(found):
        raise ArtefactError(f"{name} is outside of {numeral(low)} to {numeral(high)}")
    return float(found)


def boolean(found: Any, name: str) -> bool:
    """`found` if it is true or false."""
    if not isinstance(found, bool):
        raise ArtefactError(f"{name} is neither true nor false")
    return found


def string(found: Any, name: str, most: int = 4096) -> str:
    """`found` if it is a text of at most so many characters."""
    if not isinstance(found, str):
        raise ArtefactError(f"{name} is no text")
    if len(found) > most:
        raise ArtefactError(f"{name} has more than {most} characters")
    return found


def one_of(found: Any, name: str, words: Iterable[str]) -> str:
    """`found` if it is one of some words."""
    if found not in (known := tuple(words)):
        raise ArtefactError(f"{name} is none of {', '.join(known)}")
    return str(found)
