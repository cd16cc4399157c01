"""The gene reference holds every gene, value and meaning, and marks assumptions."""

import json

import pytest

from starc.alphabet import templates
from starc.genome import legality, published
from starc.genome.marks import MARKS
from starc.genome.reference import as_json, as_markdown, as_text, tables
from starc.genome.strategies import FEATURE_STRATEGIES, borrowed_groups


def test_it_names_everything() -> None:
    text = as_markdown()
    for liv in published().values():
        assert f"| {liv.name} " in text
        assert "".join(map(str, liv.digits or "none")) in text
    for template in templates():
        assert all(f"| {option.name} " in text for option in template.options)
        assert all(option.assumption in text for option in template.options)
    assert as_markdown() == text


@pytest.mark.parametrize("columns", [76, 80, 120])
def test_a_terminal_shows_the_same_words(columns: int) -> None:
    """Whatever its width: none is cut, none is wider."""
    text = as_text(columns)
    assert max(map(len, text.splitlines())) <= columns
    shown = "".join(text.split())
    for table in tables():
        for row in table.rows:
            for cell in row:
                words = cell if isinstance(cell, list) else [str(cell or "")]
                assert all(one in shown for name in words for one in name.split())


def test_published_operator_genomes() -> None:
    rows = json.loads(as_json())["classes"]["rows"]
    assert [row["code"] for row in rows] == list(range(1, 18))
    digits = [row["operator"] for row in rows]
    assert digits[:9] == (
        "12123 22123 32123 42123 54111 64111 73111 83111 91142".split()
    )
    assert digits[9:] == digits[:8]
    assert [row["name"] for row in rows][9] == "SA-1-Diff"


def test_strategies_are_those_that_are_legal() -> None:
    rows = json.loads(as_json())["feature_strategies"]["rows"]
    told = {(name, row["value"]) for row in rows for name in row["classes"]}
    for code, liv in published().items():
        for value in range(6):
            legal = not legality(((code, 1, 1, 1, value),))
            assert legal == ((liv.name, value) in told)


def test_every_row_of_every_table_is_complete() -> None:
    for table in tables():
        assert table.rows
        for row in table.rows:
            assert len(row) == len(table.columns)
            assert row[-1] in ("", *MARKS)
            assert row[-1] or table.key.startswith(("parameters", "featurizers"))


def test_assumptions_are_marked() -> None:
    text = as_markdown()
    for mark in MARKS:
        assert text.count(mark) > 3
    for line in text.splitlines():
        if "the paper does not say" in line or "read as" in line:
            assert "[A]" in line


@pytest.mark.parametrize("groups", FEATURE_STRATEGIES)
def test_one_group_is_never_borrowed(groups: tuple[str, ...]) -> None:
    """Otherwise two members of a featurizer group might read no common weights."""
    borrowed = set()
    for strategy in range(2, len(FEATURE_STRATEGIES[groups]) + 2):
        borrowed |= {*borrowed_groups(groups, strategy)}
    assert borrowed < {*groups}
