"""Bytes to text."""

import pytest

from starc.diagnostics import Problems, render
from starc.frontend.load import load
from starc.frontend.parse import LARGEST


def test_text() -> None:
    problems = Problems()
    source = load("a.star", b"\xef\xbb\xbfmodel {\r\n a = 1 }\r\n", problems)
    assert source is not None and not problems
    assert source.text == "model {\n a = 1 }\n" and source.name == "a.star"


@pytest.mark.parametrize(
    "data, place, offset",
    [
        (b"abc\xff", "a.star:1:4", 3),
        ("é\r\nab".encode() + b"\xc3(", "a.star:2:3", 6),
        ("model".encode("utf-16"), "a.star:1:1", 0),
    ],
)
def test_other_encodings(data: bytes, place: str, offset: int) -> None:
    problems = Problems()
    assert load("a.star", data, problems) is None
    (found,) = problems
    assert found.code == "not-utf8" and found.span.place == place
    assert f"offset {offset}" in found.label and render(found)
    assert ("UTF-16" in found.hint) == (offset == 0)


def test_a_file_too_large() -> None:
    problems = Problems()
    assert load("a.star", b"\xff" * (LARGEST + 1), problems) is None
    assert [found.code for found in problems] == ["too-large"]
    assert all(render(found) for found in problems)
