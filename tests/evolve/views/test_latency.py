"""The front timed again: everyone once a round, in turn."""

import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starc import working
from starc.cli.app import app
from starc.evolve.evaluation import timing
from starc.evolve.storage.database import Database
from starc.evolve.views import latency
from starc.evolve.views.front import members
from tests.evolve.loop.searches import run, spec_of

SEARCH = "depth = 2; population = 4; generations = 2; seeds = [transformer_pp, lfm2]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("timed") / "run"
    run(spec_of(SEARCH), folder).close()
    return folder


def test_all_are_timed_once_a_round(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that only this knows: the third round is the slow one."""
    seen: list[int] = []
    models: dict[int, float] = {}

    def once(model: object, prompt: object) -> dict[str, float]:
        models.setdefault(id(model), 1.0 + len(models))
        seen.append(id(model))
        of_round = len(seen) > 2 * len(models) and len(seen) <= 3 * len(models)
        seconds = models[id(model)] * (1000.0 if of_round else 1.0)
        return dict.fromkeys(latency.UNITS, seconds)

    monkeypatch.setattr(timing, "once", once)
    database = Database.open(folder)
    shares: list[float] = []
    working.watch(shares.append)
    try:
        found = latency.again(database, members(database), folder, 4)
    finally:
        working.leave(shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0
    count = len(found)
    assert len(shares) == 6 * count
    assert {one["name"] for one in found} >= {"transformer_pp", "lfm2", "front"}
    assert {one["id"] for one in found} >= {row.id for row in members(database)}
    rounds = [seen[at : at + count] for at in range(0, len(seen), count)]
    assert len(rounds) == 5 and all({*one} == {*models} for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert sorted(one["token_p50"] for one in found) == sorted(models.values())


def test_the_command(folder: Path) -> None:
    call = ["front", str(folder), "--time", "2", "--format", "csv"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    for row in csv.DictReader(io.StringIO(result.output)):
        half, most = float(row["token_p50"]), float(row["token_p95"])
        assert 0 < half <= most < 60 and float(row["noise"]) >= 0
        assert float(row["prefill_rate"]) > 0 < float(row["time_to_first_token"])
    shown = CliRunner().invoke(app, ["front", str(folder), "--time", "2"])
    assert "transformer_pp" in shown.output and "noise" in shown.output


def test_a_table_prints_no_text_raw_and_fits_a_terminal() -> None:
    """Names of first members come from a database, which may be a stranger's."""
    times = dict.fromkeys(latency.UNITS, 0.00217)
    text = latency.as_text(
        [{"id": 10, "name": "a\x1b[31m\u202eb", "noise": 0.1, **times}]
    )
    assert not {"\x1b", "\u202e"} & {*text}
    assert max(map(len, text.splitlines())) <= 80
