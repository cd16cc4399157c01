"""Comparisons: reproducible, resumable, with intervals that are Student's."""

import json
from pathlib import Path

import pytest
from pytest import MonkeyPatch

from starc import compiler, passes
from starc.ir.cost import costs
from starc.source import Source
from starc.training import compare as compares
from starc.training import compare_table as tables
from starc.training.compare import Entry, Result, compare, entry
from starc.training.settings import Settings, TrainingError

ATTENTION = "model a { width = 32; vocab = 256; context = 64 }\nbackbone { SA-1 }\n"
CONVOLUTION = ATTENTION.replace("SA-1", "GConv-1")


@pytest.fixture
def recipe(tmp_path: Path) -> Settings:
    text = tmp_path / "text.txt"
    text.write_bytes(bytes(range(32, 127)) * 200)
    return Settings(
        steps=3, batch=2, context=16, data=str(text), device="cpu", learning_rate=1e-2
    )


def both(folder: Path) -> list[Entry]:
    return [
        entry("attention", Source("a.star", ATTENTION), folder),
        entry("convolution", Source("b.star", CONVOLUTION), folder),
    ]


def run(recipe: Settings, folder: Path, seeds: int = 2) -> list[Result]:
    steps: list[int] = []
    found = list(
        compare(
            both(folder), recipe, range(seeds), folder, lambda _, __, n: steps.append(n)
        )
    )
    assert sum(steps) == recipe.steps * len(found)
    return found


def test_a_comparison_goes_on_where_it_was(
    recipe: Settings, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    first = run(recipe, tmp_path / "out")
    assert [(r.name, r.seed) for r in first] == [
        ("attention", 0),
        ("convolution", 0),
        ("attention", 1),
        ("convolution", 1),
    ]
    assert len({r.tokens for r in first}) == 1 and len({r.loss for r in first}) == 4
    again = run(recipe, tmp_path / "other")
    assert [r.loss for r in again] == [r.loss for r in first]
    trained = []
    real = compares._train

    def counted(one: Entry, settings: Settings, *rest: object) -> Result | None:
        trained.append((one.name, settings.seed))
        return real(one, settings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(compares, "_train", counted)
    assert run(recipe, tmp_path / "out", seeds=3)[:4] == first
    assert trained == [("attention", 2), ("convolution", 2)]
    run(recipe.changed({"learning_rate": 1e-3}), tmp_path / "out", seeds=1)
    assert len(trained) == 4  # another recipe is another comparison


def test_an_emitted_file_is_compared_as_its_text_is(
    recipe: Settings, tmp_path: Path
) -> None:
    (first,) = compare(both(tmp_path)[:1], recipe, [0], tmp_path / "a", lambda *_: None)
    emitted = both(tmp_path)[0].path.read_text()
    entries = [entry("emitted", Source("model.py", emitted), tmp_path)]
    (other,) = compare(entries, recipe, [0], tmp_path / "b", lambda *_: None)
    assert other.loss == first.loss and other.parameters == first.parameters
    (line,) = tables.lines(entries, [other])
    model = passes.run(compiler.to_ir(Source("a.star", ATTENTION)))
    assert line.cache == costs(model, 64, 2).total.cache_bytes > 0


def test_an_edited_file_without_a_cache_is_compared_all_the_same(
    tmp_path: Path,
) -> None:
    edited = both(tmp_path)[0].path.read_text().replace("new_cache", "made")
    assert entry("edited", Source("model.py", edited), tmp_path).cache(64) is None


def test_a_model_that_diverges_is_told_and_left_out(
    recipe: Settings, tmp_path: Path
) -> None:
    steep = recipe.changed({"learning_rate": 1e30, "steps": 20})
    found = list(compare(both(tmp_path), steep, [0], tmp_path, lambda *_: None))
    assert {r.status for r in found} == {"diverged"}
    lines = tables.lines(both(tmp_path), found)
    assert lines[0].loss is None and "seed 0: " in lines[0].failed[0]
    assert "NaN" not in tables.as_json(lines, found, 64)


def test_windows_longer_than_a_context_are_refused(
    recipe: Settings, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="--context"):
        long = recipe.changed({"context": 128})
        list(compare(both(tmp_path), long, [0], tmp_path, lambda *_: None))


def test_intervals_are_students() -> None:
    found = tables.estimate([1.0, 2.0, 3.0])
    assert found is not None and found.mean == 2.0
    assert found.half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)  # t(0.975, 2)
    alone = tables.estimate([1.0])
    assert alone is not None and alone.half is None
    assert tables.estimate([]) is None


def test_differences_are_taken_seed_by_seed(tmp_path: Path) -> None:
    entries = both(tmp_path)
    results = [
        Result(one.name, one.digest, seed, loss=loss, tokens=10, seconds=2.0)
        for one, losses in zip(entries, ([1.0, 3.0], [1.5, 3.5]), strict=True)
        for seed, loss in enumerate(losses)
    ]
    lines = tables.lines(entries, results)
    assert lines[0].difference is None and lines[0].tokens_per_second == 5.0
    difference = lines[1].difference
    assert difference is not None and (difference.mean, difference.half) == (0.5, 0.0)
    text = tables.as_text(lines, tables.cache_context(entries))
    assert "+0.5000 +- 0.0000" in text and "cache at 64" in text
    shown = json.loads(tables.as_json(lines, results, 64))
    assert [model["name"] for model in shown["models"]] == ["attention", "convolution"]
