"""Options: what a LIV, a structure or the model block may be told, a row each."""

from collections.abc import Iterable
from fractions import Fraction
from math import isfinite

from starc.alphabet.near import near
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.numerals import numeral
from starc.source import Span
from starc.values import dataclass

Quantity = int | Fraction | bool | str
"""A value as read: whole, exact (8/3, 1e-5), true or false, or a word."""


@dataclass(frozen=True)
class Option:
    """One row: what may be said, what it means, and what holds if nothing is said.

    type: "whole", "number", "flag", "word", or "list": one of some lists of words.
    default: None where it follows from other numbers; `derived` then says how.
    low, high: the range of a whole or other number, both included.
    choices: of a word. yes: the one that `true` means; `false` means none.
    none: `none` may be said too, and means 0.
    words: that may be said instead of a number, for one that follows.
    assumption: what the published sources leave open and we settled.
    field: of the operator's dataclass, where it is not called as the option.
    """

    name: str
    type: str
    meaning: str
    default: Quantity | None = None
    derived: str = ""
    low: float = 1
    high: float = 1
    choices: tuple[str, ...] = ()
    yes: str = ""
    none: bool = False
    words: tuple[str, ...] = ()
    assumption: str = ""
    field: str = ""

    @property
    def takes(self) -> str:
        """`a whole number from 2 to 16`."""
        if self.type == "flag":
            return "true or false"
        if self.type in ("word", "list"):
            flag = f"; true is {self.yes}" if self.yes else ""
            return one_of(self.choices) + flag
        kind = "whole number" if self.type == "whole" else "number"
        text = f"a {kind} from {numeral(self.low)} to {numeral(self.high)}"
        return one_of((*(("none",) if self.none else ()), *self.words, text))

    @property
    def sentence(self) -> str:
        meaning = f" ({self.meaning})" if self.meaning else ""
        return f"`{self.name}`{meaning} takes {self.takes}."


@dataclass(frozen=True)
class Given:
    """A value and the place where it was written."""

    value: Quantity
    span: Span


Givens = dict[str, Given]


def one_of(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def read(option: Option, value: ast.Value, problems: Problems) -> Quantity | None:
    """The value that was written for an option, or None with a problem added."""
    if option.type == "flag" and isinstance(value, ast.Bool):
        return value.value
    if option.yes and isinstance(value, ast.Bool):
        return option.yes if value.value else "none"
    if option.type == "word" and isinstance(value, ast.Name):
        if value.text in option.choices:
            return value.text
        suggestion = near(value.text, option.choices, problems)
        _wrong(option, value, suggestion or "unknown word", problems)
        return None
    if option.type == "list":
        text = _listed(value)
        if text in option.choices:
            return text
    if option.type in ("whole", "number"):
        if option.none and isinstance(value, ast.Name) and value.text == "none":
            return 0
        if isinstance(value, ast.Name) and value.text in option.words:
            return value.text
        if isinstance(value, ast.Number):
            return _number(option, value, problems)
    _wrong(option, value, f"expected {option.takes}", problems)
    return None


def _listed(value: ast.Value) -> str:
    """`[a, b]`; of a list of one its word, as if it stood alone."""
    if isinstance(value, ast.Name):
        return value.text
    if not isinstance(value, ast.List):
        return ""
    words = [item.text if isinstance(item, ast.Name) else "?" for item in value.items]
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _number(option: Option, number: ast.Number, problems: Problems) -> Quantity | None:
    value = number.value
    if isinstance(value, float) and not isfinite(value):
        _wrong(option, number, "not a finite number", problems)
        return None
    if value == 0 and option.none:
        return 0
    if not option.low <= value <= option.high:
        problems.add(
            "out-of-range",
            f"`{option.name}` is out of range",
            number.span,
            "too small" if value < option.low else "too large",
            option.sentence,
        )
        return None
    exact = Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    if exact.denominator == 1:
        return exact.numerator
    if option.type == "whole":
        _wrong(option, number, "not a whole number", problems)
        return None
    return exact


def _wrong(option: Option, value: ast.Value, label: str, problems: Problems) -> None:
    problems.add(
        "wrong-value",
        f"Wrong value for `{option.name}`",
        value.span,
        label,
        option.sentence,
    )
