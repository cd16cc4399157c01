"""What ends a line for a reader ends it for the lexer, or is refused."""

import pytest

from starc.diagnostics import Problems, render
from starc.frontend.load import load
from starc.frontend.parse import parse
from starc.source import Source

OTHERS = sorted(c for c in map(chr, range(0x11000)) if len(f"a{c}b".splitlines()) > 1)
OTHERS.remove("\n")


def problems_of(text: str) -> Problems:
    problems = Problems()
    parse(Source("test.star", text), problems)
    return problems


@pytest.mark.parametrize("end", OTHERS, ids=ascii)
@pytest.mark.parametrize(
    "text",
    [
        "backbone {{\n  GConv-1 # first{}  SA-1(heads = 2)\n}}\n",
        "backbone {{\n  GConv-1 # first{} \n}}\n",
        "backbone {{\n  GConv-1{}weights from a\n}}\n",
        "backbone {{\n  SA-1(heads{}= 2)\n}}\n",
        "# the file{}",
    ],
)
def test_other_line_ends_are_refused(end: str, text: str) -> None:
    whole = text.format(end)
    found = list(problems_of(whole))
    assert [d.code for d in found] == ["bad-character"]
    assert found[0].span.start == whole.index(end)
    assert f"U+{ord(end):04X}" in render(found[0])
    assert "line feed" in found[0].hint


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_all_systems(end: str) -> None:
    text = end.join(["# one", "", "backbone {", "  SA-1 # two", "", "  GQA;", "}", ""])
    assert not problems_of(text)
    problems = Problems()
    source = load("test.star", text.encode(), problems)
    assert source is not None and not problems
    assert source.text == text.replace("\r\n", "\n")
