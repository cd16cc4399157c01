"""Variation on LIVs and on who shares: legal by construction, and nothing is lost."""

import pytest

from starc import passes
from starc.evolve.problem.architecture import surroundings, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.variation.changes import Change
from starc.evolve.variation.inheriting import Inheriting
from starc.evolve.variation.operators import Proposal
from starc.evolve.variation.parts import (
    KINDS,
    Part,
    exchanged,
    inserted,
    motifs,
    parts_of,
    whole,
)
from starc.evolve.variation.proposer import variation_of
from starc.evolve.variation.random_streams import stream
from starc.genome import canonical, legality, meaning, random_genome
from starc.genome.text import Genes, Genome
from starc.ir.verify import verify
from tests.evolve.loop.searches import MODEL, spec_of

OPEN = """
  pool = [SA-3, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless, Mamba-2]
  depth = [4, 9]
  open = [
    GConv-1(kernel = [2, 3, 4]), GMemless(expand = [2, 8/3, 4]),
    SA-3(rope = [true, false], rope_theta = [1e4, 1e6], placement = [pre, post])
  ]
  placement = [pre, sandwich]
  norm = [rms, layer]
  mutation = 0.3
"""


def children(spec: Spec, count: int) -> list[Proposal]:
    variation = Inheriting(spec)
    pool = [variation.sample(stream(0, i)) for i in range(12)]
    found = list(pool)
    for i in range(count):
        random = stream(1, i)
        one, two = random.randrange(len(pool)), random.randrange(len(pool))
        found.append(
            variation.child(
                (one, pool[one].candidate), (two, pool[two].candidate), random
            )
        )
        pool[random.randrange(len(pool))] = found[-1]
    return found


def test_children_are_legal_without_repair_of_any_gene() -> None:
    spec = spec_of(OPEN, model=MODEL)
    done: list[Change] = []
    for child in children(spec, 100):
        assert not child.illegal and 4 <= len(child.candidate.genome) <= 9
        verify(passes.run(to_ir(child.candidate, spec)), "all")
        done += child.changes
    assert not [c for c in done if c["by"] == "repair" and "gene" in c]
    mutated = [c for c in done if c["by"] == "mutation"]
    assert {c["shares"] for c in mutated if "shares" in c} == {*KINDS}
    assert {c["with"] is None for c in mutated if "shares" in c} == {True, False}
    assert {c["parameter"] for c in mutated if "parameter" in c} >= {"kernel", "expand"}
    assert {c["model"] for c in mutated if "model" in c} == {"placement", "norm"}
    assert {"inserted", "deleted", "gene"} <= {key for c in mutated for key in c}
    assert all(c["words"] for c in done)


@pytest.mark.parametrize("depth", [1, 2, 24])
def test_first_members_are_legal_as_drawn(depth: int) -> None:
    spec = spec_of(f"depth = {depth}; labels = 2")
    for i in range(100):
        drawn = Inheriting(spec).sample(stream(2, i))
        assert drawn.valid_before_repair and not drawn.changes
        found = meaning(drawn.candidate.genome)
        assert len({liv.weights_from for liv in found} - {-1}) <= 2
        assert len({liv.features_from for liv in found} - {-1}) <= 2


def test_first_members_are_spread_over_the_cache() -> None:
    """Of 24 LIVs of the paper's classes, some without any that keeps all tokens."""
    spec = spec_of("depth = 24")
    classes = surroundings(spec).classes
    counts, sharing = [], 0
    for i in range(100):
        genome = Inheriting(spec).sample(stream(2, i)).candidate.genome
        counts.append(sum(classes[g[0]].template.token == "low_rank" for g in genome))
        sharing += genome != tuple((genes[0], 1, 1, 1, 1) for genes in genome)
    assert min(counts) == 0 and max(counts) > 18 and 20 < sharing < 80


def noisy(genome: Genome, seed: int) -> Genome:
    """The same architecture with other silent genes."""
    random = stream(seed, "silent")
    found: list[Genes] = []
    for code, label, strategy, group, borrows in genome:
        if strategy == 1:
            label = random.randint(1, 9)
        if borrows == 1:
            group = random.randint(1, 9)
        found.append((code, label, strategy, group, borrows))
    assert not legality(tuple(found)) and canonical(tuple(found)) == canonical(genome)
    return tuple(found)


def test_silent_genes_do_not_disturb_the_child() -> None:
    variation = Inheriting(spec_of("depth = 12; mutation = 0.2"))
    for i in range(30):
        a, b = (random_genome(stream(i, side), 12) for side in "ab")
        plain = variation.child((1, Candidate(a)), (2, Candidate(b)), stream(3, i))
        other = variation.child(
            (1, Candidate(noisy(a, i))), (2, Candidate(noisy(b, i))), stream(3, i)
        )
        assert plain == other


def test_a_child_of_twins_is_their_like() -> None:
    for i in range(30):
        genome = random_genome(stream(i, "twin"), 12, labels=3)
        twin = parts_of(Candidate(genome))
        for cuts in (1, 6, 11):
            child, _ = exchanged(twin, twin, cuts, stream(4, i, cuts))
            assert whole(child, ()).genome == canonical(genome)


def groups(parts: list[Part]) -> dict[object, list[int]]:
    found: dict[object, list[int]] = {}
    for position, part in enumerate(parts):
        for kind in KINDS:
            if part.group(kind) is not None:
                found.setdefault(part.group(kind), []).append(position)
    return found


def test_a_group_comes_whole_or_not_at_all() -> None:
    """Where it overlaps none of the other parent's."""
    spread = [
        (7, 1, 2, 1, 1) if at in (1, 6, 9) else (9, 1, 1, 1, 1) for at in range(12)
    ]
    others = [
        (1, 1, 1, 1, 2) if at in (2, 3, 11) else (9, 1, 1, 1, 1) for at in range(12)
    ]
    a, b = (parts_of(Candidate(tuple(g)), n) for n, g in enumerate((spread, others)))
    seen = set()
    for i in range(60):
        child, second = exchanged(a, b, 6, stream(5, i))
        found = sorted(groups(child).values())
        seen.add(tuple(map(tuple, found)))
        assert all(positions in ([1, 6, 9], [2, 3, 11]) for positions in found)
        assert all(child[at] == (b if at in second else a)[at] for at in range(12))
    assert len(seen) == 4  # each, both and none


def test_no_group_gains_members_by_crossover() -> None:
    for i in range(60):
        a, b = (
            parts_of(Candidate(random_genome(stream(i, side), 9, labels=2)), side)
            for side in "ab"
        )
        child, _ = exchanged(a, b[:7], 4, stream(6, i))
        before = {**groups(a), **groups(b)}
        for group, members in groups(child).items():
            assert len(members) <= len(before[group])
            assert len({child[at].code for at in members}) == 1


def test_a_class_changes_in_all_that_share() -> None:
    spec = spec_of("pool = [SA-1, SA-3]; depth = 4; mutation = 0.5; crossover = 0")
    start = Candidate(
        ((1, 1, 2, 1, 1), (3, 1, 1, 1, 1), (1, 1, 2, 1, 1), (3, 1, 1, 1, 1))
    )
    seen = set()
    for i in range(60):
        child = Inheriting(spec).child((1, start), (1, start), stream(7, i)).candidate
        first, third = meaning(child.genome)[0], meaning(child.genome)[2]
        if third.weights_from == 0:
            assert first.code == third.code
            seen.add(first.code)
    assert seen == {1, 3}


@pytest.mark.parametrize("variation", ["inherit", "paper"])
def test_a_child_that_is_mutated_again_keeps_its_parents(variation: str) -> None:
    """It stays legal, and its changes are those that it had and more."""
    spec = spec_of(OPEN + f"  variation = {variation}\n", model=MODEL)
    makes = variation_of(spec)
    a, b = (makes.sample(stream(2, i)).candidate for i in range(2))
    more = 0
    for i in range(20):
        child = makes.child((4, a), (7, b), stream(3, i))
        found = makes.again(child, stream(4, i))
        assert (found.parents, found.origin) == (child.parents, child.origin)
        assert found.changes[: len(child.changes)] == child.changes
        assert not found.illegal
        verify(passes.run(to_ir(found.candidate, spec)), "all")
        assert found.candidate == child.candidate or found.changes != child.changes
        more += len(found.changes) > len(child.changes)
    assert more > 15


def test_a_motif_comes_whole_with_what_it_shares() -> None:
    pair = [Part(7, weights="w"), Part(7, weights="w")]
    several = [[*pair, Part(9)], [Part(1), *pair], [Part(7), Part(7), Part(1)]]
    found = motifs([whole(parts, ()) for parts in several])
    (motif,) = found
    assert motif == whole(pair, ()) and found[motif] == 2
    for i in range(6):
        alone = [Part(9, features="f")] * 4
        parts, at = inserted(alone, motif, stream(0, i))
        shared = [liv.weights_from for liv in meaning(whole(parts, ()).genome)]
        assert len(parts) == 4 and [code for code, *_ in motif.genome] == [7, 7]
        assert [at for at, owner in enumerate(shared) if owner >= 0] == [at + 1]
        assert shared[at + 1] == at


def test_half_of_the_children_take_a_motif_where_asked() -> None:
    spec = spec_of(f"{OPEN}; blocks = true", model=MODEL)
    variation = Inheriting(spec)
    pool = [variation.sample(stream(0, i)).candidate for i in range(6)]
    variation.learn(pool * 2)
    taken = 0
    for i in range(60):
        child = variation.child((0, pool[0]), (1, pool[1]), stream(1, i))
        assert not child.illegal
        taken += "block crossover" in [change["by"] for change in child.changes]
    assert 15 < taken < 45
