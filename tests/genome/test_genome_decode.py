"""The programs that genomes become: labels, words, repeats."""

from collections import Counter

import pytest

from starc.frontend import ast
from starc.genome import decode, read
from starc.genome.roll import Run, roll


def lines(program: ast.Program) -> list[str]:
    """The backbone in a few words a step, independent of unparse."""

    def line(step: ast.Step) -> str:
        if isinstance(step, ast.Repeat):
            inside = "; ".join(map(line, step.body))
            return f"{step.count.text} x {{ {inside} }}"
        assert isinstance(step, ast.Use)
        text = f"{step.label.text}: {step.liv.text}" if step.label else step.liv.text
        for clause in step.clauses:
            if isinstance(clause, ast.WeightsFrom):
                text += f" weights from {clause.source.text}"
            elif isinstance(clause, ast.FeaturesFrom):
                groups = ", ".join(name.text for name in clause.groups)
                text += f" {groups} from {clause.source.text}"
            elif isinstance(clause, ast.Genes):
                text += f" genes({', '.join(n.text for n in clause.values)})"
        return text

    (backbone,) = (i for i in program.items if isinstance(i, ast.Backbone))
    return [line(step) for step in backbone.body]


EXAMPLE = read("21211-31112-21221-32112")


def test_the_published_example() -> None:
    program = decode(EXAMPLE)
    assert lines(program) == [
        "attn_0: SA-2",
        "attn_1: SA-3",
        "SA-2 weights from attn_0",
        "SA-3 k, v from attn_1",
    ]
    assert [c.text for c in program.comments] == ["# Genome 21211-31112-21221-32112"]
    model = program.items[0]
    assert isinstance(model, ast.Model)
    numbers = {s.name.text: s.value for s in model.settings}
    assert {name: getattr(value, "value", None) for name, value in numbers.items()} == {
        "width": 768,
        "vocab": 50_304,
        "context": 4096,
    }


def test_exact_keeps_only_what_is_silent() -> None:
    assert lines(decode(EXAMPLE, exact=True)) == [
        "attn_0: SA-2",
        "attn_1: SA-3",
        "SA-2 weights from attn_0 genes(1, 2, 2, 1)",
        "SA-3 k, v from attn_1 genes(2, 1, 1, 2)",
    ]
    assert len(decode(EXAMPLE, exact=True).comments) == 2


def test_a_liv_may_be_in_both_kinds_of_group() -> None:
    assert lines(decode(read("71214-91111-71214"))) == [
        "conv_0: GConv-1",
        "GMemless",
        "GConv-1 weights from conv_0 c from conv_0",
    ]


def test_differential_livs_have_the_word_of_their_operator() -> None:
    text = "16.1.2.1.1-14.1.1.1.2-16.1.2.1.1-14.1.1.1.3"
    assert lines(decode(read(text))) == [
        "conv_0: GConv-1-Diff",
        "rec_1: Rec-1-Diff",
        "GConv-1-Diff weights from conv_0",
        "Rec-1-Diff b from rec_1",
    ]


def test_repeats_are_rolled_where_that_is_shorter() -> None:
    assert lines(decode(read("-".join(["11111", "91111"] * 12)))) == [
        "12 x { SA-1; GMemless }"
    ]
    assert lines(decode(read("11111-11111"))) == ["SA-1", "SA-1"]
    shared = read("11211-" + "-".join(["51111"] * 4) + "-11211")
    assert lines(decode(shared)) == [
        "attn_0: SA-1",
        "4 x { Rec-1 }",
        "SA-1 weights from attn_0",
    ]
    assert len(lines(decode(read("-".join(["11111"] * 9)), exact=True))) == 9


def test_long_genomes_are_wrapped_and_read_back() -> None:
    genome = read("-".join(["1.10.1.1.1", "91111"] * 40))
    comments = [comment.text for comment in decode(genome).comments]
    assert max(map(len, comments)) <= 80
    assert read("\n".join(c.lstrip("# ") for c in comments[1:])) == genome


@pytest.mark.parametrize("name", ["", "a b", "x {", "naïve", "1a"])
def test_a_name_is_an_identifier(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        decode(EXAMPLE, name=name)


def test_roll_takes_the_fewest_lines() -> None:
    assert roll("abababcccc") == [Run(0, 2, 3), Run(6, 1, 4)]
    assert roll("aab" * 4) == [Run(0, 3, 4)]
    assert roll([None] * 5) == [Run(i) for i in range(5)]
    assert roll("") == []
    assert roll("xababab") == [Run(0), Run(1, 2, 3)]


def test_a_thousand_livs_take_linear_time() -> None:
    assert Counter(len(r) for r in [roll("ab" * 500)]) == {1: 1}
