"""What a surrogate sees and learns, and searches that it chooses in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from starc import compiler, passes
from starc.evolve import coordinator
from starc.evolve.evaluation import static
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.report.page import page
from starc.evolve.report.predictions import predictions
from starc.evolve.report.read import read
from starc.evolve.storage.database import Database
from starc.evolve.surrogate.features import Features, features
from starc.evolve.surrogate.kernel import Linear
from starc.evolve.surrogate.regression import Columns, Regression
from starc.evolve.variation.proposer import OFFERED
from starc.evolve.workers.local import Inline
from starc.folders import Folder
from starc.source import Source
from tests.evolve.loop.searches import SMALL, Shuffled, inline, run, spec_of, tables

SURROGATE = SMALL + "  algorithm = nsga2(surrogate = true)\n"


def seen(body: str, settings: str = "") -> Features:
    text = f"model m {{ width = 64\n{settings} }}\nbackbone {{ {body} }}"
    model = passes.run(compiler.to_ir(Source("m", text)))
    return features(model, static.measures(model, Spec()))


# Features -----------------------------------------------------------------------------


def test_spelling_is_not_seen() -> None:
    one = seen("a: SA-1; GMemless; b: SA-1 weights from a; GMemless")
    two = seen("x: MHA; SwiGLU; MHA weights from x; SwiGLU")
    assert one == two


@pytest.mark.parametrize(
    ("body", "group"),
    [
        ("GMemless; SA-1; SA-1; GMemless", "places"),
        ("SA-1; GMemless; GMemless; SA-1", "motifs"),
        ("SA-1; GMemless; SA-3; GMemless", "classes"),
        ("SA-1; GMemless; SA-3; GMemless", "variety"),
        ("SA-1; SA-1; GMemless; GMemless", "distances"),
        ("SA-1; GMemless(expand = 2); SA-1; GMemless", "params"),
        ("a: SA-1; GMemless; SA-1 weights from a; GMemless", "rest"),
        ("a: SA-1; GMemless; SA-1 k, v from a; GMemless", "rest"),
        ("SA-1; GMemless; SA-1(window = 32); GMemless", "rest"),
    ],
)
def test_what_differs_is_seen(body: str, group: str) -> None:
    plain, other = seen("SA-1; GMemless; SA-1; GMemless"), seen(body)
    differing = {
        name
        for name in plain.keys() | other.keys()
        if plain.get(name, 0.0) != other.get(name, 0.0)
    }
    assert group in {name.partition(" ")[0] for name in differing}


def test_what_stands_around_is_seen() -> None:
    assert seen("SA-1") != seen("SA-1", "placement = sandwich")


# Learning -----------------------------------------------------------------------------


def made_up(count: int, seed: int) -> tuple[list[Features], list[float]]:
    """More features than candidates; two of them and a product decide, with noise."""
    random = np.random.default_rng(seed)
    table = random.uniform(-1, 1, (count, 60))
    noise = random.normal(0, 0.1, count)
    values = 2 * table[:, 0] - table[:, 1] + table[:, 0] * table[:, 2] + noise
    names = [f"classes {at}" for at in range(60)]
    return [dict(zip(names, row, strict=True)) for row in table.tolist()], [*values]


def test_it_ranks_what_it_has_not_seen() -> None:
    known, values = made_up(40, 0)
    unseen, truth = made_up(200, 1)
    columns, process = Columns.of(known), Regression()
    assert process.learn(columns, columns.table(known), values)
    means, deviations = process.predict(columns.table(unseen))
    assert spearmanr(means, truth).statistic > 0.6
    inside = np.abs(means - truth) < 1.96 * deviations
    assert 0.85 < inside.mean() <= 1.0


def test_it_says_where_there_is_nothing_to_learn() -> None:
    known, values = made_up(10, 0)
    process, columns = Regression(), Columns.of(known)
    assert not process.learn(columns, columns.table(known), [3.0] * 10)
    means, deviations = process.predict(columns.table(known[:2]))
    assert (means == 3.0).all() and (deviations == 0.0).all()
    alike = [known[0]] * 10
    columns = Columns.of(alike)
    assert not process.learn(columns, columns.table(alike), values)


def test_a_group_that_says_nothing_is_not_heard() -> None:
    """One number of its own group decides, beside a hundred that do not."""
    random = np.random.default_rng(0)
    table = random.uniform(-1, 1, (140, 101))
    names = ["variety", *(f"motifs {at}" for at in range(100))]
    some = [dict(zip(names, row, strict=True)) for row in table.tolist()]
    values = table[:, 0] + random.normal(0, 0.1, 140)
    columns, process = Columns.of(some[:40]), Regression()
    assert process.learn(columns, columns.table(some[:40]), list(values[:40]))
    means, _ = process.predict(columns.table(some[40:]))
    assert spearmanr(means, values[40:]).statistic > 0.95


def test_the_kernel_and_its_gradient() -> None:
    """As the sum of products says it, and as differences do."""
    random = np.random.default_rng(1)
    one, other = random.normal(size=(7, 5)), random.normal(size=(4, 5))
    ends = [(0, 1), (1, 5)]
    kernel = Linear((0.5, 2.0), ends)
    expected = 0.5 * one[:, :1] @ other[:, :1].T + 2 * one[:, 1:] @ other[:, 1:].T
    assert np.allclose(kernel(one, other), expected, rtol=0, atol=1e-12)
    values, gradient = kernel(one, eval_gradient=True)
    assert np.allclose(kernel.diag(one), np.diag(values), rtol=0, atol=1e-12)
    for part in range(2):
        moved = kernel.theta.copy()
        moved[part] += 1e-6
        slope = (kernel.clone_with_theta(moved)(one) - values) / 1e-6
        assert np.allclose(slope, gradient[:, :, part], rtol=0, atol=1e-4)
    single = Linear((3.0,), [(0, 5)])
    assert np.allclose(single.clone_with_theta(single.theta)(one), 3 * one @ one.T)


# Searching ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surrogate") / "run"
    run(spec_of(SURROGATE), folder).close()
    return folder


def test_the_report_says_how_well_it_ranked(whole: Path) -> None:
    found = read(whole)
    (one,) = predictions(found)
    chosen = [e for e in found.evaluated if e.generation > 0]
    assert one.label == "bits_per_byte" and one.count == len(chosen)
    assert -1 <= one.low <= one.spearman <= one.high <= 1
    assert "What the surrogate foresaw" in page(found)
    told = found.proposals[1]["surrogate"]
    assert len(told["predicted"]) == 8 and told["offered"] > 8 * OFFERED
    mutations = [len(e.changes) for e in chosen if e.origin == "mutation"]
    assert max(mutations) > 1  # in further rounds
    assert "surrogate" not in found.proposals[0]


class Killed(Inline):
    """A process that ends in the middle of a generation."""

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        for id, outcome in super().completed():
            if id == 13:
                raise MemoryError("killed")
            yield id, outcome


def test_it_is_resumed_to_the_byte(whole: Path, tmp_path: Path) -> None:
    spec, folder = spec_of(SURROGATE), tmp_path / "run"
    with pytest.raises(MemoryError):
        coordinator.begin(spec, folder, Killed)
    assert coordinator.resume(folder, inline, budget={"generations": 3}).state
    end = coordinator.resume(folder, inline, budget={"generations": 4})
    assert end.state == "finished"
    assert tables(folder) == tables(whole)


def test_the_order_of_outcomes_makes_no_difference(whole: Path, tmp_path: Path) -> None:
    def shuffled(spec: Spec, folder: Folder) -> Shuffled:
        return Shuffled(spec, folder, 5)

    coordinator.begin(spec_of(SURROGATE), tmp_path / "run", shuffled)
    assert tables(tmp_path / "run") == tables(whole)


class Scripted(Inline):
    """Workers whose outcomes a test makes up."""

    outcome = Outcome("failed", "no luck")

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._waiting:
            yield self._waiting.popleft().number, self.outcome


class Equal(Scripted):
    outcome = Outcome("ok", "", {"bits_per_byte": 2.0, "cache": 100.0})


class NotFinite(Scripted):
    outcome = Outcome("failed", "loss is nan", {"bits_per_byte": float("nan")})


@pytest.mark.parametrize("workers", [Scripted, Equal, NotFinite])
def test_without_anything_to_learn_the_search_goes_on(
    workers: type[Scripted], tmp_path: Path
) -> None:
    end = coordinator.begin(spec_of(SURROGATE), tmp_path / "run", workers)
    assert end.state == "finished" and end.evaluations == 32
    found = Database.open(tmp_path / "run").proposals()
    assert not any("surrogate" in one for one in found.values())


def test_objectives_that_the_text_tells_need_no_model(tmp_path: Path) -> None:
    text = SURROGATE.replace("minimize bits_per_byte, cache", "minimize params, cache")
    found = run(spec_of(text), tmp_path / "run").proposals()
    assert not any("surrogate" in one for one in found.values())


def test_children_that_break_a_requirement_are_not_chosen(tmp_path: Path) -> None:
    text = SURROGATE + "  require params <= 700_000\n"
    database = run(spec_of(text), tmp_path / "run")
    proposals = database.proposals().items()
    chosen = {number for number, said in proposals if "surrogate" in said}
    broken = {r.generation for r in database.candidates() if r.status == "invalid"}
    assert broken and len(chosen) >= 2 and not broken & chosen


def test_the_last_candidates_are_those_learned_from(whole: Path) -> None:
    database = Database.open(whole)
    every = [row.id for row in database.candidates("WHERE o.status = 'ok'")]
    assert [row.id for row in database.measured(0, 9)] == every[-9:]
    assert [row.id for row in database.measured(0, 999)] == every


def test_other_algorithms_have_none(tmp_path: Path) -> None:
    spec = replace(spec_of(SURROGATE), algorithm="random", generations=2)
    found = run(spec, tmp_path / "run").proposals()
    assert not any("surrogate" in one for one in found.values())
