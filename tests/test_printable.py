"""Names as they are shown: one line, whatever they hold."""

import os

from hypothesis import given
from hypothesis import strategies as st

from starc.diagnostics import Problems, render
from starc.frontend.parse import parse
from starc.printable import printable
from starc.resize.scale import scale
from starc.source import Source

TEXT = "model m { width = 64 }\nbackbone { SA-1 }\n"
NAMES = st.text(st.characters(), min_size=1, max_size=40)  # surrogates too


def test_what_is_hidden_is_written_out() -> None:
    assert printable("a b/é.star") == "a b/é.star"
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert printable("a\u202eb\u2028") == "a\\u202eb\\u2028"
    assert printable(os.fsdecode(b"a\xff.star")) == "a\\xff.star"


@given(NAMES)
def test_it_is_one_line_that_can_be_encoded(name: str) -> None:
    shown = printable(name)
    assert shown.encode() and len(shown.splitlines()) == 1
    assert printable(shown) == shown


@given(NAMES)
def test_a_place_is_one_line(name: str) -> None:
    problems = Problems()
    parse(Source(name, "model {"), problems)
    for found in problems:
        first = render(found).encode().decode().split("\n")
        assert f"{printable(name)}:1:" in first[1]


@given(NAMES)
def test_a_scaled_text_compiles_whatever_its_file_is_called(name: str) -> None:
    text = scale(Source(name, TEXT), 128, 2)
    assert scale(Source("b.star", text), 64, 1)
