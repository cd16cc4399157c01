"""Text to tree: what each form of the language becomes."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from starc.diagnostics import Problems, render
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.source import Source
from tests.frontend.star_samples import FILES, SAMPLES, TRANSFORMER


def tree(text: str) -> ast.Program:
    problems = Problems()
    program = parse(Source("test.star", text), problems)
    assert not problems, "\n".join(map(render, problems))
    assert not program.broken
    return program


def step(text: str) -> ast.Step:
    backbone = tree(f"backbone {{\n{text}\n}}").items[0]
    assert isinstance(backbone, ast.Backbone)
    return backbone.body[0]


def use(text: str) -> ast.Use:
    found = step(text)
    assert isinstance(found, ast.Use)
    return found


def value(text: str) -> ast.Value:
    model = tree(f"model {{ a = {text} }}").items[0]
    assert isinstance(model, ast.Model)
    return model.settings[0].value


def name(step: ast.Step) -> str:
    """Of the LIV, where the step is a use of one."""
    assert isinstance(step, ast.Use)
    return step.liv.text


def word(value: ast.Value) -> str:
    assert isinstance(value, ast.Name)
    return value.text


def items(value: ast.Value) -> tuple[ast.Value, ...]:
    assert isinstance(value, ast.List)
    return value.items


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_of_the_reference_parses(name: str) -> None:
    assert tree(SAMPLES[name]).items


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_that_ships_parses(path: Path) -> None:
    assert tree(path.read_text(encoding="utf-8")).items


def test_spans_are_the_text_of_their_nodes() -> None:
    program = tree(TRANSFORMER)
    model, backbone = program.items
    assert isinstance(model, ast.Model) and isinstance(backbone, ast.Backbone)
    assert model.span.text.startswith("model transformer_pp {")
    assert model.span.text.endswith("4096\n}")
    assert model.settings[1].span.text == "vocab   = 50_304"
    assert model.settings[1].value.span.text == "50_304"
    (repeat,) = backbone.body
    assert isinstance(repeat, ast.Repeat)
    assert repeat.span.text.startswith("12 x {") and repeat.span.text.endswith("}")
    assert [s.span.text for s in repeat.body] == [
        "SA-1(heads = 12)",
        "GMemless(expand = 8/3)",
    ]
    assert repeat.body[0].span.place == "test.star:10:5"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("50_304", 50_304),
        ("-1", -1),
        ("8/3", Fraction(8, 3)),
        ("8 / 4", 2),
        ("1e6", 1e6),
        ("2.5", 2.5),
        ("1e-5", 1e-5),
        ("4K", 4000),
        ("1.5K", 1500),
        ("130M", 130_000_000),
        ("1.2B", 1_200_000_000),
        ("0.0001K", Fraction(1, 10)),
    ],
)
def test_numbers(text: str, expected: object) -> None:
    number = value(text)
    assert isinstance(number, ast.Number)
    assert number.value == expected and type(number.value) is type(expected)
    assert number.text == text.replace(" ", "")


def test_values() -> None:
    yes = value("true")
    assert isinstance(yes, ast.Bool) and yes.value
    assert word(value("none")) == "none"
    assert [word(item) for item in items(value("[q, k,\n v,]"))] == ["q", "k", "v"]
    assert items(value("[]")) == ()
    (two,) = items(items(value("[[1], [2]]"))[1])
    assert isinstance(two, ast.Number) and two.value == 2
    banded = value("banded(window = 1024)")
    assert isinstance(banded, ast.Call) and banded.arguments[0].name.text == "window"
    softmax = value("softmax()")
    assert isinstance(softmax, ast.Call) and softmax.arguments == ()


@pytest.mark.parametrize("end", ["\n", ";", " ; \n\n ;; ", "# comment\n", "\r\n"])
def test_ends_of_statements(end: str) -> None:
    backbone = tree(f"backbone {{{end}a{end}b{end}}}").items[0]
    assert isinstance(backbone, ast.Backbone)
    assert [name(step) for step in backbone.body] == ["a", "b"]


def test_lines_are_free_inside_lists() -> None:
    found = use("a(\n # why\n heads\n =\n 3,\n\n b = [1,\n2]\n)  weights from c")
    assert [argument.name.text for argument in found.arguments] == ["heads", "b"]
    assert len(found.clauses) == 1


@pytest.mark.parametrize("between", [" ", ", ", "   ", ",\t"])
def test_clauses(between: str) -> None:
    clauses = ["weights from c1", "k, v from a1", "same as m1", "genes(1, 2, 3, 4)"]
    found = use("x1: SA-3(heads = 4) " + between.join(clauses))
    assert found.label is not None and found.label.text == "x1"
    weights, features, same, genes = found.clauses
    assert isinstance(weights, ast.WeightsFrom) and weights.source.text == "c1"
    assert isinstance(features, ast.FeaturesFrom)
    assert [group.text for group in features.groups] == ["k", "v"]
    assert features.source.text == "a1"
    assert isinstance(same, ast.SameAs) and same.source.text == "m1"
    assert isinstance(genes, ast.Genes)
    assert [gene.value for gene in genes.values] == [1, 2, 3, 4]
    assert [clause.span.text for clause in found.clauses] == clauses


WORDS = (
    "model featurizer liv backbone search diff x weights from same as genes minimize "
    "maximize require parallel true false"
).split()


@pytest.mark.parametrize("word", WORDS)
def test_no_word_of_the_language_is_taken_from_names(word: str) -> None:
    label = use(f"{word}: SA-1").label
    assert label is not None and label.text == word
    for clause in (f"a: SA-1 weights from {word}", f"SA-1 same as {word}"):
        (found,) = use(clause).clauses
        assert not isinstance(found, ast.Genes) and found.source.text == word
    model = tree(f"model {word} {{ {word} = 3 }}").items[0]
    assert isinstance(model, ast.Model) and model.name is not None
    assert model.name.text == model.settings[0].name.text == word
    alias = tree(f"liv {word} = SA-1").items[0]
    assert isinstance(alias, ast.LivAlias) and alias.name.text == word
    difference = tree(f"liv a = diff({word})").items[0]
    assert isinstance(difference, ast.LivDiff) and difference.of.text == word
    assert use(f"a({word} = 3)").arguments[0].name.text == word
    if word != "parallel":
        assert use(f"{word}(heads = 3)").liv.text == word
        repeat = step(f"3 x {{ {word}; {word} }}")
        assert isinstance(repeat, ast.Repeat) and name(repeat.body[1]) == word
    if word not in ("true", "false"):
        one = value(word)
        assert isinstance(one, ast.Name) and one.text == word


def test_keywords_are_whole_words() -> None:
    for text in ("a weights fromc", "a samea s b", "3 xy { a }", "a sameas b"):
        problems = Problems()
        parse(Source("test.star", f"backbone {{ {text} }}"), problems)
        assert problems, text


def test_definitions() -> None:
    alias, diff, bare, genome, featurizer = tree(
        "liv a = SA-1(heads = 4)\nliv b = diff(a) { code = 19 }\nliv c = diff(a)\n"
        "liv d { code = 18 }\nfeaturizer e { groups = [q] }"
    ).items
    assert isinstance(alias, ast.LivAlias) and alias.liv.text == "SA-1"
    assert isinstance(diff, ast.LivDiff) and diff.settings[0].name.text == "code"
    assert isinstance(bare, ast.LivDiff) and bare.settings == ()
    assert isinstance(genome, ast.LivGenome) and isinstance(featurizer, ast.Featurizer)


def test_search() -> None:
    (search,) = tree(
        "search { a = 1; minimize b, c; maximize d; require e >= 2\n f = [1] }"
    ).items
    assert isinstance(search, ast.Search)
    assert [setting.name.text for setting in search.settings] == ["a", "f"]
    assert [goal.direction for goal in search.objectives] == ["minimize", "maximize"]
    assert search.requirements[0].relation == ">="
    assert search.requirements[0].bound.value == 2


def test_comments() -> None:
    comments = tree("# one  \nmodel { # two\n a = 1 # three\r\n}\n#").comments
    assert [comment.text for comment in comments] == ["# one", "# two", "# three", "#"]
    assert [comment.own_line for comment in comments] == [True, False, False, True]


def test_an_empty_file_is_an_empty_program() -> None:
    for text in ("", "\n", "# nothing", " ;\n; "):
        assert tree(text).items == ()


def test_threads_may_parse_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        programs = list(pool.map(tree, [TRANSFORMER] * 40))
    assert all(program == programs[0] for program in programs)
    sources = {id(program.items[0].span.source) for program in programs}
    assert len(sources) == 40
