"""A run as tables for other programs, and its candidates as models."""

import csv
import io
from pathlib import Path

import pandas
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from starc import evolve
from starc.cli.app import app
from starc.evolve.storage.database import COMPARED, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.views.front import members
from starc.evolve.views.loaded import Loaded
from tests.evolve.loop.searches import SMALL, run, spec_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded") / "run"
    run(spec_of(SMALL), folder).close()
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return evolve.load(folder)


def test_all_candidates_are_in_the_table(folder: Path, loaded: Loaded) -> None:
    rows = Database.open(folder).candidates()
    table = loaded.candidates()
    assert list(table.index) == [row.id for row in rows]
    for row in rows:
        line = table.loc[row.id]
        assert line["status"] == row.status and line["source"] == row.source
        assert line["parents"] == list(row.parents)
        placement = dict(row.candidate.model).get("placement")
        assert line["model.placement"] == placement or placement is None
        for label in ("bits_per_byte", "cache", "params"):
            value = row.measure(label)
            assert pandas.isna(line[label]) if value is None else line[label] == value
    objectives = [c for c in table.columns if c in ("bits_per_byte", "cache", "params")]
    assert objectives == ["bits_per_byte", "cache", "params"], "objectives come first"


def test_the_front_is_that_of_starc_front(folder: Path, loaded: Loaded) -> None:
    ids = [row.id for row in members(Database.open(folder))]
    assert list(loaded.front().index) == ids
    table = loaded.candidates()
    assert set(table.index[table["front"]]) == set(ids)
    volumes = loaded.generations()["hypervolume"]
    assert list(volumes.index) == [0, 1, 2, 3] and volumes.is_monotonic_increasing


def test_loading_writes_nothing(folder: Path, loaded: Loaded) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    dump = Database.open(folder).dump(COMPARED)
    loaded.candidates(), loaded.front(), loaded.generations()
    loaded.model(1, weights=False)
    assert Database.open(folder).dump(COMPARED) == dump
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    kept = {p for p in before if p.suffix not in (".sqlite-wal", ".sqlite-shm")}
    assert {p: after.get(p) for p in kept} == {p: before[p] for p in kept}


def test_csv_and_parquet_say_what_the_table_says(
    folder: Path, loaded: Loaded, tmp_path: Path
) -> None:
    front = loaded.front()
    for form in ("csv", "parquet"):
        call = [
            "front",
            str(folder),
            "--format",
            form,
            "-o",
            str(tmp_path / f"f.{form}"),
        ]
        assert CliRunner().invoke(app, call).exit_code == 0
    lines = list(csv.DictReader(io.StringIO((tmp_path / "f.csv").read_text())))
    assert [int(line["id"]) for line in lines] == list(front.index)
    assert [float(line["cache"]) for line in lines] == list(front["cache"])
    assert "source" not in lines[0]
    read = pandas.read_parquet(tmp_path / "f.parquet").set_index("id")
    assert list(read.columns) == list(front.columns)
    for name in set(front.columns) - {"parents"}:
        pandas.testing.assert_series_equal(read[name], front[name], check_dtype=False)
    assert [list(ids) for ids in read["parents"]] == list(front["parents"])


def test_a_model_has_the_weights_that_training_left(
    folder: Path, loaded: Loaded
) -> None:
    id = int(loaded.front().index[0])
    with pytest.raises(RunError, match=f"candidate {id} has no weights in"):
        loaded.model(id)
    torch.manual_seed(3)
    made = loaded.model(id, weights=False)
    file = folder / "candidates" / str(id) / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in made.state_dict().items()}, file)
    tokens = torch.arange(12).reshape(1, 12)
    assert torch.equal(loaded.model(id)(tokens), made(tokens))
    save_file({"other": torch.zeros(2)}, file)
    with pytest.raises(RunError, match="are no weights of it"):
        loaded.model(id)
    file.write_bytes(b"no tensors")
    with pytest.raises(RunError, match="are no weights of it"):
        loaded.model(id)
    file.unlink()


def test_what_is_not_there_is_told(tmp_path: Path, loaded: Loaded) -> None:
    with pytest.raises(RunError, match="holds no run"):
        evolve.load(tmp_path)
    with pytest.raises(RunError, match="has no candidate 999"):
        loaded.model(999)
