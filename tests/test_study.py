"""The study from its searches to its page, with trainings that are made up."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from benchmarks.study import __main__ as study
from benchmarks.study import claims, page, trainings
from benchmarks.study.plan import Plan
from benchmarks.study.sizes import BASELINES, SIZES, baseline, counted
from starc.source import Source
from starc.training import text
from starc.training.compare import Entry, Result
from starc.training.settings import Settings

SIZE = replace(
    SIZES["cpu"],
    width=16,
    depth=4,
    context=64,
    window=16,
    batch=2,
    population=7,
    generations=4,
    steps=2,
    choosing=3,
    long=40,
    seeds=3,
    budgets=(8,),
    sampled=5,
    searches=2,
    doubled=4,
    doubled_seeds=2,
    simulated=True,
)
FOREVER = 1e9
COMPARE = "starc.training.compare.compare"


class Trained:
    """Stands in for `compare`: bits by the model, the steps and the rate. At `until`
    trainings a signal comes."""

    def __init__(self, until: int = 10**6) -> None:
        self.until, self.count = until, 0

    def __call__(
        self,
        entries: Sequence[Entry],
        recipe: Settings,
        seeds: Sequence[int],
        folder: Path,
        tell: Any,
    ) -> Iterator[Result]:
        (one,), (seed,) = entries, seeds
        if self.count == self.until:
            return
        self.count += 1
        luck = int(sha256(f"{one.digest} {seed}".encode()).hexdigest()[:4], 16) / 2**16
        own = int(one.digest[:4], 16) / 2**16
        off = abs(math.log2(recipe.learning_rate / (2e-3 + 0.03 * own)))
        bits = 3 + own + 0.1 * luck + 0.1 * off + 1 / recipe.steps
        yield Result(one.name, one.digest, seed, bits_per_byte=bits)


def entry(name: str, given: Source, folder: Path) -> Entry:
    digest = sha256(given.text.encode()).hexdigest()
    return Entry(name, digest, folder, b"", SIZE.context)


@pytest.fixture(autouse=True)
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of this test instead of Python's library."""
    file, read = tmp_path / "text.txt", text.read
    file.write_bytes(b"the quick brown fox jumps over the lazy dog\n" * 20)
    monkeypatch.setattr(text, "read", lambda _, context: read(str(file), context))


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a study finds that was stopped twice; and that nothing is done again."""
    monkeypatch.setattr("starc.training.compare.entry", entry)
    results, work = tmp_path / "study" / "cpu", tmp_path / "work"
    assert not study.advance(SIZE, results, work, deadline=0.0)
    first, second = Trained(until=30), Trained()
    monkeypatch.setattr(COMPARE, first)
    with pytest.raises(SystemExit):
        study.advance(SIZE, results, work, FOREVER)
    monkeypatch.setattr(COMPARE, second)
    assert study.advance(SIZE, results, work, FOREVER)
    keys = [
        json.loads(line)["key"]
        for line in (results / "trainings.jsonl").read_text().splitlines()
    ]
    assert first.count + second.count == len(keys) == len({*keys})
    assert study.advance(SIZE, results, work, FOREVER)
    assert second.count == len(keys) - 30
    monkeypatch.setitem(SIZES, "cpu", SIZE)
    docs = tmp_path / "docs"
    docs.mkdir()
    study.report("cpu", tmp_path, docs)
    found: dict[str, Any] = json.loads((tmp_path / "study.json").read_text())
    assert page.text(found) == (docs / "study.md").read_text()
    for name in "confirmation", "ahead":
        assert "<text" in (docs / "study" / f"cpu-{name}.svg").read_text()
    check(found, study.plan(SIZE, results))
    return found


def check(found: dict[str, Any], plan: Plan) -> None:
    """The numbers, against what is known of how they were made up."""
    assert all(done == of for done, of in found["done"].values())
    for name, star in plan.contestants.items():
        tried = [r for r in plan.known.values() if r.steps == 3 and r.name == name]
        tried = tried or [plan.chosen[name]]  # another name has the same text
        best = min(tried, key=lambda one: one.bits or 0.0)
        assert found["models"][name]["rate"] == best.rate
        assert min(r.rate for r in tried) < best.rate or len(tried) == 1
        assert found["models"][name]["text"] == star
    own = {name: one["bits"] for name, one in found["models"].items() if one["bits"]}
    assert len(own) == len(BASELINES) + len({*plan.best.values()})
    best = found["quality"]["best"]
    for name, apart in found["quality"]["against"].items():
        mean = own[best]["mean"] - own[name]["mean"]
        assert apart["mean"] == pytest.approx(mean, abs=1e-5)
        assert apart["count"] == SIZE.seeds
    for kind, asked in ("size", 0.87), ("cache", 0.10):
        told = found["smaller"][kind]["against"]["transformer_pp"]
        assert told["asked"] == asked and told["share"] <= asked


def test_from_searches_to_the_page(numbers: dict[str, Any]) -> None:
    told = page.text(numbers)
    assert "not run" not in told and "Everything is done." in told
    for claim in "quality:", "size:", "cache:", "over 90 %", "full width", "motifs:":
        assert f"| {claim}" in told or f"and {claim}" in told


def test_a_study_that_has_not_begun_says_so() -> None:
    told = page.text(claims.found(Plan(SIZE, [], {}), "cpu"))
    assert told.count("not run yet") >= 6 and "2 are not finished" in told


def test_results_of_another_text_are_not_mixed() -> None:
    here = trainings.text_of(SIZE, [])
    assert trainings.text_of(SIZE, [here]) == here
    with pytest.raises(SystemExit, match="results are of the text other"):
        trainings.text_of(SIZE, [here, "other"])


def test_baselines_have_as_many_parameters() -> None:
    for size in SIZES.values():
        counts = [
            counted(baseline(name, size)).params_without_embeddings
            for name in BASELINES
        ]
        assert max(counts) == counts[0] and min(counts) > 0.99 * counts[0]


@pytest.mark.parametrize("mean,spread", [(1.0, 1.0), (-0.5, 2.0), (3.0, 0.1)])
def test_the_seeds_that_would_decide(mean: float, spread: float) -> None:
    """With so many the interval leaves out 0, with one less it does not."""
    from scipy.stats import t

    count = claims.seeds_needed(mean, spread)
    assert count is not None

    def half(of: int) -> float:
        return float(t.ppf(0.975, of - 1)) * spread / math.sqrt(of)

    assert half(count) < abs(mean)
    assert count == 2 or half(count - 1) >= abs(mean)
    assert claims.seeds_needed(1e-9, 1.0) is None
