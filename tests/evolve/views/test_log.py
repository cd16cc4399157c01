"""`--log`: what TensorBoard and MLflow are told, by libraries that note it."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from starc.choices import LOGS
from starc.evolve import coordinator
from starc.evolve.storage.database import Database
from starc.evolve.storage.errors import RunError
from starc.evolve.views.log import _SINKS, Log
from tests.evolve.loop.searches import SMALL, inline, spec_of

Noted = list[tuple[str, int, float]]


class Writer:
    """As that of torch.utils.tensorboard."""

    noted: Noted = []

    def __init__(self, place: str, flush_secs: int) -> None:
        Path(place).mkdir(exist_ok=True)

    def add_text(self, name: str, text: str) -> None:
        assert text.strip().startswith("{")

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.noted.append((name, step, value))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class Client:
    """As MLflow's, with one experiment and one run."""

    noted: Noted = []
    runs: list[Any] = []
    status = ""

    def __init__(self, uri: str) -> None:
        assert uri.startswith("sqlite:////") and uri.endswith("/log/mlflow.db")

    def get_experiment_by_name(self, name: str) -> Any:
        return _record(experiment_id="1") if self.runs else None

    def create_experiment(self, name: str, place: str) -> str:
        assert place.startswith("file:///")
        return "1"

    def search_runs(self, experiments: list[str], max_results: int) -> Any:
        return self.runs

    def create_run(self, experiment: str, run_name: str) -> Any:
        self.runs.append(_record(info=_record(run_id="r")))
        return self.runs[0]

    def update_run(self, run: str, status: str) -> None:
        type(self).status = status

    def log_text(self, run: str, text: str, file: str) -> None:
        pass

    def log_param(self, run: str, name: str, value: object) -> None:
        pass

    def log_batch(self, run: str, metrics: Any) -> None:
        assert run == "r" and len(metrics) <= 1000
        self.noted.extend((m.key, m.step, m.value) for m in metrics)

    def set_terminated(self, run: str, status: str) -> None:
        type(self).status = status


def _record(**fields: Any) -> Any:
    return type("Record", (), fields)()


def _metric(key: str, value: float, timestamp: int, step: int) -> Any:
    return _record(key=key, value=value, step=step)


@pytest.fixture(params=LOGS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for found in (Writer, Client):
        monkeypatch.setattr(found, "noted", [])
    monkeypatch.setattr(Client, "runs", [])
    modules: dict[str, dict[str, Any]] = {
        "torch.utils.tensorboard": {"SummaryWriter": Writer},
        "mlflow": {},
        "mlflow.tracking": {"MlflowClient": Client},
        "mlflow.entities": {"Metric": _metric},
    }
    for name, things in modules.items():
        module = ModuleType(name)
        vars(module).update(things)
        monkeypatch.setitem(sys.modules, name, module)
    return str(request.param)


def noted(kind: str) -> Noted:
    return Writer.noted if kind == "tensorboard" else Client.noted


def test_there_is_one_for_each_word() -> None:
    assert set(_SINKS) == set(LOGS)


def test_curves_have_what_the_database_has(kind: str, tmp_path: Path) -> None:
    """And a run that goes on goes on in them."""
    spec, run = spec_of(SMALL, "simulated(rungs = [1/2, 1])"), tmp_path / "run"
    told: list[str] = []
    coordinator.begin(spec, run, inline, Log(kind, run, told.append))
    more = {"generations": spec.generations + 1}
    coordinator.resume(run, inline, Log(kind, run, told.append), more)
    database = Database.open(run)
    last = len(spec.trainer.rungs) - 1
    expected = {
        (f"measures/{name}", row.id, value)
        for row in database.candidates()
        if row.outcome and row.outcome.status == "ok" and row.rung == last
        for name, value in row.outcome.measures.items()
    }
    found = noted(kind)
    measures = [one for one in found if one[0].startswith("measures/")]
    assert set(measures) == expected and len(measures) == len(expected) > 8
    volumes = [(step, n) for name, step, n in found if name == "front/hypervolume"]
    assert volumes == [(g.number, g.hypervolume) for g in database.generations()]
    assert not told and (kind == "tensorboard" or Client.status == "FINISHED")


def test_a_search_goes_on_without_its_curves(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "add_scalar", full)
    monkeypatch.setattr(Client, "log_batch", full)
    told: list[str] = []
    run = tmp_path / "run"
    end = coordinator.begin(spec_of(SMALL), run, inline, Log(kind, run, told.append))
    assert end.state == "finished"
    (said,) = told
    assert said.startswith(f"--log {kind}: nothing is written any more: [Errno 28]")


def test_nothing_is_written_through_a_link(kind: str, tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    coordinator.begin(spec_of(SMALL), run, inline)
    outside.mkdir()
    (run / "log").symlink_to(outside)
    with pytest.raises(RunError, match=f"--log {kind}: "):
        coordinator.resume(run, inline, Log(kind, run, print), {"generations": 9})
    assert not [*outside.iterdir()]
