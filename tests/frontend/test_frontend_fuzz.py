"""Anything at all gives diagnostics, and never an exception.

`STARC_FUZZ=100000` sets how many random inputs of each kind are tried.
"""

import json
import os
import random
import re

import pytest

from starc.diagnostics import Problems, render, to_json
from starc.frontend.load import load
from starc.frontend.parse import parse
from starc.frontend.syntax_errors import MISTAKES
from starc.frontend.unparse import unparse
from tests.frontend.star_samples import FILES, SAMPLES

ROUNDS = int(os.environ.get("STARC_FUZZ", "400"))
TEXTS = [*SAMPLES.values(), *(path.read_text(encoding="utf-8") for path in FILES)]
_BYTES = b" \n(){}[]=,:;#x1aS-_<>/.\"'"
_TOKEN = re.compile(r"#[^\n]*|[A-Za-z_][\w-]*|[0-9][\w/.]*|[<>=]=|\s+|.")
SOUP = """
model backbone search liv featurizer x 12 { } ( ) [ ] = , : ; diff weights from same as
genes parallel true minimize require <= SA-1 a1 8/3 1__0 # \u2014 \u201c True // " ==
""".split() + ["\n", "\n", "\u00a0"]
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


@pytest.fixture
def chance() -> random.Random:
    return random.Random(0)


def test_random_bytes(chance: random.Random) -> None:
    for _ in range(ROUNDS):
        survives(chance.randbytes(chance.randrange(1, 200)))


def test_random_ascii(chance: random.Random) -> None:
    for _ in range(ROUNDS):
        size = chance.randrange(1, 200)
        survives(bytes(chance.choices(_BYTES, k=size)))


def test_random_unicode(chance: random.Random) -> None:
    for _ in range(ROUNDS):
        points = (chance.choice((0x80, 0x2070, 0x11000)) for _ in range(40))
        text = "".join(chr(chance.randrange(top)) for top in points)
        survives(text.encode("utf-8", "replace"))


def test_token_soup(chance: random.Random) -> None:
    for _ in range(ROUNDS):
        words = chance.choices(SOUP, k=chance.randrange(1, 60))
        survives(" ".join(words).encode())


def test_mutated_examples(chance: random.Random) -> None:
    for _ in range(ROUNDS):
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


def test_cut_examples(chance: random.Random) -> None:
    for _ in range(ROUNDS // 4):
        data = chance.choice(TEXTS).encode()
        survives(data[: chance.randrange(len(data))])
        survives(data[chance.randrange(len(data)) :])
