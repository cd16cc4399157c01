"""Random programs: diagnostics or Python, and no difference from themselves.

Half are texts with much sharing, mostly legal; half are such texts with a few bytes
changed. The seed of each is its number, and stands in what a failure says.
"""

from random import Random

import pytest

import starc.compiler
from starc.diagnostics import Problems, StarError, render
from starc.frontend.load import load
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.ir.compare import describe_changes
from starc.passes import run
from starc.source import Source
from tests.emitted.parts import parsed
from tests.lower.test_lowering_fuzz import Text

HEAD = "model m { width = 64 }\nliv attn_1 = SA-1(heads = 2)\n"


def program(seed: int) -> str:
    return f"{HEAD}backbone {{\n{Text(Random(seed)).steps()}}}\n"


def damaged(seed: int) -> bytes:
    random = Random(seed)
    data = bytearray(program(seed).encode())
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                del data[place : place + random.randint(1, 9)]
            case 1:
                data[place] = random.randrange(256)
            case 2:
                data.insert(place, random.choice(b"{}()[];:,=#@\r\n x1"))
            case _:
                start = random.randrange(len(data))
                data[place:place] = data[start : start + random.randint(1, 30)]
    return bytes(data)


def survives(seed: int) -> bool:
    """Whether the program of this seed is legal; then it is Python when compiled."""
    data = damaged(seed) if seed % 2 else program(seed).encode()
    problems = Problems()
    source = load("fuzz.star", data, problems)
    try:
        text = starc.compiler.compile(source) if source is not None else ""
    except StarError as error:
        problems.found.extend(error.diagnostics)
        text = ""
    for found in problems.found:
        render(found)
    assert bool(text) != bool(problems.found)
    parsed(text)
    return bool(text)


def try_seeds(seeds: range) -> None:
    legal = 0
    for seed in seeds:
        try:
            legal += survives(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    assert legal > len(seeds) / 4


@pytest.mark.parametrize("part", range(4))
def test_programs(part: int) -> None:
    try_seeds(range(500 * part, 500 * (part + 1)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_programs(part: int) -> None:
    try_seeds(range(5000 * (part + 1), 5000 * (part + 2)))


def test_a_program_does_not_differ_from_itself() -> None:
    """Nor from its canonical text."""
    legal = 0
    for seed in range(0, 800, 2):
        text = program(seed)
        if starc.check(text):
            continue
        legal += 1
        problems = Problems()
        formatted = unparse(parse(Source("x", text), problems))
        model = run(starc.compiler.to_ir(text))
        again = run(starc.compiler.to_ir(formatted))
        assert not describe_changes(model, model), text
        assert not describe_changes(model, again), text
    assert legal > 100
