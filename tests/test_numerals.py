"""Numbers and words of messages: as the language writes them."""

import re
from fractions import Fraction
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starc.alphabet import prelude
from starc.diagnostics import Diagnostic, StarError, render
from starc.frontend.numbers import value_of
from starc.numerals import counted, numeral, written

FINITE = st.floats(1e-300, 1e300, allow_nan=False)


@given(st.integers(0, 10**18) | st.fractions(0, 10**6, max_denominator=10**18) | FINITE)
def test_numerals_are_numbers_of_the_language(value: int | float | Fraction) -> None:
    read = value_of(numeral(value))
    assert read == value or isclose(read, value, rel_tol=1e-5)
    if not isinstance(value, float):
        assert read == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e6, "1e6"), (10**6, "1e6"), (1e-5, "1e-5"), (131_072, "131_072"), (8.0, "8")],
)
def test_numerals(value: int | float, text: str) -> None:
    assert numeral(value) == text


def test_words() -> None:
    assert written(True) == "true"
    assert written("none") == "none"
    assert [counted(n, "head") for n in (0, 1, 2)] == ["0 heads", "1 head", "2 heads"]


def _told(text: str) -> tuple[Diagnostic, ...]:
    from starc import check

    try:
        return tuple(check(text))
    except StarError as error:
        return error.diagnostics


_BAD = re.compile(r"(?<![\w-])1 (head|channel|group|block|number|LIV)s\b|\de[+]|e-0\d")
SIZES = ("1", "3", "1e6", "1000000000000000", "0.3", "none", "true", "word")


@pytest.mark.parametrize("name", prelude().classes)
def test_messages_count_and_write_numbers_well(name: str) -> None:
    """Any parameter at odd values: no "1 heads", no "1e+06", no "none or none"."""
    options = prelude().classes[name].template.options
    uses = [f"{name}({o.name} = {value})" for o in options for value in SIZES]
    sharing = [f"{use} weights from a\n{use} same as a" for use in uses[:40]]
    for width in (1, 30):
        body = "\n".join([f"a: {name}", *uses, *sharing])
        text = (
            f"model m {{ width = {width}; positions = none }}\nbackbone {{\n{body}\n}}"
        )
        for found in _told(text):
            said = " ".join((found.title, found.label, found.text, found.hint))
            assert not _BAD.search(said), render(found)
            words = re.findall(r"\w+(?= or )", said), re.findall(r"(?<= or )\w+", said)
            assert all(a != b for a, b in zip(*words, strict=False)), render(found)
