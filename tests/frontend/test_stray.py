"""One mistake is one error: a stray token after a block spoils nothing around it."""

import pytest

from starc.diagnostics import Problems
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
