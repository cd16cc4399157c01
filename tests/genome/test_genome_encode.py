"""What integers cannot say, and what they can although it is spelled differently."""

import pytest

from starc.diagnostics import Problems, StarError
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.genome import check_genes, encode, read, write
from starc.source import Source


def parsed(text: str) -> ast.Program:
    problems = Problems()
    program = parse(Source("test.star", text), problems)
    problems.check()
    return program


def backbone(body: str, before: str = "") -> ast.Program:
    return parsed(f"{before}\nmodel m {{ width = 128 }}\nbackbone {{\n{body}\n}}\n")


def problems_of(program: ast.Program) -> list[tuple[str, str, str]]:
    with pytest.raises(StarError) as raised:
        encode(program)
    return [(d.code, d.span.text, d.label) for d in raised.value.diagnostics]


SAYABLE = {
    "2 x { SA-1; GMemless }": "11111-91111-11111-91111",
    "a: SA-3; SA-3 k, v from a": "31112-31112",
    "a: SA-3; SA-3 v, k from a": "31112-31112",
    "a: SA-3; SA-3 k from a, v from a": "31112-31112",
    "a: SA-3; b: SA-3 k, v from a; SA-3 k from b": "31112-31112-31113",
    "a: SA-3; b: SA-3 weights from a; SA-3 weights from b": "31211-31211-31211",
    "a: SA-3; SA-3 weights from a, v from a": "31212-31214",
    "a: GMemless; GMemless gate from a": "91112-91112",
    "a: Rec-1; Rec-1 c from a": "51112-51114",
    "2 x { a: SA-1; SA-1 weights from a }": "11211-11211-12211-12211",
    "SA-1(heads = 2, head_dim = 64); GMemless(expand = 8/3)": "11111-91111",
    "GConv-1(kernel = 3); Attention; GLU": "71111-11111-91111",
    "2 x { a: SA-1 }; SA-1 weights from a": "11111-11211-11211",
    "a: SA-1; 2 x { SA-1 weights from a }": "11211-11211-11211",
}


@pytest.mark.parametrize("body", SAYABLE)
def test_sayable(body: str) -> None:
    assert write(encode(backbone(body))) == SAYABLE[body]


UNSAYABLE = {
    "parallel { SA-1; Rec-1 }": ("parallel { SA-1; Rec-1 }", "LIVs side by side"),
    "m: GMemless; GMemless same as m": ("same as m", "the whole LIV again"),
    "SA-1(window = 5)": ("5", "window is no gene"),
    "a: SA-3; SA-3 q from a": ("q", "no strategy borrows q"),
    "a: Rec-1; Rec-1 b, x from a": ("b", "no strategy borrows b, x"),
    "a: SA-1; SA-3 k from a": ("a", "this is SA-1, not SA-3"),
    "SA-1 weights from b; b: SA-1": ("b", "no LIV above has this label"),
    "2 x { SA-1 weights from b; b: SA-1 }": ("b", "no LIV above has this label"),
    "a: SA-3; b: SA-3; SA-3 k from a, v from b": (
        "v from b",
        "a second source of features",
    ),
    "a: SA-3; b: SA-3 k from a; SA-3 v from b": (
        "v from b",
        "b computes only a part of this",
    ),
    "Mamba-2": ("Mamba-2", "Mamba-2 has no code"),
    "GLA": ("GLA", "GLA has no code"),
    "1_000_000 x { 2 x { SA-1 } }": (None, "too many LIVs"),
}


@pytest.mark.parametrize("body", UNSAYABLE)
def test_unsayable(body: str) -> None:
    span, label = UNSAYABLE[body]
    ((code, text, found),) = problems_of(backbone(body))
    assert code == "not-in-genome"
    assert found == label
    assert span is None or text == span


def test_every_place_is_told_once() -> None:
    body = "3 x { SA-1(window = 5); parallel { SA-1; Rec-1 } }\nm: GMemless\n"
    assert len(problems_of(backbone(body + "GMemless same as m"))) == 3


OWN = """
featurizer mine { groups = [q, k, v]
  token = toeplitz(kernel = 3)
  channel = dense }
liv Own { code = 18
  featurizer = mine
  token = low_rank
  nonlinear = softmax
  channel = grouped(heads = 2) }
liv Own-Diff = diff(Own) { code = 19 }
liv Nameless { featurizer = mine
  token = low_rank
  nonlinear = softmax
  channel = grouped }
liv word = Own
liv again = word
"""


def test_livs_of_the_users_encode_with_their_code() -> None:
    body = "again; a: Own; word k from a; b: Own-Diff; Own-Diff k, v from b"
    assert write(encode(backbone(body, OWN))) == (
        "18.1.1.1.1-18.1.1.1.2-18.1.1.1.3-19.1.1.2.2-19.1.1.2.2"
    )
    ((code, _, label),) = problems_of(backbone("Nameless", OWN))
    assert (code, label) == ("not-in-genome", "Nameless has no code")


def test_parameters_of_an_alias_count() -> None:
    own = "liv wide = SA-1(heads = 4)\nliv same = SA-1(heads = 2)"
    assert write(encode(backbone("same", own))) == "11111"
    assert problems_of(backbone("wide", own)) == [
        ("not-in-genome", "4", "heads is no gene")
    ]


def test_definitions_that_are_wrong_are_told() -> None:
    own = "liv one = two\nliv two = one\n"
    found = problems_of(backbone("one", own))
    assert [code for code, _, _ in found] == ["definition-cycle"]
    ((code, text, label),) = problems_of(backbone("3 x { GCnov-1 }"))
    assert (code, text) == ("unknown-liv", "GCnov-1")
    assert "GConv-1" in label


GENES = {
    "SA-1 genes(5, 1, 6, 1)": "15161",
    "SA-1 genes(5, 2, 6, 4)": "15264",
    "a: SA-1 genes(9, 2, 1, 1); SA-1 weights from a": "19211-19211",
    "a: SA-1; SA-1 weights from a genes(9, 2, 1, 1)": "19211-19211",
    # The label 1 is taken by a silent group, so the other group is 2.
    "a: SA-1; SA-1 weights from a; SA-1 genes(1, 2, 1, 1)": "12211-12211-11211",
    "2 x { SA-1 genes(7, 1, 7, 1) }": "17171-17171",
}


@pytest.mark.parametrize("body", GENES)
def test_genes_say_what_the_words_leave_open(body: str) -> None:
    program = backbone(body)
    assert encode(program) == read(GENES[body])
    problems = Problems()
    check_genes(program, problems)
    assert not problems


DISAGREE = {
    # body: (the genes, what they say, what the words say)
    "a: SA-1; SA-1 weights from a genes(1, 1, 1, 1)": (
        "genes(1, 1, 1, 1)",
        "these genes say LIV 1 (SA-1) shares nothing",
        "weights from a",
    ),
    "a: SA-1 genes(1, 1, 1, 1); SA-1 weights from a": (
        "genes(1, 1, 1, 1)",
        "these genes say LIV 1 (SA-1) shares nothing",
        "weights from a",
    ),
    "SA-1 genes(3, 2, 1, 1); SA-1 genes(3, 2, 1, 1)": (
        "genes(3, 2, 1, 1)",
        "these genes say LIV 1 (SA-1) has the weights of LIV 0",
        "SA-1 genes(3, 2, 1, 1)",
    ),
    "a: SA-3; SA-3 k from a genes(1, 1, 1, 4)": (
        "genes(1, 1, 1, 4)",
        "these genes say LIV 1 (SA-3) borrows features of LIV 0 by strategy 4",
        "k from a",
    ),
    "2 x { SA-1 genes(7, 2, 7, 1) }": (
        "genes(7, 2, 7, 1)",
        "these genes say LIV 1 (SA-1) has the weights of LIV 0",
        "SA-1 genes(7, 2, 7, 1)",
    ),
}


@pytest.mark.parametrize("body", DISAGREE)
def test_genes_that_disagree_show_both_places(body: str) -> None:
    span, label, words = DISAGREE[body]
    problems = Problems()
    check_genes(backbone(body), problems)
    (found,) = problems
    assert found.code == "genes-disagree"
    assert (found.span.text, found.label) == (span, label)
    assert found.notes[0].span.text == words
    assert problems_of(backbone(body)) == [("genes-disagree", span, label)]


@pytest.mark.parametrize(
    "genes",
    ["1", "1, 1, 1", "1, 1, 1, 1, 1", "0, 1, 1, 1", "1, 3, 1, 1", "1, 1, 1.5, 1"]
    + ["1, 1, 1, 5", "1_000_000_000, 1, 1, 1", "1, 1, -1, 1"],
)
def test_bad_genes(genes: str) -> None:
    ((code, text, _),) = problems_of(backbone(f"SA-1 genes({genes})"))
    assert (code, text) == ("bad-genes", f"genes({genes})")


def test_beyond_the_genome_genes_are_checked_for_form_only() -> None:
    problems = Problems()
    body = "SA-1 genes(1, 2, 1, 1); SA-1 genes(1, 2, 1, 1); parallel { SA-1; Rec-1 }"
    check_genes(backbone(body), problems)
    assert not problems
    check_genes(backbone(body + "\nSA-1 genes(0, 1, 1, 1)"), problems)
    assert [d.code for d in problems] == ["bad-genes"]
