"""Each kind of illegal gene, and what is told about it."""

from random import Random

import pytest

from starc.diagnostics import StarError
from starc.genome import decode, legality, read, repair


@pytest.mark.parametrize(
    ("text", "position", "gene", "why"),
    [
        ("18.1.1.1.1", 0, 1, "no LIV class has the code 18"),
        ("11311", 0, 3, "neither 1 (none) nor 2"),
        ("11111-11115", 1, 5, "2 (k and v), 3 (k), 4 (v)"),
        ("91113", 0, 5, "none of 1 (none), 2 (gate)"),
        ("11211-31211", 1, 2, "SA-3 cannot join featurizer-sharing group 1"),
        ("51113-61113", 1, 4, "whose first LIV (at 0) is Rec-1"),
        ("7.1.1.2.2-16.1.1.2.2", 1, 4, "GConv-1-Diff cannot join"),
    ],
)
def test_illegal_genes(text: str, position: int, gene: int, why: str) -> None:
    genome = read(text)
    (found,) = legality(genome)
    assert (found.position, found.gene) == (position, gene)
    assert why in found.why
    with pytest.raises(StarError) as raised:
        decode(genome)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "illegal-genome"
    assert diagnostic.span.text == text.split("-")[position]
    assert len(diagnostic.notes) == (gene in (2, 4))
    (change,) = repair(genome, Random(3)).changes
    assert (change.position, change.gene) == (position, gene)


@pytest.mark.parametrize(
    "text",
    [
        "11111-31111",  # the same labels, but nobody is a member
        "11211-31111",  # one member
        "11212-11214",  # both kinds of sharing at once
        "11212-32222",
    ],
)
def test_legal_genomes(text: str) -> None:
    assert legality(read(text)) == []


def test_several_are_all_told() -> None:
    genome = ((0, 0, 0, 0, 0), (1, 1, 2, 1, 9))
    assert [(i.position, i.gene) for i in legality(genome)] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 4),
        (0, 5),
        (1, 5),
    ]


def test_repair_joins_a_group_of_the_own_class_or_a_new_one() -> None:
    genome = read("11211-32211-31211")
    labels = {repair(genome, Random(seed)).genome[2][1] for seed in range(50)}
    assert labels == {2, 3}
    for seed in range(50):
        repaired = repair(genome, Random(seed))
        assert repaired.genome[:2] == genome[:2]
        assert repaired.genome[2][2] == 2  # the strategy stays
        (change,) = repaired.changes
        assert change.why == "SA-3 cannot join group 1 of SA-1"
