"""The search examples are searches, and the demo works, with nothing trained."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import evolve, evolve_halving
from starc import compiler
from starc.diagnostics import Problems
from starc.evolve.evaluation import static
from starc.evolve.problem.reading import read
from starc.evolve.report.read import read as read_run
from starc.evolve.variation.operators import Variation

ROOT = Path(__file__).parents[3]
SEARCHES = sorted((ROOT / "examples" / "search").glob("*.star"))


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_search_examples_are_right(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ") and not compiler.check(text)
    problems = Problems()
    spec = read(text, problems)
    assert spec is not None and not problems and len(spec.seeds) == 3
    for name, candidate in spec.seeds:
        seed = Variation(spec).seed(name, candidate)
        assert static.of(seed.candidate, spec)["cache"] > 0


def test_the_demo_says_what_it_found(tmp_path: Path) -> None:
    arguments = "--trainer simulated --population 6 --generations 2 --folder".split()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.evolve", *arguments, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    assert "striped_hybrid" in run.stdout and "ratio" in run.stdout
    assert "nothing is written" in run.stdout
    for name in ("search", "random"):
        assert (tmp_path / "0" / name / "evolve.sqlite").exists()


def test_halving_is_replayed_where_everything_was_trained(tmp_path: Path) -> None:
    arguments = "--trainer simulated --population 6 --generations 2 --folder".split()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.evolve_halving", *arguments, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    assert "nothing is written" in run.stdout
    found = read_run(tmp_path)
    assert all(entry.status != "stopped" for entry in found.entries)
    half = evolve_halving.replayed(found, 0, 0.5, "generation")
    able = [sum(e.generation == n for e in found.evaluated) for n in (0, 1)]
    stopped = [id for id in half["front"] if id in half["front_stopped"]]
    assert half["front_stopped"] == stopped
    # Three of the first six are seeds, and go on whatever their place.
    assert able[1] // 2 <= half["stopped"] <= sum(able) // 2
    everyone = evolve_halving.replayed(found, 0, 1.0, "generation")
    last = evolve_halving.replayed(found, 3, 0.5, "all")
    assert last["wrongly"] == 0 and half["wrongly"] <= half["stopped"]
    assert everyone["stopped"] == 0 and everyone["hypervolume_kept"] == 1


def member(id: int, bits: float, cache: float) -> dict[str, Any]:
    return {"id": id, "bits_per_byte": bits, "cache": cache, "params": 1}


def test_the_goal_is_met_only_without_loss() -> None:
    found = {
        "baselines": {
            "transformer_pp": member(0, 3.0, 1000),
            "striped_hybrid": member(1, 2.9, 500),
        },
        "front": [member(2, 2.9, 100), member(3, 2.95, 50), member(4, 2.8, 101)],
    }
    assert [one["id"] for one in evolve.reaches(found)] == [2]
    assert "front: 3" in evolve.table(found) and "20.0%" in evolve.table(found)


DOCUMENT = (ROOT / "docs" / "evolve.md").read_text()


def measured(name: str) -> Any:
    return json.loads((ROOT / "benchmarks/results" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["long", "shallow"])
def test_the_document_says_what_was_found(name: str) -> None:
    found = measured("evolve")[name]
    for one in found["seeds"]:
        volumes = one["hypervolume"]
        row = f"| {one['seed']} | {volumes['search']:.3f} | {volumes['random']:.3f} "
        row += f"| {volumes['ratio']:.3f} | {one['matched_after']} "
        row += f"| {one['hypervolume_linear']['ratio']:.3f} |"
        assert row in DOCUMENT
        assert evolve.reaches(one)
    medians = f"{found['median_ratio']:.3f} | | {found['median_ratio_linear']:.3f} |"
    assert f"| median | | | {medians}" in DOCUMENT


def test_the_document_shows_a_front() -> None:
    first = measured("evolve")["long"]["seeds"][0]
    for member in [*first["front"], *first["baselines"].values()]:
        cells = f"{member['bits_per_byte']:.4f} | {member['cache']:,.0f} | "
        assert f"{cells}{member['params']:,.0f} |" in DOCUMENT


def test_the_document_says_how_long_the_demo_takes() -> None:
    demo = measured("evolve")["demo"]
    assert f"{demo['minutes']} minutes" in DOCUMENT
    assert f"load of {demo['load_before']}" in DOCUMENT
    assert f"(ratio {demo['median_ratio']:.3f})" in DOCUMENT


def test_the_document_says_what_halving_costs() -> None:
    found = measured("evolve_halving")
    for one in found["ranking"]:
        row = f"| {one['share'] * found['recipe']['steps']:.0f} | {one['count']} "
        row += f"| {one['spearman']:.2f} | {one['low']:.2f} to {one['high']:.2f} "
        assert f"{row}| {one['kendall']:.2f} | {one['seen']} of" in DOCUMENT
    for one in found["halving"]:
        lost = f"{len(one['front_stopped'])} of {len(one['front'])}"
        row = f"| {one['steps']} | {one['keep']:.0%} | {one['stopped']} "
        row += f"| {one['wrongly']} | {lost} | {one['hypervolume_kept']:.3f} "
        row += f"| {one['steps_saved']:.0%} |"
        assert row in DOCUMENT


def test_the_document_says_what_the_engine_costs() -> None:
    found = measured("evolve_engine")
    real, page = found["trained"], found["report"]
    assert real["engine_ms"] < 20 and real["engine_share"] < 0.01
    assert f"{real['engine_ms']:.1f} ms" in DOCUMENT
    assert f"{real['engine_share']:.2%} of the run" in DOCUMENT
    assert f"{page['median_ms'] / 1000:.2f} s" in DOCUMENT
    assert f"{found['static']['processor_ms'] * 50 / 60:.1f} minutes" in DOCUMENT
