"""What the functions answer, on small programs, on wrong ones and on all examples."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from starc.alphabet import prelude
from starc.alphabet.around import AROUND
from starc.catalogue import codes, explain
from starc.compiler import check, to_ir
from starc.diagnostics import Problems
from starc.evolve.problem.objectives import MEASURES
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.ir.residual import PLACEMENTS
from starc.lower.model import MODEL_OPTIONS
from starc.lsp import fixes, formatting, hints, hover, navigation, outline, tokens
from starc.lsp.completion import completions
from starc.lsp.document import Document
from starc.lsp.navigation import CannotRename, apply
from starc.operators import NAMES
from starc.source import Source
from tests.frontend.star_samples import FILES

PROGRAM = """\
# Two kinds of layers.
# The second reads what the first keeps.
model small {
  width = 128
  vocab = 256
}

featurizer mine { groups = [q, k, v]; token = diagonal; channel = dense }

liv Own {
  featurizer = mine
  token      = low_rank
  nonlinear  = softmax
  channel    = grouped
}

liv attn = GQA(heads = 4, kv_heads = 2)

backbone {
  2 x {
    a: attn
    m: SwiGLU
    b: attn   k, v from a
    SwiGLU    same as m
  }
  Own(heads = 2)
  genes_too: SA-1(heads = 2)   genes(1, 1, 1, 1)
}

search {
  pool = [MHA, attn]
  minimize params, cache(context = 512)
}
"""
WRONG = {code: e.wrong for code in codes() if (e := explain(code)) and e.wrong}


def at(text: str, mark: str = "|") -> tuple[Document, int]:
    """The document, and the place of the mark, which is taken out."""
    place = text.index(mark)
    return Document("a.star", text.replace(mark, "", 1)), place


def proposed(text: str) -> list[str]:
    return [one.label for one in completions(*at(text))]


def told(text: str) -> str:
    found = hover.hover(*at(text))
    return "" if found is None else found.about


def marked(before: str, after: str = "") -> str:
    """PROGRAM with a place in it: behind the first `before`, or within it."""
    return PROGRAM.replace(before + after, f"{before}|{after}", 1)


# Completion ---------------------------------------------------------------------------

BACKBONE = (
    "model m { width = 128 }\nliv attn = GQA(heads = 4, kv_heads = 2)\nbackbone {\n"
    "  a: attn\n  b: MHA(heads = 8)\n  m: SwiGLU\n  %s\n  late: attn\n}\n"
)


def test_the_beginning_of_a_file_has_blocks() -> None:
    assert proposed("|") == ["backbone", "featurizer", "liv", "model", "search"]


def test_every_setting_of_the_model_once() -> None:
    found = proposed("model m {\n  width = 8\n  |\n}\n")
    assert found == [o.name for o in MODEL_OPTIONS if o.name != "width"]


@pytest.mark.parametrize("name", prelude().livs)
def test_every_parameter_of_every_liv(name: str) -> None:
    meaning = prelude().livs[name]
    assert meaning is not None
    found = proposed(f"backbone {{\n  {name}(|")
    assert found == [*meaning.liv.template.by_name, *AROUND]


def test_livs_and_words_of_a_step() -> None:
    found = proposed(BACKBONE % "|")
    assert {*prelude().livs, "attn", "parallel", "block"} == {*found}


@pytest.mark.parametrize(
    ("step", "labels"),
    [
        ("attn k, v from |", ["a"]),
        ("attn weights from |", ["a"]),
        ("SwiGLU same as |", ["m"]),
        ("MHA(heads = 8) k from |", ["b"]),
        ("MHA(heads = 4) weights from |", ["b"]),
        ("MHA(heads = 4, kernel = 3) weights from |", []),
        ("GQA(heads = 4, kv_heads = 2) weights from |", ["a"]),
    ],
)
def test_labels_that_may_be_shared_with_and_no_others(
    step: str, labels: list[str]
) -> None:
    assert proposed(BACKBONE % step) == labels
    for label in ("a", "b", "m", "late"):
        mistakes = check(BACKBONE % step.replace("|", label))
        assert (not mistakes) == (label in labels)


def test_feature_groups_of_a_liv() -> None:
    found = proposed(BACKBONE % "attn k, |")
    assert found == ["q", "v"]


ASIDE = """\
model m { width = 8 }
liv attn = MHA(heads = 2, output = none)
backbone {
  a: attn
  2 x {
    b: attn
    SwiGLU   plus from b
    %s
  }
  c: attn
  SwiGLU   plus from a
  SwiGLU   input from c
}
"""


@pytest.mark.parametrize(
    ("use", "found"),
    [
        ("SwiGLU   |", {"input", "plus"}),
        ("attn   same as b   |", {"input", "plus"}),
        ("SwiGLU   input from |", {"b"}),
        ("attn   same as b   plus from |", {"b"}),
        ("SwiGLU   input from b   |", set()),
        ("SwiGLU   plus from b   input from |", set()),
        ("attn   q, |", set()),
        ("parallel { MHA(heads = 2)   |", set()),
    ],
)
def test_answers_that_may_be_read(use: str, found: set[str]) -> None:
    """In the body where they stand, by one clause of a LIV."""
    there = {*proposed(ASIDE % use)}
    assert there & {"input", "plus", "a", "b", "c"} == found


def test_no_word_for_an_answer_where_there_is_none() -> None:
    assert not {"input", "plus"} & {*proposed(BACKBONE % "attn |")}


def test_words_of_clauses_as_the_grammar_has_them() -> None:
    assert {"weights", "same", "genes"} <= {*proposed(BACKBONE % "attn |")}
    assert proposed(BACKBONE % "attn k |") == ["from"]
    assert proposed("liv mine = |")[0] == "diff"


def test_values_of_an_option() -> None:
    assert proposed("model m { placement = |") == [*PLACEMENTS]
    assert "true" in proposed("backbone { GQA(qk_norm = |")
    assert proposed("liv Mine {\n  token = |")[:2] == ["diagonal", "low_rank"]
    assert proposed("model m { norm = layer(|") == ["eps", "weight", "bias"]


def test_a_search() -> None:
    assert proposed("search { minimize |") == [*MEASURES]
    assert "population" in proposed("search {\n  |\n}")
    assert "steps" in proposed("search { trainer = real(|")
    assert {"MHA"} <= {*proposed("search { pool = [|")}
    assert "heads" in proposed("search { open = [GQA(|")


def test_nothing_in_comments_and_numbers() -> None:
    assert proposed("# mod|") == []
    assert proposed("model m { width = 12|") == []


def test_a_proposal_takes_the_place_of_the_word() -> None:
    document, place = at("model m { width = 8 }\nbackbone {\n  GConv-1-D|\n}\n")
    one = next(c for c in completions(document, place) if c.label == "GConv-1-Diff")
    whole = apply(
        document.source.text, [navigation.Change(one.start, one.end, one.text)]
    )
    assert "\n  GConv-1-Diff\n" in whole


def test_a_mistake_elsewhere_takes_nothing_away() -> None:
    assert proposed("model m { width = (8 }\nbackbone {\n  MHA(he|")[0] == "heads"


# Hover --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (marked("a: at", "tn"), ["SA-3(heads = 4, kv_heads = 2)", "T_ij", "49,280"]),
        (marked("b: at", "tn"), ["k, v from a_1", "2 times"]),
        (marked("    ", "b: attn"), ["**b**: attn", "line 23"]),
        (
            marked("GQA(hea", "ds"),
            ["**heads** = `4`", "Heads of q", "whole number from 1"],
        ),
        (marked("vo", "cab"), ["Number of tokens", "50_304", "= `256`"]),
        (marked("model sm", "all"), ["LIVs of width 128", "Parameters: "]),
        (marked("low_r", "ank"), ["earlier token"]),
        (marked("featurizer = mi", "ne"), ["computes q, k, v"]),
        (marked("b: attn   ", "k, v"), ["(B, T, 64)"]),
        (marked("same ", "as m"), ["whole LIV again"]),
        (marked("k, v fr", "om a"), ["feature-group sharing"]),
        (marked("2 ", "x {"), ["2 iterations of 4 LIVs: 8"]),
        (marked("genes(1, ", "1, 1, 1)"), ["Gene 3"]),
        (marked("minimize par", "ams"), ["Numbers in all tensors"]),
        (marked("cache(con", "text"), ["Longest sequence"]),
        (marked("pool = [MH", "A"), ["SA-1"]),
    ],
)
def test_what_a_place_means(text: str, words: list[str]) -> None:
    about = told(text)
    assert [word for word in words if word not in about] == []


def test_nothing_is_said_of_a_comment() -> None:
    assert told(marked("# Two kin", "ds")) == ""


@pytest.mark.parametrize("code", WRONG)
def test_a_mistake_is_explained_where_it_stands(code: str) -> None:
    document = Document("a.star", WRONG[code])
    for one in document.diagnostics:
        found = hover.hover(document, one.span.start)
        explained = explain(one.code)
        assert found is not None and explained is not None
        assert explained.text in found.about


def test_a_liv_in_a_file_with_mistakes() -> None:
    text = PROGRAM.replace("vocab = 256", "vocab = = 256").replace("b: attn", "b: at(n")
    assert "Parameters: " in told(text.replace("a: attn", "a: at|tn"))
    assert "Heads of q" in told(text.replace("b: at(n", "b: GQA(he|ads = )"))


@pytest.mark.parametrize("name", NAMES)
def test_every_operator_says_its_formula(name: str) -> None:
    for liv in prelude().livs.values():
        if liv is not None and liv.liv.template.kind == name:
            text = f"model m {{ width = 128 }}\nbackbone {{\n  |{liv.liv.name}\n}}\n"
            assert re.search(r"T(_|\()", told(text)) or liv.liv.of, name


# Names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "defined"),
    [
        (marked("k, v from ", "a"), "a: attn"),
        (marked("b: at", "tn"), "attn = GQA"),
        (marked("featurizer = mi", "ne"), "mine { groups"),
        (marked("same as ", "m"), "m: SwiGLU"),
        (marked("pool = [MHA, at", "tn"), "attn = GQA"),
    ],
)
def test_where_a_name_is_defined(text: str, defined: str) -> None:
    document, place = at(text)
    span = navigation.definition(document, place)
    assert span is not None and span.source is document.source
    assert document.source.text[span.start :].startswith(defined)


def test_a_name_of_the_prelude_is_defined_there() -> None:
    span = navigation.definition(*at(marked("m: Swi", "GLU")))
    assert span is not None and span.source.name == navigation.PRELUDE
    assert span.text == "SwiGLU"


@pytest.mark.parametrize(
    ("name", "times"), [("attn", 4), ("a: ", 2), ("mine", 2), ("m: ", 2), ("Own", 2)]
)
def test_another_name_changes_every_place_and_nothing_else(
    name: str, times: int
) -> None:
    document = Document("a.star", PROGRAM)
    place = document.source.text.index(name)
    changes = navigation.rename(document, place, "other")
    assert len(changes) == times
    after = apply(document.source.text, changes)
    assert not check(after)
    back = Document("a.star", after)
    again = navigation.rename(back, after.index("other"), name.strip(": "))
    assert apply(after, again) == document.source.text


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("attn = GQA", "MHA"),  # taken
        ("a: attn", "m"),
        ("a: attn", "no name"),
        ("a: attn", "9"),
        ("SwiGLU", "mine"),  # of the prelude
        ("width", "wide"),
        ("128", "129"),
    ],
)
def test_what_would_be_wrong_has_no_other_name(place: str, name: str) -> None:
    document = Document("a.star", PROGRAM)
    with pytest.raises(CannotRename):
        navigation.rename(document, PROGRAM.index(place), name)


def test_nothing_is_renamed_beside_a_statement_that_cannot_be_read() -> None:
    text = PROGRAM.replace("b: attn   k, v from a", "b: attn(heads = ) k, v from a")
    with pytest.raises(CannotRename, match="line 23"):
        navigation.rename(Document("a.star", text), text.index("a: attn"), "z")


# Fixes --------------------------------------------------------------------------------

MENDED = {
    *("bad-character", "bad-name", "bad-requirement", "block-twice"),
    *("clause-without-from", "code-taken", "conflicting-settings", "defined-twice"),
    *("diff-of-diff", "duplicate-label", "empty-body", "foreign-comment"),
    *("from-without-groups", "genes-disagree", "label-collision", "missing-backbone"),
    *("missing-block", "missing-comma", "missing-equals", "missing-model"),
    *("missing-parameter", "missing-parentheses", "missing-separator"),
    *("missing-setting", "missing-width", "no-template", "odd-rotation"),
    *("repeat-without-block", "repeat-without-x", "same-as-alone", "same-without-as"),
    *("setting-twice", "shared-twice", "stray-bracket", "stray-comma"),
    *("stray-separator", "unclosed", "unknown-block", "unknown-featurizer"),
    *("unknown-liv", "unknown-parameter", "unknown-structure"),
}
"""Codes whose example in the catalogue has a quick fix."""


@pytest.mark.parametrize("code", WRONG)
def test_a_fix_takes_the_mistake_away_and_brings_none(code: str) -> None:
    document = Document("a.star", WRONG[code])
    if not document.diagnostics:
        return
    first = document.diagnostics[0]
    found = fixes.fixes(document, first.span.start, first.span.end)
    assert bool(found) or code not in MENDED
    for one in found:
        after = check(apply(document.source.text, one.changes))
        assert len(after) < len(document.diagnostics)
        assert {d.code for d in after} <= {d.code for d in document.diagnostics}


# Formatting ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_formatting_is_fmt(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace(" = ", "=").replace("\n  ", "\n")
    document = Document(path.name, text)
    after = apply(text, formatting.formatting(document))
    assert after == unparse(parse(Source("a", text), Problems()))
    assert not formatting.formatting(Document(path.name, after))


def test_a_range_alone() -> None:
    text = PROGRAM.replace("width = 128", "width=128").replace("heads = 2)", "heads=2)")
    start = text.index("width")
    after = apply(text, formatting.formatting(Document("a", text), start, start + 5))
    assert "width = 128" in after and "heads=2)" in after


def test_blocks_beside_one_with_a_mistake() -> None:
    text = PROGRAM.replace("width = 128", "width=128").replace("a: attn", "a:= attn")
    after = apply(text, formatting.formatting(Document("a", text)))
    assert "width = 128" in after and "a:= attn" in after
    assert after.count("# ") == text.count("# ")


# Contents -----------------------------------------------------------------------------


def test_the_parts_of_a_text() -> None:
    found = outline.symbols(Document("a", PROGRAM))
    names = [(one.kind, one.name) for one in found]
    assert names == [
        *[("model", "small"), ("featurizer", "mine"), ("liv", "Own"), ("liv", "attn")],
        *[("backbone", "backbone"), ("search", "search")],
    ]
    repeat, own, _ = found[4].below
    assert repeat.name == "2 x" and own.name == "Own"
    assert [(u.name, u.detail) for u in repeat.below[:2]] == [
        ("a", "attn"),
        ("m", "SwiGLU"),
    ]
    todo = [*found]
    while todo:
        one = todo.pop()
        assert one.whole.start <= one.named.start <= one.named.end <= one.whole.end
        todo += one.below


def test_what_can_be_folded() -> None:
    found = outline.folds(Document("a", PROGRAM))
    assert (0, 1, "comment") in found
    lines = PROGRAM.split("\n")
    for first, last, kind in found:
        if kind == "region":
            assert lines[first].endswith("{") and lines[last + 1].strip() == "}"
    assert len(found) == PROGRAM.count("{\n") + 1


def test_a_block_that_is_never_closed_is_folded() -> None:
    assert outline.folds(Document("a", "backbone {\n  MHA\n  MHA\n")) != []


# Between the lines --------------------------------------------------------------------


def test_numbers_behind_the_text() -> None:
    document = Document("a", PROGRAM)
    repeat, total = hints.hints(document)
    assert repeat.text == " 8 LIVs" and PROGRAM[: repeat.offset].endswith("2 x {")
    assert document.costs is not None
    assert f"{document.costs.total.params:,} parameters" in total.about
    assert PROGRAM[: total.offset].endswith("}") and "cache" in total.text


def test_counts_stay_in_a_text_with_mistakes() -> None:
    (one,) = hints.hints(Document("a", PROGRAM.replace("SwiGLU ", "SwiGUL ")))
    assert one.text == " 8 LIVs"


def test_commands_stand_where_there_is_a_model() -> None:
    found = hints.lenses(Document("a", PROGRAM))
    assert [one.command for one in found] == ["compile", "draw"]
    assert not hints.lenses(Document("a", "search { pool = [MHA] }"))


@pytest.mark.parametrize("text", [PROGRAM, *WRONG.values()])
def test_the_name_at_a_place_is_one_of_all_names(text: str) -> None:
    """It is looked for in the statement there alone."""
    document = Document("a", text)
    for offset in range(len(document.source.text) + 1):
        there = [w for w in document.words if w.span.start <= offset <= w.span.end]
        assert document.word(offset) == (there[-1] if there else None)


# Tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_word_has_a_kind(path: Path) -> None:
    document = Document(path.name, path.read_text(encoding="utf-8"))
    found = tokens.tokens(document)
    ordered(found)
    kinds = {token.start: token.kind for token in found}
    assert all(
        kinds[word.span.start] == tokens.WORDS[word.kind] for word in document.words
    )
    signs = re.sub(r"#.*", lambda m: " " * len(m[0]), document.source.text)
    inside = {i for token in found for i in range(token.start, token.end)}
    bare = [m.group() for m in re.finditer(r"[\w-]+", signs) if m.start() not in inside]
    assert not bare


def ordered(found: Iterable[tokens.Token]) -> None:
    end = 0
    for token in found:
        assert end <= token.start < token.end and token.kind in tokens.TYPES
        end = token.end


def test_no_rule_of_a_highlighter_looks_beyond_a_line() -> None:
    """So the words of a line can be kept while others are edited."""
    pattern, _ = tokens._pattern()
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    for text in (*texts, *WRONG.values()):
        start, found = 0, []
        for line in text.split("\n"):
            found += [(start + a, start + b) for a, b, _ in tokens._of_line(line)]
            start += len(line) + 1
        whole = [one.span() for one in pattern.finditer(text)]
        assert found == [span for span in whole if text[slice(*span)].strip()], text


@pytest.mark.parametrize("code", WRONG)
def test_tokens_of_wrong_texts_are_in_order(code: str) -> None:
    ordered(tokens.tokens(Document("a", WRONG[code])))


def test_a_document_says_what_check_says() -> None:
    for text in (PROGRAM, *WRONG.values()):
        assert Document("a.star", text).diagnostics == check(text, "a.star")
    model = Document("a.star", PROGRAM).written
    assert model == to_ir(PROGRAM)


def test_pointing_behind_what_is_missing_explains_it() -> None:
    """A mistake where nothing stands has a width of one, for whoever points at it."""
    document = Document("a", WRONG["missing-value"])
    one = document.diagnostics[0]
    assert one.span.start == one.span.end
    found = hover.hover(document, one.span.start + 1)
    assert found is not None and one.code in found.about
