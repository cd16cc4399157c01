"""What holds for all genomes: round trips, canonical form, repair."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome import (
    Genome,
    canonical,
    check_genes,
    decode,
    encode,
    legality,
    meaning,
    published,
    random_genome,
    repair,
)
from starc.source import Source
from tests.genome.genome_spellings import brute_force, silently_changed
from tests.sampled import sampled
from tests.work import calls

ATTENTION, RECURRENT, ONE = (1, 3, 9), (5, 14), (2,)
POOLS = ((), ATTENTION, RECURRENT, ONE)

any_genes = st.tuples(*[st.integers(-2, 20)] * 1, *[st.integers(-1, 5)] * 4)
any_genomes = st.lists(any_genes, max_size=12).map(tuple)
seeds = st.integers(0, 2**32)


def samples(random: Random, number: int) -> list[Genome]:
    """Legal genomes of 1 to 24 LIVs, from much sharing to little."""
    return [
        random_genome(
            random,
            random.randint(1, 24),
            random.choice(POOLS),
            labels=random.choice((1, 3, 8, 40)),
        )
        for _ in range(number)
    ]


@pytest.mark.parametrize("number", sampled((2_000, 10_000), (2_000,)))
def test_they_come_back_exactly(random_source: Random, number: int) -> None:
    for genome in samples(random_source, number):
        assert encode(decode(genome, exact=True)) == genome


@pytest.mark.parametrize("number", sampled((500, 10_000), (500,)))
def test_through_text_too(random_source: Random, number: int) -> None:
    for genome in samples(random_source, number):
        assert encode(reread(decode(genome, exact=True))) == genome
        assert encode(reread(decode(genome))) == canonical(genome)


def reread(program: ast.Program) -> ast.Program:
    """The program as it comes back from its text; with its comment on top."""
    problems = Problems()
    text = unparse(program)
    assert text.startswith("# Genome")
    found = parse(Source("test.star", text), problems)
    problems.check()
    assert found.items == program.items
    assert unparse(found) == text
    return found


def test_without_exact_the_canonical_genome_comes_back(random_source: Random) -> None:
    for genome in samples(random_source, 1_000):
        found = canonical(genome)
        assert encode(decode(genome)) == found
        assert encode(decode(genome, exact=True), exact=False) == found
        assert canonical(found) == found
        assert not legality(found)


def test_what_encode_finds_by_itself_is_not_written(random_source: Random) -> None:
    for genome in samples(random_source, 300):
        found = canonical(genome)
        backbone = decode(genome, exact=True).items[1]
        assert isinstance(backbone, ast.Backbone)
        for step, genes, plain in zip(backbone.body, genome, found, strict=True):
            assert isinstance(step, ast.Use)
            kept = [c for c in step.clauses if isinstance(c, ast.Genes)]
            assert bool(kept) == (genes != plain)


def test_silent_changes_do_not_change_the_canonical_genome(
    random_source: Random,
) -> None:
    for genome in samples(random_source, 1_000):
        other = silently_changed(genome, meaning(genome), random_source)
        assert not legality(other)
        assert canonical(other) == canonical(genome)
        assert encode(decode(other, exact=True)) == other


def test_canonical_genomes_are_equal_only_if_the_programs_are(
    random_source: Random,
) -> None:
    pairs = 0
    for _ in range(3_000):
        length = random_source.randint(2, 4)
        one = random_genome(random_source, length, (3,), labels=2)
        two = random_genome(random_source, length, (3,), labels=2)
        same = decode(one).items == decode(two).items
        assert (canonical(one) == canonical(two)) == same
        assert (brute_force(one) == brute_force(two)) == same
        pairs += same
    assert pairs > 50


def test_meaning_against_a_search(random_source: Random) -> None:
    for genome in samples(random_source, 500):
        assert [tuple(liv) for liv in meaning(genome)] == brute_force(genome)


@given(any_genomes, seeds)
@settings(max_examples=300, deadline=None)
def test_repair_makes_legal_and_says_what_it_did(genome: Genome, seed: int) -> None:
    repaired = repair(genome, Random(seed))
    assert not legality(repaired.genome)
    undone = [list(genes) for genes in repaired.genome]
    for change in reversed(repaired.changes):
        assert undone[change.position][change.gene - 1] == change.new
        assert change.why
        undone[change.position][change.gene - 1] = change.old
    assert tuple(map(tuple, undone)) == genome
    assert bool(repaired.changes) == bool(legality(genome))
    assert encode(decode(repaired.genome, exact=True)) == repaired.genome


def test_repair_leaves_legal_genomes_alone(random_source: Random) -> None:
    for genome in samples(random_source, 500):
        assert repair(genome, random_source) == (type(repair((), random_source)))(
            genome, ()
        )


def test_random_genomes_keep_to_their_pool(random_source: Random) -> None:
    genome = random_genome(random_source, 500, (1, 3, 5))
    assert {genes[0] for genes in genome} == {1, 3, 5}
    everything = random_genome(random_source, 2_000)
    assert {genes[0] for genes in everything} == set(published())


def test_genes_that_decode_wrote_are_no_problem(random_source: Random) -> None:
    for genome in samples(random_source, 100):
        problems = Problems()
        check_genes(decode(genome, exact=True), problems)
        assert not problems


@pytest.mark.parametrize(
    "work",
    [
        legality,
        canonical,
        decode,
        lambda genome: decode(genome, exact=True),
        lambda genome: repair(genome, Random(1)),
        lambda genome: repair(tuple((g[0], 0, 3, 0, 9) for g in genome), Random(1)),
        lambda genome: random_genome(Random(1), len(genome)),
    ],
)
def test_work_grows_with_the_number_of_livs(work: Callable[[Genome], object]) -> None:
    short, long = (random_genome(Random(7), livs) for livs in (24, 24 * 16))
    work(short)  # what is read once is read
    few = calls(lambda: work(short))
    assert few < 24 * 200, "calls for each LIV"
    assert calls(lambda: work(long)) < 40 * few  # 16 is linear, 256 quadratic
