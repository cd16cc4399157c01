"""A picked candidate trains on from where the search stopped."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from starc.cli.app import app
from starc.evolve.storage.database import Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.rows import Row
from starc.evolve.views.pick import CHECKPOINT, pick
from starc.training import checkpoint
from starc.training.recipe import VALIDATION_BATCHES
from starc.training.run import prepare
from tests.evolve.loop.searches import run, spec_of

SEARCH = """
  pool = [GConv-1, GMemless]
  depth = 2
  population = 2
  generations = 1
  minimize loss, cache
"""
MODEL = "model tiny { width = 16; vocab = 256; context = 64 }\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Of a search in which each candidate is trained in two rungs."""
    folder = tmp_path_factory.mktemp("picked")
    text = folder / "text.txt"
    text.write_bytes(b"the quick brown fox jumps over the lazy dog\n" * 200)
    trainer = "real(steps = 8, batch = 2, context = 16, rungs = [0.5, 1], keep = 1)"
    spec = replace(spec_of(SEARCH, trainer, MODEL), data=str(text))
    return run(spec, folder / "run")


@pytest.fixture(scope="module")
def row(database: Database) -> Row:
    return next(row for row in database.candidates() if row.status == "ok")


def test_it_is_where_the_search_left_it(
    database: Database, row: Row, tmp_path: Path
) -> None:
    written = pick(database, row.id, tmp_path / "out", checkpoint=True)
    assert written[-1] == tmp_path / "out" / "checkpoint"
    assert {path.name for path in written[-1].iterdir()} == {*CHECKPOINT}
    assert not list((tmp_path / "out").glob(".*"))
    stored = checkpoint.load(tmp_path / "out")
    assert stored.step == 8
    moments = [t for name, t in stored.optimizer.items() if name.endswith("exp_avg")]
    assert moments and all(moment.any() for moment in moments)
    resumed = prepare(tmp_path / "out" / "model.py", stored.settings, stored)
    assert resumed.validation_loss(VALIDATION_BATCHES) == row.measure("loss")


def test_it_trains_on(database: Database, row: Row, tmp_path: Path) -> None:
    """As a run of as many steps that was saved on the way: to the bit."""
    out = tmp_path / "out"
    picked = ["pick", str(database.path.parent), str(row.id), "-o", str(out)]
    assert CliRunner().invoke(app, [*picked, "--checkpoint"]).exit_code == 0
    stored = checkpoint.load(out)
    expected = prepare(out / "model.py", stored.settings.changed({"steps": 12}), stored)
    while expected.progress < 1:
        expected.take_step()
    train = ["train", str(out / "model.py"), "-o", str(out), "--resume"]
    done = CliRunner().invoke(app, [*train, "--steps", "12", "--sample", "0"])
    assert done.exit_code == 0, done.output
    found = checkpoint.load(out)
    assert found.step == 12 and found.settings.batch == 2
    for name, weight in expected.model.state_dict().items():
        assert torch.equal(weight, found.model[name]), name
    again = CliRunner().invoke(app, [*picked, "--checkpoint"])
    assert again.exit_code == 1 and "holds a run" in again.output.replace("\n", " ")
    assert checkpoint.load(out).step == 12


@pytest.mark.parametrize("name", CHECKPOINT.values())
def test_what_is_absent_is_told_before_anything_is_written(
    database: Database, row: Row, tmp_path: Path, name: str
) -> None:
    kept = database.path.parent / "candidates" / str(row.id) / name
    aside = kept.rename(tmp_path / "aside")
    try:
        with pytest.raises(RunError, match=f"has no {name}"):
            pick(database, row.id, tmp_path / "out", checkpoint=True)
        assert not (tmp_path / "out").exists()
        kept.symlink_to(aside)
        with pytest.raises(OSError, match="link"):
            pick(database, row.id, tmp_path / "out", checkpoint=True)
        assert not (tmp_path / "out").exists()
    finally:
        kept.unlink(missing_ok=True)
        aside.rename(kept)
