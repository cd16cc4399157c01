"""Several runs side by side: one scale for all, bands over seeds, one page."""

import json
import sqlite3
from itertools import pairwise
from math import log2
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from starc.cli.app import app
from starc.evolve.report.comparison import Comparison, compare
from starc.evolve.report.comparison_page import SCRIPTS, report
from starc.evolve.report.read import ReportError, Run, read
from starc.evolve.storage.database import FILE
from tests.evolve.report import hostile
from tests.evolve.report.fake_run import write
from tests.evolve.report.test_hostile import tree


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two that differ in their seed, and one with a larger population."""
    at = tmp_path_factory.mktemp("runs")
    small = [write(at / f"small-{seed}", 6, 4, seed) for seed in (0, 1)]
    return [*small, write(at / "large", 9, 2, 2)]


@pytest.fixture(scope="module")
def runs(folders: list[Path]) -> list[tuple[str, Run]]:
    return [(folder.name, read(folder)) for folder in folders]


@pytest.fixture(scope="module")
def found(runs: list[tuple[str, Run]]) -> Comparison:
    return compare(runs)


def points(run: Run) -> list[tuple[float, float]]:
    """What is measured in full, in order: bits, and the logarithm of the cache."""
    measured = [(e.measure("bits_per_byte"), e.measure("cache")) for e in run.evaluated]
    return [(b, log2(1 + c)) for b, c in measured if b is not None and c is not None]


def area(
    given: list[tuple[float, float]], low: list[float], high: list[float]
) -> float:
    """Of two objectives, strip by strip: what the points dominate up to 1.1."""
    scaled = sorted(
        tuple((v - a) / (b - a) for v, a, b in zip(point, low, high, strict=True))
        for point in given
    )
    total, ceiling = 0.0, 1.1
    for x, y in scaled:
        if x < 1.1 and y < ceiling:
            total += (1.1 - x) * (ceiling - y)
            ceiling = y
    return total


def test_groups_are_of_one_search(found: Comparison) -> None:
    names = [[member.name for member in group.members] for group in found.groups]
    assert names == [["small-0", "small-1"], ["large"]]
    assert [group.letter for group in found.groups] == ["A", "B"]
    assert found.settings == (("population", ("6", "9")),)


def test_all_hypervolumes_are_of_one_scale(
    runs: list[tuple[str, Run]], found: Comparison
) -> None:
    """Against areas added up strip by strip, after any number of evaluations."""
    first = []
    for _, run in runs:
        born = {e.id for e in run.entries if e.generation == 0}
        kept = [e.id in born for e in run.evaluated]
        first += [p for p, own in zip(points(run), kept, strict=True) if own]
    columns = [*zip(*first, strict=True)]
    low, high = ([end(column) for column in columns] for end in (min, max))
    members = {m.name: m for group in found.groups for m in group.members}
    for name, run in runs:
        curve = members[name].curve
        done = [entry for entry in run.entries if entry.source and entry.outcome]
        assert curve.evaluations == len(done)
        for count in (0, 1, len(done) // 2, len(done)):
            ids = {entry.id for entry in done[:count]}
            known = [
                point
                for entry, point in zip(run.evaluated, points(run), strict=True)
                if entry.id in ids
            ]
            assert curve.after(count) == pytest.approx(area(known, low, high))
        assert all(a < b for a, b in pairwise(curve.volume))


def test_a_band_holds_its_runs(found: Comparison) -> None:
    for group in found.groups:
        for at in group.steps():
            low, middle, high = group.band(at)
            values = sorted(member.curve.after(at) for member in group.members)
            assert (low, high) == (values[0], values[-1]) and low <= middle <= high
    assert found.common == min(group.evaluations for group in found.groups)


def test_the_front_of_all_is_beaten_by_none(
    runs: list[tuple[str, Run]], found: Comparison
) -> None:
    every = [point for _, run in runs for point in points(run)]

    def beaten(point: tuple[float, float]) -> bool:
        return any(
            other[0] <= point[0] and other[1] <= point[1] and other != point
            for other in every
        )

    members = {m.name: m for group in found.groups for m in group.members}
    for name, run in runs:
        best = [
            entry.id
            for entry, point in zip(run.evaluated, points(run), strict=True)
            if not beaten(point)
        ]
        assert sorted(members[name].front) == sorted(best)


def test_the_command(folders: list[Path], tmp_path: Path) -> None:
    to = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", *map(str, folders), "-o", str(to)])
    assert done.exit_code == 0, done.output
    root, raw = tree(to.read_text("utf-8"))
    shown = "".join(root.itertext())
    assert "3 runs compared" in shown and "small-0, small-1" in shown
    data, *scripts = [body for given, body in raw[1:] if body]
    assert len(scripts) == 1 + len(SCRIPTS) and json.loads(data)["groups"]
    assert "default-src 'none'" in to.read_text("utf-8")


def test_runs_of_one_name_are_told_apart(folders: list[Path], tmp_path: Path) -> None:
    for above in ("here", "there"):
        write(tmp_path / above / "run", 4, 1)
    text = report([tmp_path / "here" / "run", tmp_path / "there" / "run"])
    assert "here/run, there/run" in text


def test_what_cannot_be_compared_is_told(folders: list[Path], tmp_path: Path) -> None:
    other = write(tmp_path / "other", 4, 1)
    with sqlite3.connect(other / FILE) as connection:
        ask = connection.execute
        spec = json.loads(
            ask("SELECT value FROM meta WHERE key = 'spec'").fetchone()[0]
        )
        spec["objectives"] = spec["objectives"][:1]
        ask("UPDATE meta SET value = ? WHERE key = 'spec'", (json.dumps(spec),))
    with pytest.raises(ReportError, match="small-0 has the objectives .*, other min"):
        report([folders[0], other])
    with pytest.raises(ReportError, match="is named twice"):
        report([folders[0], folders[0]])
    done = CliRunner().invoke(app, ["report", str(folders[0]), str(tmp_path)])
    assert done.exit_code == 1 and "Traceback" not in done.output


def test_runs_without_a_generation(tmp_path: Path) -> None:
    text = report([write(tmp_path / str(n), 4, n, n) for n in (0, 1)])
    assert "2 runs compared" in text


@pytest.mark.parametrize("seed", range(8))
def test_hostile_texts_stay_text(tmp_path: Path, seed: int) -> None:
    """Texts of two tampered databases with one set of objectives."""
    run = hostile.run(tmp_path / "one", Random(seed))
    copy = tmp_path / "two"
    copy.mkdir()
    (copy / FILE).write_bytes((run / FILE).read_bytes())
    root, raw = tree(report([run, copy]))
    attributes = [
        v for e in root.iter() for v in (e.tag, *e.attrib, *e.attrib.values())
    ]
    assert not any(hostile.MARK in one for one in attributes)
    data, *scripts = [body for given, body in raw[1:] if body]
    assert not any(hostile.MARK in script for script in scripts)
    assert data.isascii() and not set(data) & set("<>&")
