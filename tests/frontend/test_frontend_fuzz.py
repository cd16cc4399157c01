"""Anything at all gives diagnostics, and never an exception: 2,000 texts, and 100,000
with the slow tests."""

import json
import random
import re
from collections.abc import Iterator

import pytest

from starc.diagnostics import Problems, render, to_json
from starc.frontend.load import load
from starc.frontend.parse import parse
from starc.frontend.syntax_errors import MISTAKES
from starc.frontend.unparse import unparse
from tests.frontend.star_samples import FILES, SAMPLES

TEXTS = [*SAMPLES.values(), *(path.read_text(encoding="utf-8") for path in FILES)]
_BYTES = b" \n(){}[]=,:;#x1aS-_<>/.\"'"
_TOKEN = re.compile(r"#[^\n]*|[A-Za-z_][\w-]*|[0-9][\w/.]*|[<>=]=|\s+|.")
SOUP = (
    """
model backbone search liv featurizer x 12 { } ( ) [ ] = , : ; diff weights from same as
genes parallel true minimize require <= SA-1 a1 8/3 1__0 # \u2014 \u201c True // " ==
""".split()
    + ["\n", "\n", "\u00a0"]
)
KNOWN = {mistake.code for mistake in MISTAKES} | {
    *("not-utf8", "too-deep", "too-large", "too-many-errors")
}


def survives(data: bytes) -> None:
    problems = Problems()
    source = load("fuzz.star", data, problems)
    if source is not None:
        program = parse(source, problems)
        if not problems:
            unparse(program)
        assert bool(problems) or not program.broken
    for found in problems:
        assert found.code in KNOWN
        assert 0 <= found.span.start <= found.span.end
        render(found).encode()
        render(found, color=True)
        json.dumps(to_json(found))


@pytest.fixture(params=[350, pytest.param(18_000, marks=pytest.mark.slow)])
def chances(request: pytest.FixtureRequest) -> Iterator[random.Random]:
    """Of each kind of text so many; a number is the seed of one."""
    return (_seeded(seed) for seed in range(request.param))


def _seeded(seed: int) -> random.Random:
    print("seed", seed)
    return random.Random(seed)


def test_random_bytes(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        survives(chance.randbytes(chance.randrange(1, 200)))


def test_random_ascii(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        size = chance.randrange(1, 200)
        survives(bytes(chance.choices(_BYTES, k=size)))


def test_random_unicode(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        points = (chance.choice((0x80, 0x2070, 0x11000)) for _ in range(40))
        text = "".join(chr(chance.randrange(top)) for top in points)
        survives(text.encode("utf-8", "replace"))


def test_token_soup(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        words = chance.choices(SOUP, k=chance.randrange(1, 60))
        survives(" ".join(words).encode())


def test_mutated_examples(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        tokens = _TOKEN.findall(chance.choice(TEXTS))
        for _ in range(chance.randrange(1, 4)):
            here, there = chance.randrange(len(tokens)), chance.randrange(len(tokens))
            match chance.randrange(5):
                case 0 if len(tokens) > 1:
                    del tokens[here]
                case 1:
                    tokens.insert(here, tokens[there])
                case 2:
                    tokens[here], tokens[there] = tokens[there], tokens[here]
                case 3:
                    tokens.insert(here, chance.choice(SOUP))
                case _:
                    tokens[here] = chance.choice(SOUP)
        survives("".join(tokens).encode())


def test_cut_examples(chances: Iterator[random.Random]) -> None:
    for chance in chances:
        data = chance.choice(TEXTS).encode()
        survives(data[: chance.randrange(len(data))])
        survives(data[chance.randrange(len(data)) :])
