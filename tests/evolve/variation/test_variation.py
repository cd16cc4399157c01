"""Sampling, crossover, mutation and repair: always legal, and accounted for."""

import pytest

from starc import passes
from starc.evolve.problem.architecture import function, surroundings, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.variation.operators import Proposal, Variation
from starc.evolve.variation.proposer import variation_of
from starc.evolve.variation.random_streams import stream
from starc.evolve.variation.repair import problem, repaired
from starc.ir.nodes import Liv
from starc.ir.verify import verify
from tests.evolve.loop.searches import MODEL, SMALL, spec_of

OPEN = """
  variation = paper
  pool = [attn, SA-3, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless, Mamba-2]
  depth = [4, 9]
  open = [
    GConv-1(kernel = [2, 3, 4]), GMemless(expand = [2, 8/3, 4]),
    SA-3(rope = [true, false], rope_theta = [1e4, 1e6], placement = [pre, post])
  ]
  placement = [pre, sandwich]
  norm = [rms, layer]
  residual_scale = [1, 0.5]
"""
ALIAS = MODEL + "liv attn = SA-1(heads = 4)\n"


def children(spec: Spec, count: int) -> list[Proposal]:
    variation = Variation(spec)
    pool = [variation.sample(stream(0, i)) for i in range(12)]
    found = []
    for i in range(count):
        random = stream(1, i)
        one, two = random.randrange(len(pool)), random.randrange(len(pool))
        child = variation.child(
            (one, pool[one].candidate), (two, pool[two].candidate), random
        )
        pool[random.randrange(len(pool))] = child
        found.append(child)
    return found


def test_children_are_legal_and_compile() -> None:
    spec = spec_of(OPEN, model=ALIAS)
    for child in children(spec, 150):
        candidate = child.candidate
        assert not problem(candidate, spec) and not child.illegal
        assert 4 <= len(candidate.genome) <= 9
        verify(passes.run(to_ir(candidate, spec)), "all")
        assert child.valid_before_repair == (
            not any(change["by"] == "repair" for change in child.changes)
        )


@pytest.mark.parametrize("variation", ["inherit", "paper"])
def test_widths_are_searched(variation: str) -> None:
    """Each child is built at its own."""
    text = "pool = [SA-3, GMemless]; depth = 3; width = [48, 64, 96]"
    spec = spec_of(f"{text}; mutation = 1/2; variation = {variation}")
    makes = variation_of(spec)
    pool = [makes.sample(stream(0, i)).candidate for i in range(8)]
    for i in range(20):
        child = makes.child((0, pool[0]), (i % 8, pool[i % 8]), stream(1, i))
        pool[i % 8] = child.candidate
    built = {passes.run(to_ir(candidate, spec)).width for candidate in pool}
    assert built == {48, 64, 96}


@pytest.mark.parametrize("variation", ["inherit", "paper"])
def test_what_a_liv_cannot_have_is_repaired_and_counted(variation: str) -> None:
    """A width that it cannot have, and not what else the model says."""
    text = "pool = [SA-3, GMemless]; depth = 2; width = [51]; norm = [layer]"
    spec = spec_of(f"{text}; variation = {variation}")
    makes, widths = variation_of(spec), set()
    for i in range(30):
        found = makes.sample(stream(0, i))
        model = dict(found.candidate.model)
        told = [
            c["words"] for c in found.changes if c["by"] == "repair" and "model" in c
        ]
        attends = any(code == 3 for code, *_ in found.candidate.genome)
        assert model["norm"] == "layer" and ("width" in model) != attends
        said = "model: width 51 -> as in the file, since SA-3 cannot have it"
        assert told == ([said] if attends else [])
        widths.add(passes.run(to_ir(found.candidate, spec)).width)
    assert widths == {51, spec.width}


@pytest.mark.parametrize("variation", ["inherit", "paper"])
def test_without_labels_nothing_is_shared(variation: str) -> None:
    text = "labels = 0; pool = [SA-1, GMemless]; depth = 6; mutation = 1/2"
    makes = variation_of(spec_of(f"{text}; variation = {variation}"))
    pool = [makes.sample(stream(0, i)).candidate for i in range(8)]
    for i in range(20):
        child = makes.child((0, pool[0]), (i % 8, pool[i % 8]), stream(1, i))
        pool[i % 8] = child.candidate
    alone = {candidate.canonical().genome for candidate in pool}
    assert len(alone) > 1
    assert {genes[1:] for genome in alone for genes in genome} == {(1, 1, 1, 1)}


def test_who_shares_has_a_residual_of_its_own() -> None:
    """Repair makes numbers equal that sharing needs equal, and leaves placements."""
    text = """pool = [SA-3]; depth = 2; mutation = 0
      open = [SA-3(kv_heads = [1, 2], placement = [pre, post])]"""
    spec = spec_of(text)
    genome = ((3, 1, 2, 1, 1), (3, 1, 2, 1, 1))
    one, other = (("kv_heads", 1), ("placement", "pre")), (("placement", "post"),)
    assert not problem(Candidate(genome, (one, (one[0], *other))), spec)
    wrong = Candidate(genome, (one, (("kv_heads", 2), *other)))
    assert "parameters differ" in problem(wrong, spec)
    found, _ = repaired(wrong, spec, lambda code, random: (), stream(0, "r"))
    assert found.parameters == (one, (one[0], *other))
    layers = list(passes.run(to_ir(found, spec)).layers())
    assert [x.residual.placement for x in layers if isinstance(x, Liv)] == [
        "pre",
        "post",
    ]


def test_all_levels_are_varied() -> None:
    spec = spec_of(OPEN, model=ALIAS)
    done = [change for child in children(spec, 300) for change in child.changes]
    mutated = [change for change in done if change["by"] == "mutation"]
    assert {change["gene"] for change in mutated if "gene" in change} == {1, 2, 3, 4, 5}
    assert {c["parameter"] for c in mutated if "parameter" in c} >= {"kernel", "expand"}
    model_genes = {c["model"] for c in mutated if "model" in c}
    assert model_genes == {"placement", "norm", "residual_scale"}
    assert any("inserted" in c for c in mutated) and any(
        "deleted" in c for c in mutated
    )
    assert any(c["by"] == "repair" and "parameter" in c for c in done)
    assert all(change["words"] for change in done)


def test_the_same_stream_gives_the_same_child() -> None:
    spec = spec_of(OPEN, model=ALIAS)
    assert children(spec, 20) == children(spec, 20)


def test_two_cuts_take_the_middle_of_the_second_parent() -> None:
    spec = spec_of("variation = paper; pool = [SA-1, Rec-1]; depth = 8; mutation = 0")
    a = Candidate(tuple((1, 1, 1, 1, 1) for _ in range(8)))
    b = Candidate(tuple((5, 1, 1, 1, 1) for _ in range(8)))
    for i in range(20):
        child = Variation(spec).child((1, a), (2, b), stream(0, i))
        codes = [genes[0] for genes in child.candidate.genome]
        (start, _), (end, _) = child.changes[0]["cuts"]
        assert codes == [1] * start + [5] * (end - start) + [1] * (8 - end)
        assert child.origin == "crossover" and child.parents == (1, 2)


def test_mutation_has_its_rate() -> None:
    spec = spec_of(
        "pool = [SA-1, SA-3, SA-4]; depth = 100; mutation = 0.1; crossover = 0"
    )
    start = Variation(spec).sample(stream(0, "start")).candidate
    done = 0
    for i in range(20):
        child = Variation(spec).child((1, start), (2, start), stream(0, i))
        done += sum(change["by"] == "mutation" for change in child.changes)
        assert child.origin == "mutation" and child.parents == (1,)
    assert 850 < done < 1150  # of 20 x 100 x 5 genes


def test_no_repair_keeps_what_is_illegal_and_says_why() -> None:
    spec = spec_of(SMALL + "repair = false\n")
    variation = Variation(spec)
    first = variation.sample(stream(0, "a"))
    assert not first.illegal  # first members are always legal
    found = []
    for i in range(60):
        random = stream(1, i)
        other = variation.sample(random).candidate
        found.append(variation.child((1, first.candidate), (2, other), random))
    assert any(child.illegal for child in found)
    for child in found:
        assert child.valid_before_repair == (not child.illegal)
        assert child.illegal == problem(child.candidate, spec)
        assert not any(change["by"] == "repair" for change in child.changes)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("SA-1", "SA-1(heads = 2)", True),  # the default at width 128
        ("SA-1(kv_heads = 1)", "SA-4", True),
        ("SA-1", "SA-3", False),
        ("GConv-1", "GConv-1(kernel = 3)", True),
        ("GConv-1", "GConv-1(kernel = 4)", False),
        (
            "SA-1; a: GMemless; GMemless  weights from a",
            "SA-1; GMemless; GMemless",
            False,
        ),
        ("SA-1; a: GMemless; b: GMemless", "x: SA-1; GMemless; GMemless", True),
        ("SA-3-Diff", "SA-3", False),
    ],
)
def test_functions_are_told_apart(one: str, two: str, same: bool) -> None:
    from starc import compiler

    def of(backbone: str) -> str:
        return function(compiler.to_ir(f"{MODEL}backbone {{ {backbone} }}\n"))

    assert (of(one) == of(two)) is same


def test_pool_entries_without_a_code_get_one_of_the_search() -> None:
    around = surroundings(spec_of(OPEN, model=ALIAS))
    assert around.pool == (101, 3, 14, 7, 16, 9, 102)
    assert around.classes[101].name == "attn" and around.classes[102].name == "Mamba-2"
