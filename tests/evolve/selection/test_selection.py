"""Fronts, crowding and survival, against pymoo's own NSGA-II and by hand."""

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.repeats import repeated
from starc.evolve.evaluation.simulated import LUCK
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import MEASURES
from starc.evolve.problem.spec import Requirement
from starc.evolve.selection.halving import promoted
from starc.evolve.selection.noise import noise
from starc.evolve.selection.ranking import (
    Scored,
    front,
    fronts,
    hypervolume,
    mean_ranks,
    placed,
    rank,
    score,
    tournament,
    violation,
)
from starc.evolve.selection.statistics import hypervolume_of
from starc.evolve.selection.survival import survivors
from starc.evolve.storage.rows import Row
from starc.evolve.variation.random_streams import stream
from tests.evolve.loop.searches import SMALL, run, spec_of

SPEC = spec_of(SMALL)
LINEAR = spec_of("minimize loss, bits_per_byte")
Points = list[tuple[float, float]]
points = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30, unique=True
)


def scored(values: Points) -> list[Scored]:
    return [Scored(id, value, 0) for id, value in enumerate(values, start=1)]


@settings(max_examples=60, deadline=None)
@given(points)
def test_the_front_is_what_nothing_dominates(values: Points) -> None:
    def dominated(one: tuple[float, float]) -> bool:
        return any(
            all(a <= b for a, b in zip(other, one, strict=True)) and other != one
            for other in values
        )

    best = {one.values for one in front(scored(values))}
    assert best == {value for value in values if not dominated(value)}


@settings(max_examples=60, deadline=None)
@given(points, st.floats(1e-3, 1))
def test_what_is_within_the_noise_is_a_tie(values: Points, noise: float) -> None:
    """Nobody is a front behind by less than the noise alone: whoever stands in a later
    front is worse by more in some objective than somebody of the front before, who is
    worse by more in none. Without noise nothing changes."""

    def worse(one: tuple[float, ...], other: tuple[float, ...]) -> list[bool]:
        return [other[0] < one[0] - noise, other[1] < one[1]]

    found = fronts(scored(values), (noise, 0.0))
    for before, after in zip(found, found[1:], strict=False):
        for one in after:
            assert any(
                any(worse(one.values, other.values))
                and not any(worse(other.values, one.values))
                for other in before
            )
    for group in found:  # one noisy objective makes no circles
        for one in group:
            for other in group:
                assert not any(worse(one.values, other.values)) or any(
                    worse(other.values, one.values)
                )
    assert fronts(scored(values), (0.0, 0.0)) == fronts(scored(values))


def test_a_circle_of_ties_is_one_front() -> None:
    """Each of three beats the next by more than the noise in one objective alone."""
    values = [(0.0, 0.75, 1.5), (1.5, 0.0, 0.75), (0.75, 1.5, 0.0), (9.0, 9.0, 9.0)]
    some = [Scored(id, value, 0) for id, value in enumerate(values)]
    found = fronts(some, (1.0, 1.0, 1.0))
    assert [[one.id for one in group] for group in found] == [[0, 1, 2], [3]]


def test_noise_is_what_another_seed_changes(tmp_path: Path) -> None:
    """Of the simulated landscape, where it is known, and of what is not repeated."""
    spec = spec_of(SMALL, "simulated(repeat = 1)")
    with closing(run(spec, tmp_path / "run")) as database:
        rows, generations = database.candidates(), database.generations()
    bits, cache = noise(rows, spec)
    known = math.sqrt(2) * LUCK / math.log(2)
    assert cache == 0 and abs(bits / known - 1) < 4 / math.sqrt(2 * len(rows))
    assert generations[-1].statistics["noise"] == {"bits_per_byte": bits}
    assert noise(rows[:2], spec) == (0.0, 0.0)
    few = [row for row in rows if repeated(row.candidate, SPARSE, 0)]
    assert 0 < len(few) < len(rows)


SPARSE = spec_of(SMALL, "simulated(repeat = 4)")


def test_survival_is_that_of_pymoo() -> None:
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem
    from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

    for seed in range(20):
        values = np.random.default_rng(seed).random((32, 2))
        theirs = Population.new(F=values)
        problem = Problem(n_var=1, n_obj=2)
        survived = RankAndCrowding().do(problem, theirs, n_survive=16)
        ours = rank(scored([(a, b) for a, b in values.tolist()]), LINEAR)[:16]
        # which of two ends of a front survives, pymoo decides by lot and we by id
        found = sorted((one.get("rank"), one.get("crowding")) for one in survived)
        assert sorted((one.rank, one.room) for one in ours) == found


def test_the_order_of_ties_is_not_of_arrival() -> None:
    some = scored([(0.5, 0.5)] * 4 + [(0.1, 0.9), (0.9, 0.1)])
    assert rank(some, SPEC) == rank(some[::-1], SPEC)
    assert mean_ranks(some) == mean_ranks(some[::-1])


def outcome(status: str = "ok", **measures: float) -> Outcome:
    return Outcome(status, "", measures)


def test_feasible_ones_come_first_then_the_stopped_then_by_violation() -> None:
    spec = spec_of(SMALL + "require params <= 100\n")
    cases = [
        outcome("failed"),
        outcome("invalid", params=150, cache=1),
        outcome("invalid", params=120),
        outcome("ok", bits_per_byte=9, cache=9, params=100),
        outcome("stopped", bits_per_byte=1, cache=1, params=10),
        outcome("ok", bits_per_byte=math.nan, cache=1, params=1),
    ]
    some = [score(id, 0, one, spec) for id, one in enumerate(cases)]
    assert [one.id for one in rank(some, spec)] == [3, 4, 2, 1, 0, 5]
    assert [one.id for one in front(some)] == [3]


def test_maximized_ones_are_negated() -> None:
    spec = spec_of("maximize mad; minimize cache")
    assert score(1, 0, outcome(mad=0.5, cache=3), spec).values == (-0.5, 3)


@pytest.mark.parametrize(
    ("relation", "value", "missed"),
    [
        ("<=", 10, 0),
        ("<=", 15, 0.5),
        ("<", 10, 1e-12),
        (">=", 10, 0),
        (">=", 5, 0.5),
        (">", 10, 1e-12),
        ("==", 10, 0),
        ("==", 5, 0.5),
    ],
)
def test_violation(relation: str, value: float, missed: float) -> None:
    assert violation({"x": value}, [Requirement("x", relation, 10)]) == missed
    assert violation({}, [Requirement("x", relation, 10)]) == 0


def test_hypervolume() -> None:
    assert hypervolume([(0, 0)], (0, 0), (1, 1)) == pytest.approx(1.21)
    assert hypervolume([(10, 5)], (0, 0), (20, 10)) == pytest.approx(0.36)
    two = hypervolume([(0, 0.5), (0.5, 0)], (0, 0), (1, 1))
    assert two == pytest.approx(1.21 - 0.25)
    assert hypervolume([(2, 2), (1.2, 0)], (0, 0), (1, 1)) == 0
    assert hypervolume([], (0, 0), (1, 1)) == 0


def test_a_ratio_is_what_counts_of_a_size() -> None:
    """640 bytes and 7 kB are far apart, 1.30 MB and 1.31 MB are not. On a linear scale
    the order of rooms is 3, 4, 2."""
    values: Points = [(4, 0), (3.5, 640), (3.2, 7_072), (3.1, 1.30e6), (3.0, 1.31e6)]
    room = {one.id: one.room for one in rank(scored(values), SPEC)}
    assert room[1] == room[5] == math.inf
    assert room[2] > room[3] > room[4]
    for measure in MEASURES.values():
        assert measure.scale.place(0) == 0
        assert measure.scale.place(-3.0) == -measure.scale.place(3.0)
    assert placed((1.5, 1023), SPEC) == (1.5, 10)
    halved = [MEASURES["token_p50"].scale.place(x) for x in (4e-3, 8e-3)]
    assert halved[1] - halved[0] == pytest.approx(1, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 10**12)), min_size=1))
def test_the_scale_changes_no_front(values: Points) -> None:
    on_scale = [Scored(i, placed(v, SPEC), 0) for i, v in enumerate(values, start=1)]
    best = [one.id for one in front(scored(values))]
    assert [one.id for one in front(on_scale)] == best


def test_the_hypervolume_of_a_run_is_on_the_scales() -> None:
    """The first population: 255 bytes to 1023, 8 to 10 doublings; bits from 1 to 2."""
    statistics = {"reference": {"ideal": [1.0, 255.0], "nadir": [2.0, 1023.0]}}
    one = [Scored(1, (1.5, 127.0), 0)]  # 7 doublings, half a range below the ideal
    found = hypervolume_of(SPEC, one, statistics)
    assert found == pytest.approx((1.1 - 0.5) * (1.1 + 0.5))


def test_a_tournament_of_two_prefers_the_better() -> None:
    ranked = rank(scored([(i / 10, i / 10) for i in range(10)]), SPEC)
    won = [tournament(ranked, 2, stream(0, i)).rank for i in range(400)]
    assert 2.5 < sum(won) / len(won) < 3.6  # of 0 to 9; 2.85 in expectation


def rows(count: int, origin: str = "sample") -> list[Row]:
    candidate = Candidate(((1, 1, 1, 1, 1),))
    return [
        Row(id, str(id), candidate, "", 0, origin, (), (), True, "")
        for id in range(1, count + 1)
    ]


def test_the_best_half_goes_on_and_seeds_always_do() -> None:
    spec = spec_of(SMALL, "simulated(rungs = [1/4, 1], keep = 1/2)")
    outcomes = {i: outcome(bits_per_byte=i, cache=i) for i in range(1, 9)}
    outcomes[1] = outcome("failed")
    going, stopped = promoted(rows(8), outcomes, 0, spec)
    assert going == {2, 3, 4, 5}
    assert stopped.keys() == {6, 7, 8}
    assert stopped[8] == "stopped after rung 0: front 7, place 7 of 7, 4 go on"
    named = rows(7) + [
        Row(8, "8", rows(1)[0].candidate, "", 0, "seed:x", (), (), True, "")
    ]
    assert promoted(named, outcomes, 0, spec)[0] == {2, 3, 4, 5, 8}


def test_a_rung_may_compare_with_all_that_came_to_it() -> None:
    """A generation that is better than those before goes on whole, a worse one ends."""
    earlier = {
        id: Outcome("ok", "", {"bits_per_byte": 2.0 + id / 100, "cache": 9.0})
        for id in range(101, 109)
    }
    for offset, expected in ((0.0, {1, 2, 3, 4}), (9.0, set())):
        found = {
            id: Outcome("ok", "", {"bits_per_byte": offset + id / 100, "cache": 9.0})
            for id in range(1, 5)
        }
        going, stopped = promoted(rows(4), found, 0, SPEC, earlier)
        assert going == expected and stopped.keys() == {1, 2, 3, 4} - expected
        assert promoted(rows(4), found, 0, SPEC)[0] == {1, 2}
    assert stopped[4] == "stopped after rung 0: front 12, place 12 of 12, 6 go on"


def test_ga_keeps_the_elite_and_the_young() -> None:
    spec = spec_of(SMALL + "algorithm = ga\n")
    old = [Scored(i, (i / 100, 0.0), 0) for i in range(1, 9)]
    young = [Scored(i, (float(i), 1.0), 0) for i in range(9, 17)]
    chosen = {one.id for one in survivors(spec, old, young, {})}
    assert chosen == {1, 2, 9, 10, 11, 12, 13, 14}


def test_map_elites_keeps_the_best_of_each_cell() -> None:
    spec = spec_of(SMALL + "algorithm = map_elites\n")
    attention = Candidate(tuple((1, 1, 1, 1, 1) for _ in range(4)))
    recurrent = Candidate(tuple((5, 1, 1, 1, 1) for _ in range(4)))
    candidates = {1: attention, 2: attention, 3: recurrent, 4: recurrent}
    some = [Scored(i, (float(i), float(i)), 0) for i in (1, 2, 3)] + [Scored(4)]
    chosen = survivors(spec, some[:2], some[2:], candidates)
    assert {one.id for one in chosen} == {1, 3}
