"""One mistake is one error: a stray token anywhere spoils nothing around it.

`check` is asked, so that what follows from a mistake in names and numbers counts too.
"""

import re
from pathlib import Path
from random import Random

import pytest

from starc.compiler import check
from starc.diagnostics import Problems
from starc.frontend.ast import Backbone
from starc.frontend.characters import LINE_ENDS
from starc.frontend.parse import parse
from starc.source import Source

TEXT = """model m {
  width = 64
}
featurizer f {
  groups = [q]
}
backbone {
  2 x {
    SA-1
    parallel {
      GConv-1
    }
  }
}
search {
  minimize params
}
"""
CLOSED = [place + 1 for place, mark in enumerate(TEXT) if mark == "}"]


@pytest.mark.parametrize("place", CLOSED)
@pytest.mark.parametrize("stray", ["@", "$ $", "=", ":", ",", "<", "5", "word", "true"])
@pytest.mark.parametrize("space", ["", " "])
def test_a_stray_token_after_a_block(place: int, stray: str, space: str) -> None:
    problems = Problems()
    text = TEXT[:place] + space + stray + TEXT[place:]
    program = parse(Source("test.star", text), problems)
    assert len(problems.found) == 1
    told = problems.found[0].span
    first = place + len(space)
    assert place <= told.start <= first + len(stray)
    assert len(program.items) + len(program.broken) >= 4


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.star"))
STRAYS = [
    *("@", "$", ".", "-", "=", ":", ",", "<=", ";", "\n", "(", ")", "[", "]", "{", "}"),
    *("5", "8/3", "word", "true", "x", "from", "same", "parallel", "m:f"),
    *("model", "liv", "featurizer", "backbone", "search"),
]
WORD = re.compile(
    r"#[^\n]*|[A-Za-z_][\w-]*(:\w+)?|\d[\d_./]*(e-?\d+)?[KMB]?|[<>=]=?|[^\s\w]|\n"
)


def places(text: str) -> list[int]:
    """Before and after each word, but not in comments."""
    words = list(WORD.finditer(text))
    ends = {word.end() for word in words if word.group()[0] == "#"}
    edges = {edge for word in words for edge in word.span()}
    return sorted(edges - ends)


def one_error(path: Path, place: int, stray: str) -> None:
    """One at most: a stray `;`, a line end and some commas are no mistake."""
    text = path.read_text(encoding="utf-8")
    wrong = f"{text[:place]} {stray} {text[place:]}"
    told = [f"{found.code}: {found.label}" for found in check(wrong)]
    around = f"{path.name}: {text[:place][-30:]}<{stray}>{text[place:][:30]}"
    assert len(told) <= 1, (around, told)
    assert told or stray in (";", "\n", ","), around


CASES = [
    (path, place, stray)
    for path in EXAMPLES
    for place in places(path.read_text(encoding="utf-8"))
    for stray in STRAYS
]


@pytest.mark.parametrize("seed", range(4))
def test_a_stray_token_anywhere(seed: int) -> None:
    for path, place, stray in Random(seed).sample(CASES, 500):
        one_error(path, place, stray)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_stray_token_anywhere(path: Path) -> None:
    for case in CASES:
        if case[0] == path:
            one_error(*case)


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sign", ["@", "$"])
def test_a_sign_that_no_word_has(sign: str, step: int) -> None:
    """At any position, within words too: what it spoils is not missed elsewhere."""
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        for place in range(0, len(text) + 1, step):
            if "#" in text[text.rfind("\n", 0, place) + 1 : place]:
                continue
            told = check(text[:place] + sign + text[place:])
            assert len(told) == 1, (path.name, place, told)


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_a_sign_that_looks_like_the_end_of_a_comment(end: str) -> None:
    """It is refused, and what a reader sees behind it is read all the same."""
    problems = Problems()
    text = f"model m {{ width = 64 }}\nbackbone {{ GLA # first{end} SA-1 # {end} GLU }}"
    program = parse(Source("test.star", text), problems)
    assert [found.code for found in problems.found] == ["bad-character"]
    assert problems.found[0].span.start == text.index(end)
    backbone = program.items[-1]
    assert isinstance(backbone, Backbone) and len(backbone.body) == 3
