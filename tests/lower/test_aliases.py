"""The field's names: exactly the same program, and what people read of it."""

import re

import pytest

import starc
from starc.alphabet import prelude
from starc.compiler import to_ir
from starc.diagnostics import Problems
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome import decode, encode
from starc.ir.show import as_json, as_table
from starc.ir.text import show
from starc.numerals import written
from starc.passes import run
from starc.source import Source

ALIASES = {n: m for n, m in prelude().livs.items() if m is not None and m.alias}


def text(*livs: str, before: str = "") -> str:
    lines = "; ".join(livs)
    return f"model m {{ width = 128; vocab = 32 }}\n{before}\nbackbone {{ {lines} }}\n"


def spelled_out(name: str) -> str:
    """The class of an alias with what the alias states."""
    meaning = ALIASES[name]
    stated = (f"{n} = {written(given.value)}" for n, given in meaning.stated.items())
    return (
        f"{meaning.liv.name}({', '.join(stated)})"
        if meaning.stated
        else (meaning.liv.name)
    )


def emitted(program: str) -> str:
    return re.sub(r"sha256 \w+", "", starc.compile(program))


def test_the_names_of_the_field_are_there() -> None:
    assert {"MHA", "GQA", "MQA", "ShortConv", "LongConv", "SwiGLU", "GeGLU"} <= {
        *ALIASES
    }


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_is_the_same_program(name: str) -> None:
    plain = spelled_out(name)
    one = text(name, f"a: {name}", f"{name} weights from a")
    two = text(plain, f"a: {plain}", f"{plain} weights from a")
    assert to_ir(one) == to_ir(two)
    assert show(run(to_ir(one))) == show(run(to_ir(two)))
    assert emitted(one) == emitted(two)


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_has_the_genome_of_its_class(name: str) -> None:
    """Those of a class with a code that state nothing; others no genome can say."""
    program = parse(Source("", text(name, name)), Problems())
    meaning = ALIASES[name]
    if meaning.stated or meaning.liv.code is None:
        with pytest.raises(starc.StarError):
            encode(program)
        return
    genome = encode(program)
    plain = text(*[spelled_out(name)] * 2)
    assert genome == encode(parse(Source("", plain), Problems()))
    assert meaning.liv.name in unparse(decode(genome))


@pytest.mark.parametrize("name", ALIASES)
def test_it_mixes_with_its_class(name: str) -> None:
    """Sharing across the two names, and a model that uses both."""
    plain = spelled_out(name)
    assert not starc.check(text(f"a: {plain}", f"{name} same as a"))
    assert not starc.check(text(f"a: {plain}", f"{name} weights from a"))
    mixed, alone = text(plain, name, plain), text(*[plain] * 3)
    assert run(to_ir(mixed)) == run(to_ir(alone))
    assert emitted(mixed) == emitted(alone)


def test_people_read_the_name_that_they_wrote() -> None:
    model = run(to_ir(text("GQA(heads = 4)", "SA-3(heads = 4, gate = true)", "SwiGLU")))
    table = as_table(model, 64, "bf16")
    rows = [line.split()[:2] for line in table.splitlines()]
    for row in (["attn_0", "GQA"], ["attn_1", "SA-3"], ["mlp_2", "SwiGLU"]):
        assert row in rows
    layers = as_json(model, 64, "bf16")["layers"]
    assert [(one["class"], one["written"]) for one in layers] == [
        ("SA-3", "GQA"),
        ("SA-3", "SA-3"),
        ("GMemless", "SwiGLU"),
    ]
    own = run(to_ir(text("near", before="liv near = GQA(window = 8)")))
    assert re.search(r"near_0 +GQA ", as_table(own, 64, "bf16"))


def test_a_difference_of_an_alias_keeps_its_name() -> None:
    model = run(to_ir(text("Mine", before="liv Mine = diff(ShortConv)")))
    assert as_table(model, 64, "bf16").count("ShortConv") == 3  # both branches, legend


@pytest.mark.parametrize(
    "use, words",
    [
        ("GQA(taps = 3)", "GQA has no parameter"),
        ("GQA(heads = 3, kv_heads = 2)", "GQA"),
        ("a: SwiGLU; GQA weights from a", "a is SwiGLU, this is GQA"),
        ("SSD", "SSD has no code"),
    ],
)
def test_mistakes_say_the_name_that_was_written(use: str, words: str) -> None:
    if "code" not in words:
        found = starc.check(text(use))
    else:
        with pytest.raises(starc.StarError) as caught:
            encode(parse(Source("", text(use)), Problems()))
        found = caught.value.diagnostics
    assert words in " ".join(f"{one.title} {one.label} {one.text}" for one in found)


def test_formatting_keeps_the_name_that_was_written() -> None:
    program = parse(Source("", text("GQA", "SA-3")), Problems())
    assert re.findall("GQA|SA-3", unparse(program)) == ["GQA", "SA-3"]


def test_a_search_takes_both_names_for_one_class() -> None:
    problems = Problems()
    spec = read(
        "model m { width = 64; vocab = 32 }\n"
        "search { pool = [MHA, SA-1, ShortConv, MQA, SwiGLU]; depth = 2\n"
        "open = [GConv-1(kernel = [3, 4]), ShortConv(bias = [true, false])] }",
        problems,
    )
    assert spec is not None, problems.found
    assert spec.pool == ("SA-1", "GConv-1", "MQA", "GMemless")
    assert [(name, len(values)) for name, values in spec.open] == [("GConv-1", 2)]
    candidate = Candidate(((7, 1, 1, 1, 1), (9, 1, 1, 1, 1)))
    assert re.findall(r"\w+-1\b|GMemless", source(candidate, spec)) == [
        "GConv-1",
        "GMemless",
    ]
