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
from starc.evolve.report.read import read as read_run
from starc.evolve.spec import read
from starc.evolve.variation import Variation

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
    half = evolve_halving.replayed(found, 0, 0.5)
    able = [sum(e.generation == n for e in found.evaluated) for n in (0, 1)]
    stopped = [id for id in half["front"] if id in half["front_stopped"]]
    assert half["front_stopped"] == stopped
    # Three of the first six are seeds, and go on whatever their place.
    assert able[1] // 2 <= half["stopped"] <= sum(able) // 2
    everyone = evolve_halving.replayed(found, 0, 1.0)
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


def test_the_document_says_what_was_measured() -> None:
    text = (ROOT / "docs" / "evolve.md").read_text()
    found = json.loads((ROOT / "benchmarks/results/evolve.json").read_text())["demo"]
    (one,) = found["seeds"]
    volumes = one["hypervolume"]
    shown = f"{one['ratio']:.3f} times that of random search "
    shown += f"({volumes['search']:.4f} and {volumes['random']:.4f})"
    assert shown in text and f"the ratio is {one['ratio_scaled_by_fronts']:.1f}" in text
    for member in [*one["front"], *one["baselines"].values()]:
        cells = f"{member['bits_per_byte']:.4f} | {member['cache']:,.0f} | "
        assert f"{cells}{member['params']:,.0f} |" in text
    assert f"{found['minutes']} minutes" in text
    assert f"a load of {found['load_before']}" in text
    assert len(evolve.reaches(one)) == len(one["front"]) == 4
