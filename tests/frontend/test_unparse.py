"""Canonical text: what `starc fmt` writes."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starc.diagnostics import Problems, render
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.source import NOWHERE, Source
from tests.frontend.star_samples import ALPHABET, FILES, SAMPLES, SEARCH
from tests.frontend.star_strategies import programs, rewritten
from tests.frontend.star_strategies import settings as some_settings


def tree(text: str) -> ast.Program:
    problems = Problems()
    program = parse(Source("test.star", text), problems)
    assert not problems, text + "\n".join(map(render, problems))
    return program


def formatted(text: str) -> str:
    """Canonical text, with everything that must hold of it."""
    program = tree(text)
    result = unparse(program)
    again = tree(result)
    assert again == program
    assert [c.text for c in again.comments] == [c.text for c in program.comments]
    assert unparse(again) == result
    assert not result or result.endswith("\n") and not result.startswith("\n")
    assert "\n\n\n" not in result and "\t" not in result and "\r" not in result
    assert all(line == line.rstrip() for line in result.split("\n"))
    return result


@pytest.mark.parametrize("name", ["transformer", "names", "search"])
def test_samples_of_the_reference_stay_as_they_are(name: str) -> None:
    assert formatted(SAMPLES[name]) == SAMPLES[name]


@pytest.mark.parametrize("name", ["sharing", "parallel", "alphabet"])
def test_samples_change_in_nothing_but_the_place_of_comments(name: str) -> None:
    def without(text: str) -> list[str]:
        return [line.partition("#")[0].rstrip() for line in text.split("\n")]

    assert without(formatted(SAMPLES[name])) == without(SAMPLES[name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_that_ship(path: Path) -> None:
    formatted(path.read_text(encoding="utf-8"))


PAIRS = {
    "spaces and alignment": (
        "model   m{width=768;vocab = 50_304\n\n\n\ncontext=4_096}",
        "model m {\n  width = 768\n  vocab = 50_304\n\n  context = 4_096\n}\n",
    ),
    "one line stays one line": (
        "model m { width=768 ;  vocab=3; }\nbackbone{2 x{a;b};c}",
        "model m { width = 768; vocab = 3 }\nbackbone { 2 x { a; b }; c }\n",
    ),
    "what does not fit goes on lines of its own": (
        "backbone {\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; "
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb; 2 x { cccccccccccccccc; d }\n}",
        "backbone {\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
        "  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n  2 x { cccccccccccccccc; d }\n}\n",
    ),
    "long lists": (
        "liv aa = SA-1(heads = 16, kv_heads = 8, qk_norm = true, rope_theta = 1e6, "
        "window = 1024, gate = true)\nliv b = c",
        "liv aa = SA-1(\n  heads = 16, kv_heads = 8, qk_norm = true, "
        "rope_theta = 1e6, window = 1024, gate = true\n)\nliv b  = c\n",
    ),
    "two lines that hold a list, and one line an item where they do not": (
        f"model m {{\n a = [{', '.join(['w' * 20] * 5)}]\n"
        f" b = [{', '.join(['w' * 20] * 8)}]\n}}",
        f"model m {{\n  a = [\n    {', '.join(['w' * 20] * 3)},\n"
        f"    {', '.join(['w' * 20] * 2)}\n  ]\n"
        f"  b = [\n{('    ' + 'w' * 20 + ',' + chr(10)) * 8}  ]\n}}\n",
    ),
    "long LIVs": (
        "backbone {\n a: SA-1(heads = 16, kv_heads = 8, qk_norm = true, "
        "rope_theta = 1e6, window = 1024) k, v from b # why\n}",
        "backbone {\n  a: SA-1(\n    heads = 16, kv_heads = 8, qk_norm = true, "
        "rope_theta = 1e6, window = 1024\n  ) k, v from b  # why\n}\n",
    ),
    "comments stay in their brackets": (
        "liv a = SA-1( # first\n heads = 16, # second\n kv_heads = 8 # 3\n # 4\n) # 5",
        "liv a = SA-1(\n  # first\n  heads = 16,    # second\n  kv_heads = 8,  # 3\n"
        "  # 4\n)  # 5\n",
    ),
    "comments stay in the brackets of a LIV and of a list": (
        "backbone { a; b: c(d = [1, # one\n 2] # two\n) same as e }\n"
        "model { f = [ # none\n g] }",
        "backbone {\n  a\n  b: c(\n    d = [1, 2],  # one\n    # two\n  ) same as e"
        "\n}\n\nmodel {\n  f = [\n    # none\n    g,\n  ]\n}\n",
    ),
    "comments in blocks": (
        "# top\n\n# model\nmodel m { # here\n # before\n a = 1 # one\n\n # end\n} # out"
        "\n# last",
        "# top\n\n# model\nmodel m {  # here\n  # before\n  a = 1  # one\n\n  # end\n}"
        "  # out\n# last\n",
    ),
    "comments are aligned with their neighbours": (
        "backbone {\n a # one\n bbb # two\n c\n d # four\n}",
        "backbone {\n  a    # one\n  bbb  # two\n  c\n  d  # four\n}\n",
    ),
    "an empty block": ("model { }\nbackbone{\n}\n", "model {}\nbackbone {}\n"),
    "a comment in an empty block": (
        "model { # none\n}",
        "model {  # none\n}\n",
    ),
    "blocks are set apart": (
        "liv a = b\nliv c = d\nmodel {\n a = 1\n}\nbackbone {\n a\n}\nliv e = f",
        "liv a = b\nliv c = d\n\nmodel {\n  a = 1\n}\n\nbackbone {\n  a\n}\n\n"
        "liv e = f\n",
    ),
    "clauses": (
        "backbone {\n c: a weights   from d ,k,v from e\n ffff same as g\n"
        " h; i same as g\n}",
        "backbone {\n  c: a   weights from d  k, v from e\n  ffff   same as g\n"
        "  h; i same as g\n}\n",
    ),
    "goals keep their order": (
        "search {\n minimize a,b\n require c<=1\n pool = [d]\n maximize e\n}",
        "search {\n  minimize a, b\n  require c <= 1\n  pool = [d]\n  maximize e\n}\n",
    ),
    "nothing": ("\n\n", ""),
    "only comments": ("\n#a\n\n\n#b  ", "#a\n\n#b\n"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str) -> None:
    written, canonical = PAIRS[name]
    assert formatted(written) == canonical


def test_programs_without_text_are_written_one_statement_a_line() -> None:
    program = ast.Program(ALPHABET_PROGRAM.span, ALPHABET_PROGRAM.items)
    assert tree(unparse(program)) == program


ALPHABET_PROGRAM = tree(ALPHABET)


def test_broken_programs_are_not_formatted() -> None:
    program = parse(Source("a.star", "model { a 1 }"), Problems())
    with pytest.raises(ValueError):
        unparse(program)


@settings(max_examples=40, deadline=None)
@given(programs)
def test_any_tree_is_read_back(program: ast.Program) -> None:
    text = unparse(program)
    assert tree(text) == program
    assert formatted(text) == text


@settings(max_examples=40, deadline=None)
@given(programs, st.data())
def test_any_way_of_writing_is_understood(
    program: ast.Program, data: st.DataObject
) -> None:
    text = data.draw(rewritten(unparse(program)))
    assert tree(text).items == program.items
    formatted(text)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_ways_of_writing_the_samples(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from([*SAMPLES.values(), SEARCH]))
    plain = "\n".join(line.partition("#")[0] for line in sample.split("\n"))
    formatted(data.draw(rewritten(plain)))


@settings(max_examples=60, deadline=None)
@given(some_settings(most=4).filter(bool), st.data())
def test_comments_stay_inside_or_outside_of_brackets(
    arguments: tuple[ast.Setting, ...], data: st.DataObject
) -> None:
    """Where nothing but its items stands in the brackets, however it was written."""
    name = ast.Name(NOWHERE, "a")
    program = ast.Program(NOWHERE, (ast.LivAlias(NOWHERE, name, name, arguments),))
    text = data.draw(rewritten(unparse(program)))
    if ")" in re.sub(r"#[^\n]*", "", text):
        assert _inside(formatted(text)) == _inside(text)


@pytest.mark.parametrize(
    "statement",
    [
        "liv D = diff(A)",
        "backbone { c: A genes(5, 6) same as b }",
        "backbone { A(x = 1) weights from a genes(5, 6) }",
        "search { minimize a, b(x = 1), b(x = 1, y = [2, 3]), c }",
        "search { require b(x = 1, y = 2) <= 3M }",
    ],
)
def test_comments_stay_in_the_brackets_of(statement: str) -> None:
    """Every bracket of a statement, before each of its words and behind the last."""
    for place in re.finditer(r"\b|\)", statement):
        at = place.start()
        text = f"{statement[:at]}# why\n{statement[at:]}"
        if _inside(text) == [True]:
            assert _inside(formatted(text)) == [True], text


def _inside(text: str) -> list[bool]:
    """For each comment whether it stands in brackets."""
    found, depth = [], 0
    for token in re.findall(r"#[^\n]*|[(\[)\]]", text):
        if token.startswith("#"):
            found.append(depth > 0)
        else:
            depth += 1 if token in "([" else -1
    return found


def test_comments_of_later_brackets_stay_behind_those_of_the_first() -> None:
    """Found by the sweep above: one of a clause overtook one of the parameters."""
    text = "backbone { A(x = 1\n# one\n) genes(5 # two\n) }"
    assert "  x = 1,\n    # one\n    # two\n" in formatted(text)
