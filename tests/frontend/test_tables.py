"""The two ways to read a text give the same; the tables are those of the grammar."""

import gc
import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedInput

from starc.compiler import check
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast, lalr, stored, tables
from starc.frontend.brackets import scan
from starc.frontend.build import TreeBuilder
from starc.frontend.lines import without_inner_ends
from starc.frontend.parse import parse
from starc.frontend.syntax_errors import MISTAKES, Mistake
from starc.frontend.unparse import unparse
from starc.source import Source, Span
from tests.frontend.star_samples import FILES, SAMPLES
from tests.frontend.star_strategies import programs, rewritten
from tests.work import calls

ROOT = Path(__file__).parent.parent.parent
PRELUDE = ROOT / "grammar" / "prelude.star"
TEXTS = [path.read_text(encoding="utf-8") for path in (*FILES, PRELUDE)]
TEXTS += SAMPLES.values()


def test_the_tables_are_current(request: pytest.FixtureRequest) -> None:
    path = ROOT / "grammar" / "tables.json"
    if request.config.getoption("--update-golden"):
        path.write_text(tables.as_json(), encoding="utf-8")
    assert tables.as_json() == path.read_text(encoding="utf-8"), "make golden"


def test_the_tree_of_the_prelude_is_current(request: pytest.FixtureRequest) -> None:
    path = ROOT / "grammar" / "prelude.json"
    source = Source("prelude.star", PRELUDE.read_text(encoding="utf-8"))
    problems = Problems()
    program = parse(source, problems)
    assert not problems
    if request.config.getoption("--update-golden"):
        path.write_text(stored.as_json(program), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    assert text == stored.as_json(program), "make golden"
    found = stored.from_json(text, source)
    assert found == program and [*places(found)] == [*places(program)]
    edited = Source("prelude.star", source.text + "\n")
    assert stored.from_json(text, edited) is None


class Lines:
    """Between lark's lexer and its parser."""

    always_accept = tables.ALWAYS
    process = staticmethod(without_inner_ends)


@cache
def lark() -> tuple[Lark, TreeBuilder]:
    builder = TreeBuilder()
    return tables.parser(transformer=builder, postlex=Lines()), builder


def by_lark(source: Source, found: Problems) -> Any:
    """The items of a text, None where it has a mistake of syntax."""
    parser, builder = lark()
    builder.start(source, found)
    try:
        return parser.parse(source.text)
    except UnexpectedInput:
        return None


def told(problems: Problems) -> list[tuple[Diagnostic, int, int]]:
    return [(one, one.span.start, one.span.end) for one in problems]


def places(value: object) -> Iterator[tuple[int, int]]:
    """Of all nodes of a tree, in their order: spans that differ compare as equal."""
    if isinstance(value, Span):
        yield value.start, value.end
    elif isinstance(value, tuple):
        for item in value:
            yield from places(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from places(getattr(value, field.name))


def same_by_both(text: str) -> bool:
    """Whether the text is read without a mistake: then both have to give one tree."""
    source = Source("a.star", text)
    if not scan(text).balanced:
        return False
    fast, slow = Problems(), Problems()
    builder = TreeBuilder()
    builder.start(source, fast)
    try:
        items = lalr.read(text, builder)
    except lalr.Stopped:
        items = None
    expected = by_lark(source, slow)
    if items is None or expected is None:
        assert items is expected, "both say that it has a mistake"
        return False
    assert items == expected and told(fast) == told(slow)
    assert [*places(items)] == [*places(expected)]
    return True


@pytest.mark.parametrize("text", TEXTS)
def test_examples(text: str) -> None:
    assert same_by_both(text)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_texts_with_mistakes(mistake: Mistake) -> None:
    for case in mistake.cases:
        same_by_both(case.wrong)
    assert same_by_both(mistake.right)


@given(programs, st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_programs_in_random_layouts(
    program: ast.Program, data: st.DataObject
) -> None:
    text = unparse(program)
    assert same_by_both(text)
    same_by_both(data.draw(rewritten(text)))


def test_changed_examples() -> None:
    """A word left out, doubled or put elsewhere: right by chance, or wrong for both."""
    chance, right = random.Random(0), 0
    for _ in range(200):
        lines = chance.choice(TEXTS).split("\n")
        number = chance.randrange(len(lines))
        words = lines[number].split(" ")
        place = chance.randrange(len(words))
        words[place : place + 1] = chance.choice(
            [[], [words[place]] * 2, [chance.choice(words)], ["parallel"], ["x"], ["#"]]
        )
        lines[number] = " ".join(words)
        right += same_by_both("\n".join(lines))
    assert 20 < right < 180, "both kinds are tried"


def test_a_long_text() -> None:
    """Not by recursion: as deep as brackets may nest, and as long as a file may be."""
    text = "backbone {" + "2 x {" * 90 + "SA-1" + "}" * 90 + "}\n"
    assert same_by_both(text)
    assert same_by_both("backbone {" + "SA-1\n" * 20_000 + "}\n")


def read(text: str) -> tuple[object, ...]:
    """All that is made of a text, mistakes or not, with every place."""
    problems = Problems()
    program = parse(Source("a.star", text), problems)
    nodes = program.items, program.comments, program.broken
    return program.items, told(problems), [*places(nodes)]


def test_lines_that_are_remembered_are_read_as_if_they_were_not() -> None:
    """Whatever was read before: the examples, and each text of this test."""
    chance, met = random.Random(1), 0
    wrong = [case.wrong for mistake in MISTAKES for case in mistake.cases]
    for text in TEXTS:
        parse(Source("a.star", text), Problems())
    for _ in range(300):
        lines = chance.choice([*TEXTS, *wrong]).split("\n")
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(lines) + 1)
            other = chance.choice(chance.choice(TEXTS).split("\n"))
            signs = chance.choice(["", "", *"(){}[];,:=#", " from a"])
            lines[at : at + chance.randint(0, 1)] = [other + signs]
        text = "\n".join(lines)
        warm = dict(lalr._known)
        found = read(text)
        lalr.forget()
        assert read(text) == found, text
        met += any(line in text for line in warm)
        lalr._known.update(warm)
    assert met > 200


def test_what_is_remembered_holds_no_text() -> None:
    """A file that was read is not kept for its lines."""
    lalr.forget()
    source = Source("a.star", "backbone {\n" + "  a: GQA(heads = 4)\n" * 3 + "}\n")
    parse(source, Problems())
    assert len(lalr._known) == 1
    gone = ref(source)
    del source
    gc.collect()
    assert gone() is None


def test_wherever_a_liv_may_begin_it_is_read_alike() -> None:
    """So a line can be remembered for all of these places: they differ in what may
    stand there besides."""
    states = [state for state in lalr.tables().states if "use" in state.actions]
    begin = "NAME", "PARALLEL", "_label", "use"
    assert len(states) > 1
    assert len({tuple(state.actions[word] for word in begin) for state in states}) == 1
    assert len({state.words for state in states}) == 1


def with_a_mistake(chance: random.Random) -> str:
    """A long text, and a sign or word too many, or too few, at a place of it."""
    body = "".join(f"  a{n}: GQA(heads = 4)\n  2 x {{ SwiGLU }}\n" for n in range(40))
    text = f"model m {{ width = 64 }}\nbackbone {{\n{body}}}\n"
    at = chance.randrange(len(text))
    signs = ["(", ")", "{", "}", "[", ";", "=", "\n", "model", "backbone {", "from a1"]
    return text[:at] + chance.choice(signs) + text[at + chance.randint(0, 2) :]


def test_reading_on_from_a_mark_is_as_reading_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance, went = random.Random(2), 0
    go_to = lalr.Reading.go_to

    def counted(reading: lalr.Reading, mark: lalr.Mark) -> None:
        nonlocal went
        went += 1
        go_to(reading, mark)

    monkeypatch.setattr(lalr.Reading, "go_to", counted)
    for _ in range(60):
        text = with_a_mistake(chance)
        monkeypatch.setattr(lalr, "BETWEEN_MARKS", 1)
        found = read(text)
        monkeypatch.setattr(lalr, "BETWEEN_MARKS", len(text))
        assert read(text) == found, text
    assert went > 60


def test_a_text_that_was_read_is_no_garbage() -> None:
    """Nothing of it refers to itself: else it would be collected in the middle of an
    edit, which takes longer than the edit."""
    for more in ("", "=", "(", "}", "x y"):
        text = f"backbone {{\n  a: GQA(heads = 4)\n{more}\n}}\n"
        read(text)  # makes what is made once
        gc.collect()
        gc.disable()
        try:
            source = Source("a.star", text)
            parse(source, Problems())
            gone = ref(source)
            del source
            assert gone() is None, more
        finally:
            gc.enable()


def test_an_edit_of_a_long_text_costs_no_more_where_it_is_wrong() -> None:
    """What stands before the mistake is read once, whatever is tried."""
    line = "  GQA(heads = 4)\n"

    def edited(put: str) -> int:
        text = f"model m {{ width = 64 }}\nbackbone {{\n{line * 700}{put}\n"
        text += f"{line * 100}}}\n"
        check(text)
        return calls(lambda: check(text))

    right = edited("SA-1")
    for put in ("SA-1 kernel", "SA-1(kernel = 4", "=", "2 x"):
        assert edited(put) < 1.6 * right, put
