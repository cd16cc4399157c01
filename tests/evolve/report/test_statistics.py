"""Picks, motifs, enrichment and rank correlations against what is known by hand."""

import json
import os
from collections.abc import Hashable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from starc.cli.app import app
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import LOG
from starc.evolve.report import expense, failures, lineage
from starc.evolve.report.designs import Design, design
from starc.evolve.report.enrichment import table
from starc.evolve.report.measures import Axis, axes, quality, written
from starc.evolve.report.motifs import Motif, motifs, occurring
from starc.evolve.report.picks import picks, scaled
from starc.evolve.report.proxies import interval, proxies
from starc.evolve.report.read import Run, read
from starc.evolve.report.rungs import agreement, agreements
from starc.evolve.selection.ranking import Scored
from starc.evolve.storage.rows import Row
from tests.evolve.report.fake_run import write

X = Axis("x", "", "min", False, True)
Y = Axis("y", "", "max", False, True)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(write(tmp_path_factory.mktemp("runs") / "run", 8, 8))


def entry(id: int, **measures: float) -> Row:
    outcome = Outcome("ok", "", measures)
    candidate = Candidate(())
    return Row(id, "", candidate, "", 0, "sample", (), (), True, "", 0, outcome)


def text(*livs: str) -> Design:
    lines = "\n".join(livs)
    model = "model m { width = 64; vocab = 256; context = 64 }"
    found = design(f"{model}\nbackbone {{\n{lines}\n}}")
    assert found is not None
    return found


def test_the_rules_of_the_picks() -> None:
    front = [entry(1, x=0, y=0), entry(2, x=1, y=8), entry(3, x=10, y=10)]
    found = picks(front, (X, Y))
    assert [(pick.rule, pick.id) for pick in found] == [
        ("knee", 2),
        ("best x", 1),
        ("best y", 3),
        ("largest hypervolume contribution", 2),
    ]
    points = scaled(front, (X, Y)).points
    assert (points[0], points[2]) == ((0.0, 1.0), (1.0, 0.0))
    assert points[1] == pytest.approx((0.1, 0.2))
    # By hand: 1.1 is the reference, so the corner of #2 alone is 0.9 x 0.8.
    assert scaled(front, (X, Y)).contributions == pytest.approx((0.01, 0.72, 0.02))


def test_the_knee_is_where_ratios_say() -> None:
    """On a linear scale #3 is as good as #2 in y, and the knee."""
    y = replace(Y, direction="min")
    log = replace(y, scale=LOG)
    front = [entry(1, x=9, y=0), entry(2, x=5, y=31), entry(3, x=4, y=1023)]
    front.append(entry(4, x=0, y=2**20 - 1))
    assert scaled(front, (X, log)).points[1] == pytest.approx((5 / 9, 0.25))
    assert picks(front, (X, log))[0].id == 2 and picks(front, (X, y))[0].id == 3


def test_a_front_of_one_and_of_none() -> None:
    assert {pick.id for pick in picks([entry(7, x=1, y=1)], (X, Y))} == {7}
    assert picks([], (X, Y)) == ()


def test_motifs_of_a_row_of_livs() -> None:
    found = occurring(text("SA-1", "GMemless", "SA-1", "GMemless"))
    assert found[Motif(("SA-1", "GMemless"))] == 2
    assert found[Motif(("GMemless", "SA-1"))] == 1
    assert found[Motif(("SA-1", "GMemless", "SA-1", "GMemless"))] == 1


def test_motifs_of_sharing() -> None:
    found = occurring(
        text("c: GConv-1-Diff", "GMemless", "GConv-1-Diff weights from c", "GMemless")
    )
    names = ("GConv-1-Diff", "GMemless", "GConv-1-Diff")
    assert found[Motif(names, ((0, 2, "weights"),))] == 1
    ends = ("GConv-1-Diff", "GConv-1-Diff")
    assert found[Motif(ends, taken="weights", distance=2)] == 1
    assert str(Motif(names, ((0, 2, "weights"),))).endswith("1 lends weights to 3")


def test_a_motif_that_never_comes_alone_is_left_out() -> None:
    designs: dict[Hashable, Design]
    designs = {i: text("SA-1", "Rec-1", "GMemless") for i in range(3)}
    found = [one.motif.names for one in motifs(designs)]
    assert found == [("SA-1", "Rec-1", "GMemless")]


def test_what_was_planted_is_found_enriched() -> None:
    """Half of the later ones have SA-1 before Rec-2, none of the first ones."""
    random = Random(1)
    designs: dict[Hashable, Design] = {}
    for id in range(40):
        livs = random.choices(["GConv-1", "GMemless", "SA-3"], k=6)
        if id >= 20 and id % 2:
            livs[2:4] = ["SA-1", "Rec-2"]
        designs[id] = text(*livs)
    values: dict[Hashable, dict[str, float]]
    values = {id: {"x": float(id % 2)} for id in range(40)}
    rows = table(designs, range(20), range(20, 40), values, ["x"])
    best = rows[0]
    assert {"SA-1", "Rec-2"} <= {*best.found.motif.names}
    assert (best.selected, best.initial) == (10, 0)
    assert best.enrichment is not None
    assert best.enrichment.p == pytest.approx(0.000436, rel=0.01)  # of 10/20 and 0/20
    assert best.enrichment.low > 1 and best.enrichment.p <= best.enrichment.q
    effect = best.effects[0]
    assert effect.difference == 1 and effect.rank == pytest.approx(2 / 3, abs=0.01)


def test_against_shuffles_only_order_counts() -> None:
    ordered: dict[Hashable, Design]
    ordered = {i: text(*["SA-1", "GMemless"] * 6) for i in range(4)}
    rows = {str(r.found.motif): r for r in table(ordered, [], [], {}, [])}
    best = max(rows.values(), key=lambda row: row.enrichment.ratio)  # type: ignore[union-attr]
    assert best.enrichment is not None and best.enrichment.p < 0.01
    assert best.enrichment.ratio > 3


def test_rank_correlations(run: Run) -> None:
    found = proxies(run, axes(run), quality(axes(run)))
    early = next(proxy for proxy in found if proxy.name == "loss_at_50")
    assert early.kind == "early" and early.spearman > 0.7
    pairs = list(combinations(early.points, 2))
    agree = sum((a[1] - b[1]) * (a[2] - b[2]) > 0 for a, b in pairs)
    assert early.kendall == pytest.approx((2 * agree - len(pairs)) / len(pairs))
    assert early.low < early.spearman < early.high
    mad = next(proxy for proxy in found if proxy.name == "mad")
    assert mad.spearman > 0  # more of it is better, less of the loss is
    assert all(proxy.name != "loss" for proxy in found)


def test_front_ranks_at_two_rungs() -> None:
    """Ranks 0 to 4 and 0, 0, 2, 1, 3: the front of two was one of one at first."""
    early = [Scored(id, (float(id), float(id)), 0) for id in range(1, 6)]
    last = [(1, 9), (9, 1), (11, 11), (10, 10), (12, 12)]
    final = [Scored(id, values, 0) for id, values in enumerate(last, start=1)]
    found = agreement(0, 0.25, [*early, Scored(7, (0.0, 0.0), 0)], final, stopped=1)
    assert (found.count, found.front, found.seen, found.stopped) == (5, 2, 1, 1)
    assert found.kendall == pytest.approx(7 / 90**0.5)  # 8 agree, 1 does not, 1 ties
    assert found.spearman == pytest.approx(0.872, abs=1e-3)
    few = agreement(0, 0.25, early[:4], final)
    assert few.spearman is few.kendall is None and few.count == 4


def test_what_stopping_early_costs_is_told(run: Run) -> None:
    (found,) = agreements(run)
    stopped = [e for e in run.entries if e.status == "stopped"]
    assert found.share == 0.25 and found.stopped == len(stopped)
    assert found.count == len(run.evaluated)
    assert found.spearman is not None and found.spearman > 0.5
    assert {e.id for e in run.front} <= {e.id for e in run.evaluated}
    assert found.front == len(run.front) >= found.seen


def test_the_interval_of_bonett_and_wright() -> None:
    low, high = interval(0.5, 28)
    assert (low, high) == pytest.approx((0.134, 0.745), abs=0.002)
    assert interval(1.0, 10) == (1.0, 1.0)


def test_lineage_ends_in_the_first_generation(run: Run) -> None:
    last = run.generations[-1].population[0]
    line = lineage.ancestors(last, run.by_id)
    assert line[0] == last
    ends = [id for id in line if not run.by_id[id].parents]
    assert ends and all(run.by_id[id].generation == 0 for id in ends)
    designs = {e.id: d for e in run.entries if (d := design(e.source)) is not None}
    child = next(e for e in run.entries if e.parents)
    said = lineage.differences(child, designs)
    assert [id for id, _ in said] == list(child.parents)


def test_failures_are_grouped_by_reason(run: Run) -> None:
    found = failures.by_reason(run)
    bad = [e for e in run.entries if e.status not in ("ok", "waiting")]
    assert sum(row["count"] for row in found) == len(bad)
    repairs = failures.repairs(run)
    assert any("cannot join group # of GConv-1" in row["why"] for row in repairs)
    invalid = sum(not e.valid_before_repair for e in run.entries)
    assert sum(row["invalid"] for row in failures.by_origin(run)) == invalid


def test_the_engine_is_told_apart_from_the_workers(run: Run) -> None:
    """8 generations of 80 s, 0.2 s of each the engine's; 8 candidates each."""
    found = expense.engine(run)
    assert found is not None and found.elapsed == pytest.approx(640)
    assert found.share == pytest.approx(0.0025)
    assert found.each == pytest.approx(1.6 / len(run.entries))
    rows = expense.seconds(run)
    assert {row["name"] for row in rows} == {"compile", "gates", "train"}
    assert sum(row["share"] for row in rows) == pytest.approx(1)


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        (151e6, "bytes", "151 MB"),
        (84.9e6, "parameters", "84.9 M"),
        (1.23456, "bits a byte", "1.235 bits/byte"),
        (0.0123, "seconds", "12.3 ms"),
        (None, "bytes", "–"),
    ],
)
def test_numbers_are_written_with_their_unit(
    value: float | None, unit: str, says: str
) -> None:
    assert written(value, unit) == says


def test_motifs_of_a_folder(tmp_path: Path) -> None:
    model = "model m { width = 64; vocab = 256; context = 64 }"
    for name in "abc":
        body = "backbone { 3 x { SA-1; GMemless }; Rec-1 }"
        (tmp_path / f"{name}.star").write_text(f"{model}\n{body}")
    (tmp_path / "broken.star").write_text("model {")
    found = CliRunner().invoke(app, ["motifs", str(tmp_path), "--json"])
    assert found.exit_code == 0, found.output
    data = json.loads(found.output)
    assert data["designs"] == 3 and len(data["skipped"]) == 1
    assert all(motif["designs"] == 3 for motif in data["motifs"])
    table = CliRunner().invoke(app, ["motifs", str(tmp_path), "--top", "2"])
    assert "in random order" in table.output
    wrong = CliRunner().invoke(app, ["motifs", str(tmp_path / "broken.star")])
    assert wrong.exit_code == 1
    with (tmp_path / "huge.star").open("wb") as file:  # all holes on the disk
        file.truncate(1 << 40)
    os.mkfifo(tmp_path / "pipe.star")
    found = CliRunner().invoke(app, ["motifs", str(tmp_path), "--json"])
    assert len(json.loads(found.output)["skipped"]) == 3
    for name, code in (("huge", 1), ("pipe", 2)):
        path = str(tmp_path / f"{name}.star")
        assert CliRunner().invoke(app, ["motifs", path]).exit_code == code
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert CliRunner().invoke(app, ["motifs", str(nothing)]).exit_code == 1
