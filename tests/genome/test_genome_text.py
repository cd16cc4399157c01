"""read and write: every form there and back; malformed text says what, where, how."""

from random import Random

import pytest

from starc.diagnostics import StarError
from starc.genome import from_lists, random_genome, read, write, write_json

EXAMPLE = (
    (2, 1, 2, 1, 1),
    (3, 1, 1, 1, 2),
    (2, 1, 2, 2, 1),
    (3, 2, 1, 1, 2),
)


@pytest.mark.parametrize(
    "text",
    [
        "21211-31112-21221-32112",
        " 21211 - 31112 - 21221 - 32112\n",
        "2.1.2.1.1-3.1.1.1.2-2.1.2.2.1-3.2.1.1.2",
        "2 1 2 1 1 - 3 1 1 1 2 - 2 1 2 2 1 - 3 2 1 1 2",
        "2,1,2,1,1-3, 1, 1, 1, 2-21221-32112",
        "21211-31112-\n21221-32112",
        "21211-31112\r\n  -21221\n32112",
        "[[2, 1, 2, 1, 1], [3,1,1,1,2], [2,1,2,2,1],\n [3,2,1,1,2]]",
    ],
)
def test_every_form_is_read(text: str) -> None:
    assert read(text) == EXAMPLE


def test_it_is_written_as_it_is_read() -> None:
    assert write(EXAMPLE) == "21211-31112-21221-32112"
    assert write_json(EXAMPLE).startswith("[[2, 1, 2, 1, 1], [3, 1")
    assert from_lists([list(liv) for liv in EXAMPLE]) == EXAMPLE
    above = ((10, 1, 2, 1, 1), (2, 12, 1, 1, 1))
    assert write(above) == "10.1.2.1.1-2.12.1.1.1"


def test_random_genomes_come_back(random_source: Random) -> None:
    for length in (1, 2, 24):
        for labels in (4, 30):
            genome = random_genome(random_source, length, labels=labels)
            assert read(write(genome)) == genome == read(write_json(genome))


@pytest.mark.parametrize(
    ("text", "label", "column"),
    [
        ("", "no LIV", 1),
        ("  \n ", "no LIV", 1),
        ("2121", "LIV 0 (counted from 0) has 4 genes, not 5", 1),
        ("21211-312", "LIV 1 (counted from 0) has 3 genes, not 5", 7),
        ("21211-101211", "LIV 1 (counted from 0) has 6 genes, not 5", 7),
        ("21211--31112", "LIV 1 (counted from 0) is empty", 7),
        ("21211-", "LIV 1 (counted from 0) is empty", 7),
        ("21211-3a112", "LIV 1 (counted from 0) has a character that is no digit", 8),
        ("2121١", "LIV 0 (counted from 0) has a character that is no digit", 5),
        ("20211", "featurizer-sharing group of LIV 0", 1),
        (f"1.{'9' * 5000}.1.1.1", "featurizer-sharing group of LIV 0", 1),
        ("[[1, 1, 1, 1]]", "LIV 0 (counted from 0) has 4 genes, not 5", 1),
        ("[[1, 1, 1, 1, true]]", "feature-group-sharing strategy of LIV 0", 1),
        ("[[1, 1, 1, 1, 1.5]]", "feature-group-sharing strategy of LIV 0", 1),
        (f"[[1, 1, 1, 1, {'1' * 5000}]]", "feature-group-sharing strategy of", 1),
        ("[[1, 1, 1, 1, 1]", "no JSON", 17),
        ("[" * 100_000, "JSON nested too deeply", 1),
        ("[]", "no list of LIVs", 1),
        ('{"a": 1}', "no list of LIVs", 1),
        ("[1]", "LIV 0 (counted from 0) is no list of integers", 1),
    ],
)
def test_malformed_text(text: str, label: str, column: int) -> None:
    with pytest.raises(StarError) as raised:
        read(text)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "malformed-genome"
    assert label in diagnostic.label
    assert diagnostic.hint
    span = diagnostic.span
    assert span.source.line_and_column(span.start) == (1, column)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(StarError) as raised:
        read("2121-31112-2x221-")
    assert len(raised.value.diagnostics) == 3
