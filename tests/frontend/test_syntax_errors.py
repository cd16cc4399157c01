"""The table of mistakes against itself, and recovery: all mistakes at once."""

import os
from pathlib import Path

import pytest

from starc.diagnostics import Diagnostic, Problems, render
from starc.frontend import ast
from starc.frontend import with_mistakes as module
from starc.frontend.brackets import MOST_ERRORS
from starc.frontend.parse import LARGEST, parse
from starc.frontend.syntax_errors import MISTAKES, Case, Mistake
from starc.source import Source
from tests.frontend.star_samples import TRANSFORMER
from tests.work import grows

GOLDEN = Path(__file__).parent / "golden"
CASES = [(mistake, case) for mistake in MISTAKES for case in mistake.cases]


def errors(text: str) -> list[Diagnostic]:
    problems = Problems()
    parse(Source("wrong.star", text), problems)
    return problems.found


def codes(text: str) -> list[str]:
    return [found.code for found in errors(text)]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_right_examples_are_right(mistake: Mistake) -> None:
    assert errors(mistake.right) == []


@pytest.mark.parametrize(
    "mistake, case", CASES, ids=lambda part: getattr(part, "code", "")
)
def test_wrong_examples_are_told_once(mistake: Mistake, case: Case) -> None:
    found = errors(case.wrong)
    assert [one.code for one in found] == [mistake.code]
    if case.label:
        before, _, after = case.label.partition("{found}")
        assert found[0].label.startswith(before) and found[0].label.endswith(after)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_golden(mistake: Mistake, request: pytest.FixtureRequest) -> None:
    """What is printed for each example. `--update-golden` or STARC_UPDATE_GOLDEN=1."""
    blocks = []
    for case in mistake.cases:
        shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in case.wrong)
        found = "\n\n".join(render(one) for one in errors(case.wrong))
        blocks.append(f"{shown.rstrip()}\n\n{found}\n")
    text = ("-" * 88 + "\n").join(blocks)
    path = GOLDEN / f"{mistake.code}.txt"
    update = request.config.getoption("--update-golden", default=False)
    if update or os.environ.get("STARC_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_no_example_hides_another() -> None:
    """Where two stop at the same place, the line must tell them apart."""
    errors("model { a 1 }")
    for cases in module.matcher().exact.values():
        alike = [c for _, c in cases if not c.when and c.repair != "join"]
        assert len({case.label for case in alike}) < 2, alike


def test_no_message_names_a_token_of_the_grammar() -> None:
    for path in GOLDEN.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        for word in ("_END", "NAME", "NUMBER", "RELATION", "BROKEN", "LPAR", "$END"):
            assert word not in text, path.name


def test_all_mistakes_of_a_file_are_told() -> None:
    text = """\
model m {
  width 64
  vocab = 1__0
  norm = True
}
backbone {
  a: SA-1
  12 SA-1
  2 x {
    SA-1(heads 4)
    c1:
    GConv\u20131
  }
  SA-1(heads = 4))
  SA-1 same a
}
"""
    found = errors(text)
    assert [
        (one.code, one.span.source.line_and_column(one.span.start)[0]) for one in found
    ] == [
        ("missing-equals", 2),
        ("bad-number", 3),
        ("python-word", 4),
        ("repeat-without-x", 8),
        ("missing-equals", 10),
        ("label-without-liv", 11),
        ("bad-character", 12),
        ("stray-bracket", 14),
        ("same-without-as", 15),
    ]


def test_what_is_right_around_a_mistake_is_kept() -> None:
    problems = Problems()
    program = parse(
        Source(
            "a.star",
            "model m { a = 1; b 2; c = 3 }\nfoo bar\n"
            "backbone { a; 3 b; 2 x { c; d = ; e } }",
        ),
        problems,
    )
    model, broken, backbone = program.items
    assert isinstance(model, ast.Model) and isinstance(backbone, ast.Backbone)
    assert [setting.name.text for setting in model.settings] == ["a", "c"]
    assert isinstance(broken, ast.Broken) and broken.span.text == "foo bar"
    a, repeat = backbone.body
    assert isinstance(a, ast.Use) and isinstance(repeat, ast.Repeat)
    uses = [step for step in repeat.body if isinstance(step, ast.Use)]
    assert [use.liv.text for use in uses] == ["c", "e"]
    skipped = [one.span.text.strip() for one in program.broken]
    assert sorted(skipped) == ["3 b", "b 2", "d =", "foo bar"]


def test_the_first_mistake_of_a_process_leaves_the_tree_alone() -> None:
    """The table is read in the middle of a parse."""
    module.matcher.cache_clear()
    problems = Problems()
    source = Source("a.star", "model m { a 1; b = 2 }\nbackbone { a; 3 b; c = True }\n")
    program = parse(source, problems)
    assert [one.code for one in problems] == [
        "missing-equals",
        "repeat-without-x",
        "missing-parentheses",
    ]
    assert all(item.span.source is source for item in program.items)
    assert len(program.broken) == 3


def test_an_open_block_shows_both_places() -> None:
    (found,) = errors("backbone {\n  12 x {\n    SA-1\n}\n\nsearch { a = 1 }\n")
    assert found.code == "unclosed"
    assert found.span.place == "wrong.star:6:1"
    assert [note.span.place for note in found.notes] == [
        "wrong.star:1:10",
        "wrong.star:4:1",
    ]


def test_blocks_after_an_open_block_are_still_read() -> None:
    problems = Problems()
    source = Source("a.star", "backbone {\n  2 x {\n    SA-1\n\nsearch {\n a 1\n}\n")
    program = parse(source, problems)
    assert [one.code for one in problems] == ["unclosed", "missing-equals"]
    assert [type(item) for item in program.items] == [ast.Backbone, ast.Search]


def test_an_open_parenthesis_is_told_once() -> None:
    assert codes("backbone {\n  SA-1(heads = 4\n  SA-1 same a\n}") == [
        "unclosed",
        "same-without-as",
    ]
    assert codes("backbone {\n  SA-1(\n   heads = 4,\n   window = 8\n}") == ["unclosed"]


def test_a_block_inside_a_list_means_an_open_list() -> None:
    for text in ("backbone { a( { b } ) }", "x({})", "backbone {\n a(2 x { b })\n}"):
        assert "unclosed" in codes(text)


def test_misspelled_blocks_are_read_as_meant() -> None:
    assert codes("modle m { a 1 }\nbackbne { c1: }\nlvi a = SA-1\n") == [
        "unknown-block",
        "missing-equals",
        "unknown-block",
        "label-without-liv",
        "unknown-block",
    ]
    (found,) = errors("backbne { SA-1 }")
    assert found.hint == "did you mean backbone?"


def test_limits() -> None:
    for opening, closing in ("{}", "()", "[]"):
        (found,) = errors(opening * 101 + closing * 101)
        assert found.code == "too-deep"
    blocks = "backbone {" + "2 x {" * 99 + "a" + "}" * 100
    assert codes(blocks) == []
    lists = "model { a = " + "[" * 99 + "]" * 99 + "}"
    assert codes(lists) == []
    assert codes("#" * (LARGEST + 1)) == ["too-large"]


def test_after_many_mistakes_reading_stops() -> None:
    for text in (
        "a b\n" * 1000,
        "model {" + "a b\n" * 1000 + "}",
        ")" * 100,
        "\x00\n" * 99,
    ):
        found = codes(text)
        assert len(found) <= MOST_ERRORS + 1 and found[-1] == "too-many-errors"


def test_mistakes_at_the_end_of_the_file() -> None:
    for text in (
        "model",
        "liv",
        "liv a =",
        "backbone",
        "model m",
        "12",
        "liv a = diff(",
    ):
        (found,) = errors(text)
        assert render(found)


def garbage(size: int) -> list[str]:
    """Texts of about so many characters that are no program."""
    texts = ["(" * size, "{}" * (size // 2), "a b\n" * (size // 4), '"' * size]
    texts += ["1 " * (size // 2), "-" * size, "a-" * (size // 2), "1_" * (size // 2)]
    texts += ["model { a = 1" + " " * size + "/ x }", "# \x00\n" * (size // 4)]
    texts += ["backbone {\n" + "a(\n" * 50 + "b = \n" * (size // 5)]
    return texts


SIZE = 1 << 12


@pytest.mark.parametrize(
    ("short", "long"), zip(garbage(SIZE), garbage(32 * SIZE), strict=True)
)
def test_long_garbage_takes_time_in_proportion(short: str, long: str) -> None:
    def tell(text: str) -> None:
        for found in errors(text):
            render(found)

    assert grows(lambda: tell(short), lambda: tell(long), by=200) <= 200, short[:20]


def test_crlf_and_tabs() -> None:
    assert codes(TRANSFORMER.replace("\n", "\r\n").replace("  ", "\t")) == []
