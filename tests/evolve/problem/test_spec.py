"""The search block becomes a spec: defaults, every setting, and what is wrong."""

from dataclasses import replace

import pytest

from starc.diagnostics import Problems
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Objective, Requirement, Spec
from starc.frontend.parse import parse
from starc.genome import encode
from starc.source import Source
from tests.evolve.loop.searches import MODEL, SMALL, spec_of


def mistakes(text: str) -> list[tuple[str, str]]:
    problems = Problems()
    assert read(text, problems) is None
    return [(found.code, found.span.text) for found in problems]


def test_the_defaults_are_the_papers_but_for_variation() -> None:
    spec = spec_of("", "real")
    assert (spec.algorithm, spec.population, spec.generations) == ("nsga2", 16, 18)
    assert (spec.variation, spec.elitism) == ("inherit", 2)
    published = spec_of("variation = paper", "real")
    assert (published.crossover, published.mutation) == (2, 0.1)
    assert spec.repair and spec.depth == (24, 24) and len(spec.pool) == 17
    assert [o.label for o in spec.objectives] == ["perplexity", "cache"]
    assert spec.width == 128 and spec.seeds == ()


def test_every_setting_is_read() -> None:
    spec = spec_of(
        """
        pool = [attn, Mamba-2, GMemless]; depth = [4, 8]; labels = 3
        open = [GMemless(expand = [2, 8/3]), attn(gate = [true, false])]
        placement = [pre, sandwich]; norm = [layer]; residual_scale = [1, 0.22, 1/3]
        population = 5; generations = 7; algorithm = map_elites; tournament = 3
        crossover = 1; mutation = 1/4; elitism = 1; repair = false; seed = 9
        evaluations = 100; minutes = 1.5
        seeds = [backbone]
        maximize mad, my.measures:f(x = 3)
        require params <= 1M; require cache(context = 512) < 10K
        require p95 <= 20 ms
        """,
        "real(steps = 9, lr = [1e-3, 0.003], rungs = [1/4, 1], keep = 1/4, "
        "dtype = bfloat16, time_limit = 60, base_width = 64, compile = true)",
        MODEL + "liv attn = SA-1(heads = 4)\nbackbone { 2 x { attn; GMemless } }\n",
    )
    assert spec.depth == (4, 8) and spec.labels == 3 and spec.mutation == 0.25
    assert spec.open == (
        ("GMemless", (("expand", (2, "8/3")),)),
        ("attn", (("gate", (True, False)),)),
    )
    assert spec.genes == (
        ("placement", ("pre", "sandwich")),
        ("norm", ("layer",)),
        ("residual_scale", (1, 0.22, "1/3")),
    )
    assert (spec.evaluations, spec.minutes, spec.seed) == (100, 1.5, 9)
    assert spec.objectives[1] == Objective("my.measures:f", "max", (("x", 3),))
    assert spec.requirements == (
        Requirement("params", "<=", 1e6),
        Requirement("cache", "<", 1e4, (("context", 512),)),
        Requirement("token_p95", "<=", 0.02),
    )
    assert spec.requirements[1].label == "cache(context = 512)"
    trainer = spec.trainer
    assert trainer.learning_rates == (1e-3, 3e-3) and trainer.rungs == (0.25, 1.0)
    assert trainer.keep == 0.25 and trainer.time_limit == 60 and trainer.compile
    ((name, own),) = spec.seeds
    assert name == "tiny" and [genes[0] for genes in own.genome] == [101, 9, 101, 9]
    assert Spec.from_json(spec.to_json()) == spec


def test_rates_of_variation_follow_from_the_depth() -> None:
    spec = spec_of("depth = [6, 12]")
    assert (spec.crossover, spec.mutation) == (3, 1 / 12)
    stated = spec_of("depth = 12; crossover = 1; mutation = 0.3")
    assert (stated.crossover, stated.mutation) == (1, 0.3)
    deep = spec_of("depth = 2_000")
    assert Spec.from_json(deep.to_json()) == deep


@pytest.mark.parametrize(
    ("said", "foresees"),
    [
        ("", True),
        ("trainer = real(steps = 9)", True),
        ("trainer = simulated", False),
        ("variation = paper", False),
        ("algorithm = random", False),
        ("algorithm = nsga2(surrogate = false)", False),
        ("trainer = simulated; algorithm = nsga2(surrogate = true)", True),
    ],
)
def test_a_model_of_the_measures_where_trainings_are_real(
    said: str, foresees: bool
) -> None:
    problems = Problems()
    found = read(f"model m {{ width = 32 }}; search {{ {said} }}", problems)
    assert found is not None and found.foresees == foresees
    assert not replace(found, algorithm="random").foresees


def test_another_budget_takes_the_place_of_generations() -> None:
    assert spec_of("evaluations = 100").generations == 0
    assert spec_of("evaluations = 100; generations = 3").generations == 3


def test_the_budget_is_no_part_of_the_digest() -> None:
    assert spec_of("minutes = 1").digest() == spec_of("minutes = 2").digest()
    assert spec_of("seed = 1").digest() != spec_of("seed = 2").digest()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MODEL, [("missing-search", "")]),
        (
            MODEL + "search { minimize perplexty; require parms < 3 }",
            [("unknown-measure", "perplexty"), ("unknown-measure", "parms")],
        ),
        (
            MODEL + "search { minimize cache(contxt = 3), cache(context = 3) }",
            [("unknown-parameter", "contxt")],
        ),
        (
            MODEL + "search { require cache <= 20 ms }",
            [("wrong-unit", "require cache <= 20 ms")],
        ),
        (
            MODEL + "search { minimize cache; maximize cache }",
            [("setting-twice", "cache")],
        ),
        (MODEL + "search { seeds = [backbone] }", [("wrong-value", "backbone")]),
        (
            MODEL + "backbone { SA-1 }\nsearch { depth = [2, 3]; seeds = [backbone] }",
            [("seed-depth", "backbone { SA-1 }")],
        ),
        (
            MODEL + "backbone { SA-1(heads = 8) }\n"
            "search { depth = 1; seeds = [backbone] }",
            [("not-in-genome", "8")],
        ),
        (
            MODEL + "search { pool = [SA-9]; populaton = 3 }",
            [("unknown-liv", "SA-9"), ("unknown-setting", "populaton")],
        ),
        (
            MODEL + "search { pool = [SA-1, SA-3]; width = [96, 51] }",
            [("odd-rotation", "51")],
        ),
        (
            "model m { width = 51 }\nsearch { pool = [GConv-1, SA-1] }",
            [("odd-rotation", "SA-1")],
        ),
    ],
)
def test_mistakes(text: str, found: list[tuple[str, str]]) -> None:
    assert sorted(mistakes(text)) == sorted(found)


def test_what_fits_with_something_is_no_mistake() -> None:
    """A width that one LIV can have; a LIV that needs what is opened."""
    spec_of("pool = [SA-1, GConv-1]; width = [96, 51]")
    odd = "model m { width = 51 }\n"
    spec_of("pool = [SA-1]; open = [SA-1(rope = [false])]", model=odd)


def test_named_seeds() -> None:
    spec = spec_of("depth = 32; seeds = [transformer_pp, striped_hybrid, lfm2]")
    codes = {n: [genes[0] for genes in c.genome] for n, c in spec.seeds}
    assert codes["transformer_pp"] == [1, 9] * 16
    assert codes["striped_hybrid"] == [5, 9, 1, 9] * 8
    mixers = codes["lfm2"][::2]
    assert [i for i, code in enumerate(mixers) if code == 3] == [2, 5, 8, 10, 12, 14]
    assert {*codes["lfm2"]} == {3, 7, 9}


@pytest.mark.parametrize("depth", [1, 2, 5, 8, 12, 24, 40])
def test_named_seeds_have_any_depth(depth: int) -> None:
    seeds = spec_of(f"depth = {depth}; seeds = [lfm2, striped_hybrid]").seeds
    assert [len(candidate.genome) for _, candidate in seeds] == [depth, depth]


def test_the_source_says_all_of_a_candidate() -> None:
    spec = spec_of(SMALL)
    genome = ((7, 1, 2, 1, 1), (7, 1, 2, 1, 1), (9, 1, 1, 1, 1))
    parameters = ((("kernel", 4),), (("kernel", 4),), (("expand", "8/3"),))
    candidate = Candidate(genome, parameters, (("placement", "sandwich"),))
    text = source(candidate, spec)
    assert "placement = sandwich" in text
    assert "conv_0: GConv-1(kernel = 4)" in text
    assert "GConv-1(kernel = 4)   weights from conv_0" in text
    assert "GMemless(expand = 8/3)" in text
    plain = source(Candidate(genome), spec)
    assert encode(parse(Source("x", plain), Problems())) == genome


def test_keys_are_of_the_architecture() -> None:
    one = Candidate(((1, 3, 1, 4, 1), (1, 3, 2, 1, 1)))
    two = Candidate(((1, 1, 1, 1, 1), (1, 1, 1, 1, 1)), ((), ()))
    assert one.key() == two.key()
    assert one.key() != Candidate(((1, 1, 2, 1, 1), (1, 1, 2, 1, 1))).key()
    assert one.key() != Candidate(one.genome, ((("heads", 4),), ())).key()
    assert Candidate.from_json(one.to_json()) == one
