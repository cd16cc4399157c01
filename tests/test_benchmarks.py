"""docs/benchmarks.md shows what the results say, and not an earlier run's numbers."""

import itertools
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    ablations,
    evolve_halving,
    export,
    fronts,
    kernels_compiled,
    machine,
    search_peers,
    table,
    trainings,
    zoo,
)
from benchmarks.study import claims
from benchmarks.study import page as study
from benchmarks.study.__main__ import plan as study_plan
from benchmarks.study.sizes import SIZES
from starc.evolve.evaluation.failure import Ended
from starc.evolve.problem.architecture import surroundings
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.zoo.families import NAMES

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
SEARCHES = (ROOT / "docs" / "evolve.md").read_text(encoding="utf-8")


def results(name: str) -> dict[str, Any]:
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", ["amx", "avx512_bf16", "avx2"])
def test_models(kind: str) -> None:
    found = results(f"cpu_{kind}")
    assert found["machine"]["kind"] == kind in machine.KINDS
    assert f"load {found['machine']['load']}" in TEXT
    for version in "torch", "transformers":
        assert found["machine"][version].partition("+")[0] in TEXT
    for dtype in "float32", "bfloat16":
        for part, name in ("prefill", "prompt"), ("decode", "step"):
            times = found[dtype][part]
            most = times.get("most")
            assert (
                f"| {dtype}, {name} | {times['ours_ms']:.1f} ms | "
                f"{times['theirs_ms']:.1f} ms | {times['ratio']:.2f} | "
                f"{f'{most} |' if most else '|'}\n"
            ) in TEXT


def test_peers_of_the_search() -> None:
    found = results("search_peers")
    rows = fronts.table(found)
    assert len(rows) >= 12 and {*fronts.SIMULATED} <= {*found["spaces"]}
    for row in [*rows, *fronts.goals(found)]:
        assert f"{row}\n" in SEARCHES


def test_a_function_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def train(candidate: Candidate, spec: Spec, seed: int, folder: Path) -> float:
        asked.append(seed)
        return math.nan if seed else 4.0

    monkeypatch.setattr(table, "train", train)
    file, spec = tmp_path / "trainings.csv", search_peers.space("real", 0)
    code = surroundings(spec).code("SA-1")
    one = Candidate(tuple((code, 1, 1, 1, 1) for _ in range(6)))
    for _ in range(2):
        assert trainings.bits(one, "search", spec, file) == 4.0
        with pytest.raises(Ended, match="diverged"):
            trainings.bits(one, "search", replace(spec, seed=1), file)
        trainings.load.cache_clear()  # as another process would find it
    assert trainings.bits(one, "another", spec, file) == 4.0 and asked == [0, 1, 0]


def test_ten_thousand_candidates() -> None:
    whole, text = results("evolve_engine"), " ".join(SEARCHES.split())
    found, foresees = whole["many"], whole["surrogate"]["engine_ms"]
    assert f"it is {foresees:.0f} ms in a space of 24 LIVs" in text
    assert f"takes {foresees:.0f} ms: {1000 / foresees:.0f} candidates a second" in text
    page = found["report"]
    assert f"{found['candidates']:,} candidates (load {found['load']})" in text
    assert f"{found['engine_ms']:.1f} ms an evaluation to propose" in text
    assert f"a database of {found['database_megabytes']:.0f} MB (200)" in text
    seconds = (page[f"{what}_ms"] / 1000 for what in ("median", "least", "most"))
    opens = "opens in {:.1f} s (3), median of five from {:.1f} to {:.1f} s".format
    assert f"a report of {page['megabytes']:.0f} MB that {opens(*seconds)}" in text
    assert f"To write it takes {page['written_seconds']:.0f} s" in text


def test_table() -> None:
    found, page = results("table"), (ROOT / "docs" / "table.md").read_text("utf-8")
    rows = table.load()
    assert json.loads(json.dumps(table.about(rows))).items() <= found.items()
    for line in table.told(found):
        assert f"{line}\n" in page
    assert found["search"] == table.SEARCH and table.spec().trainer.steps == 20
    some = random.Random(0).sample(table.space(), 60)
    assert len(table.functions(some)) == 60 < len(table.space()) == 2401
    for candidate in some[:10]:
        row = rows.get(table.livs_of(candidate))
        assert row is None or row.costs == table.costs_of(candidate)
    pool = table.complete(rows)
    for candidate in table.space(pool):
        told = table.measures(candidate)
        assert 0 < told["bits_per_byte"] < 9 and told["cache"] >= 0


def test_what_lacks_is_trained_next(tmp_path: Path) -> None:
    rows = {
        livs: replace(row, bits={})
        for livs, row in itertools.islice(table.load().items(), 5)
    }
    (first, seed), *rest = table.todo(rows)
    assert seed == 0 and len(rest) + 1 == 2 * 2401
    livs = table.livs_of(first)
    rows[livs] = table.Row(livs, table.costs_of(first), {0: 5.0, 1: float("nan")})
    table.write(rows, tmp_path / "table.csv")
    again = table.load(tmp_path / "table.csv")
    assert again.keys() == rows.keys() and again[livs].bits[0] == 5.0
    assert math.isnan(again[livs].bits[1])
    assert (first, 0) not in {*table.todo(again)} and len([*table.todo(again)]) == 4800
    assert table.complete(again) in [(), tuple(livs[:1])]


def test_ablations() -> None:
    found = results("ablations")
    for row in ablations.table(found):
        assert f"{row}\n" in SEARCHES
    assert f"benchmarks.ablations --seeds {found['seeds']}`" in SEARCHES


def test_halving() -> None:
    for row in evolve_halving.tables(results("evolve_halving")):
        assert f"{row}\n" in SEARCHES


def test_inheritance() -> None:
    found, text = results("inheritance"), " ".join(SEARCHES.split())
    one = found["ranking"]
    interval = f"({one['low']:.2f} to {one['high']:.2f})"
    assert f"Spearman's rho {one['spearman']:.2f} {interval}" in text
    assert f"Kendall's tau {one['kendall']:.2f}" in text
    assert f"{found['candidates']} children" in text
    assert f"{found['inherited']:.0%} of the elements" in text
    assert f"{found['steps_saved']:.0%} of the steps" in text
    assert f"{found['bits_less']:.3f} bits" in text


def test_study() -> None:
    """The page is written from the numbers, and the numbers from the trainings."""
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    found = results("study")
    assert page == study.text(found)
    lines = ROOT / "benchmarks" / "results" / "study" / "cpu"
    told = claims.found(study_plan(SIZES["cpu"], lines), "cpu")
    assert json.loads(json.dumps(told)) == {**found, "date": told["date"]}


def test_experts() -> None:
    found = results("experts")
    assert f"(load {found['machine']['load']})" in " ".join(TEXT.split())
    for part in "training_step", "one_token":
        one = found["float32"][part]
        assert (
            f"| {part.replace('_', ' ')} | {one['mixture_ms']:.1f} ms | "
            f"{one['dense_ms']:.1f} ms | {one['ratio']:.2f} |\n"
        ) in TEXT
    grouped = found["grouped_product"]
    ratio, load = grouped["float32"]["ratio"], grouped["load"]
    assert ratio > 1
    said = f"{ratio:.2f} times as long (the machine busy, load {load})"
    assert said in " ".join(TEXT.split())


def test_exported_folders() -> None:
    found, text = results("export"), " ".join(TEXT.split())
    there = found["machine"]
    assert f"load {there['load']} to {there['load_after']}" in text
    least = {against: 9.0 for against in export.AGAINST}
    for name, one in found["families"].items():
        for part in export.PARTS:
            assert f"{export.row(name, part, one[part])}\n" in TEXT
            for against in least:
                ratio = one[part][f"{against}_ratio"]
                least[against] = min(least[against], ratio)
    said = "the least of the ratios are {emitted:.2f} and {theirs:.2f}"
    assert said.format(**least) in text


def test_memory_of_an_export() -> None:
    found, text = results("export")["memory"], " ".join(TEXT.split())
    plain, coded = found["without_code"], found["with_code"]
    assert f"{found['parameters']:,} parameters" in text
    assert f"the largest tensor {found['largest_mb']:.0f} MB) takes" in text
    assert f"takes {plain['peak_mb']:.0f} MB more" in text
    assert f"{plain['of_largest']:.2f} times the largest tensor" in text
    assert f"and {coded['of_largest']:.2f} with a modeling file" in text


def test_public_families() -> None:
    found = results("zoo")["families"]
    loads = [one["load"] for one in found.values()]
    assert f"load {min(loads)} to {max(loads)}" in TEXT
    assert found.keys() == {*NAMES} and f"all {len(NAMES)} families" in TEXT
    for name, one in found.items():
        assert f"{zoo.row(name, one)}\n" in TEXT
    cells = [one[part] for one in found.values() for part in zoo.PARTS]
    below = [cell for cell in cells if cell["ratio"] < 1]
    chance = sum(map(zoo.by_chance, below))
    assert f"Of {len(cells)} cells {len(below)} are below 1, {chance} of" in TEXT
    least = [min(one[part]["ratio"] for one in found.values()) for part in zoo.PARTS]
    assert (
        "the least of a column {:.2f}, {:.2f}, {:.2f} and {:.2f}".format(*least) in TEXT
    )


def test_kernels_on_a_cpu() -> None:
    text = (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")
    runs = results("kernels_cpu")["runs"]
    for run in runs:
        assert f"mamba.py {run['mamba.py']}" in text
        assert f"load {run['machine']['load']}" in text
    asked = [row for run in runs for row in run["rows"] if row["asked"]]
    assert len(asked) == 7
    for row in asked:
        assert (
            f"| `{row['kernel']}` | {row['against']} | {row['ours_ms']:.1f} ms | "
            f"{row['theirs_ms']:.1f} ms | {row['ratio']} | {row['asked']} |\n"
        ) in text


def test_playground() -> None:
    found = results("playground")
    assert f"load {found['load']}" in TEXT and found["first_in_line"]
    assert (
        f"| first compilation | {found['first_s']} s, "
        f"at most {found['first_worst_s']} s | {found['first_ratio']} of"
    ) in TEXT
    assert (
        f"{found['later_ms']} ms, 95 in 100 within {found['later_p95_ms']} ms "
        f"| {found['later_ratio']} of"
    ) in TEXT


def test_kernels_compiled(tmp_path: Path) -> None:
    """The page says what the result says, and the result what reports would say."""
    found = results("kernels_compiled")
    assert kernels_compiled.PAGE.read_text("utf-8") == kernels_compiled.page(found)
    for targets in found["files"].values():
        assert all(
            worst["spilled"] == 0 for t, worst in targets.items() if t == "sm_90"
        )
    row = {"kernel": "k", "call": "K=3", "registers": 90, "spills": 0, "shared": 1024}
    more = {**row, "call": "K=7", "registers": 80, "spills": 8, "shared": 1536}
    (tmp_path / "ssd-sm_80.json").write_text(json.dumps([row, more]))
    made = kernels_compiled.gathered(tmp_path, {"ssd": {"sm_90": {}}, "gone": {}})
    worst: dict[str, object] = {"launches": 2, "registers": 90, "spilled": 8}
    worst |= {"shared": 1536, "spilling": "k, K=7"}
    assert made["ssd"] == {"sm_90": {}, "sm_80": worst}
    assert "gone" not in made
    text = kernels_compiled.page(
        {"triton": "3.9", "files": {"ssd": {"sm_80": made["ssd"]["sm_80"]}}}
    )
    assert "| ssd | 2 | 90 / 8 / 1.5 | - | - | - |" in text
    assert "| ssd | sm_80 | 8 | k, K=7 |" in text


def test_compiler() -> None:
    found = results("compile_time")
    processes = found["processes"]
    assert not found["imports_torch"] and not found["imports_black"]
    assert processes["compile"]["times_imports_median"] <= 2.0
    for shown in (
        f"typer`, whole process | {processes['imports']['median_seconds']} s |",
        f"compile`, whole process | {processes['compile']['median_seconds']} s |",
        *(
            f"| `starc {name}`, {what} | {processes[name]['times_imports_median']} |"
            for name, what in (
                ("compile", "whole process, times `import lark, jinja2, typer`"),
                *((other, "the same") for other in ("check", "show", "fmt")),
            )
        ),
        f"text to text, median | {found['text_to_text']['median_ms']} ms |",
        f"genome to text, median | {found['genome_to_text']['median_ms']} ms |",
        f"times 24 LIVs | {found['times_of_24_livs']} |",
        f"static costs, median | {found['genome_to_costs']['median_ms']} ms |",
        f"two cores | {found['minutes_of_100_000_costs_on_2_cores']} min |",
    ):
        assert shown in TEXT


def test_vendoring() -> None:
    found = results("vendoring")
    assert found["together"] <= found["wanted"]
    for name, seconds in found["seconds"].items():
        assert f"| `starc {name}` | {seconds} |" in TEXT
    assert f"| together | {found['together']} of {found['wanted']} wanted |" in TEXT
