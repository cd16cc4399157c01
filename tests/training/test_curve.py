"""Several batches a step, held-out text, and the losses of a run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starc.training import checkpoint, curve, run, text
from starc.training.settings import TrainingError
from tests.training.test_run import SETTINGS, STUB, data, train

assert data  # a fixture of the other file


def test_batches_of_a_step_are_one_batch(tmp_path: Path, data: str) -> None:
    whole = replace(SETTINGS, data=data, batch=8)
    parts = replace(whole, batch=2, accumulate=4)
    expected = train(run.prepare(STUB, whole), tmp_path / "whole")
    found = train(run.prepare(STUB, parts), tmp_path / "parts")
    assert found == pytest.approx(expected, rel=1e-4)


def test_losses_are_kept_and_go_on(tmp_path: Path, data: str) -> None:
    """A resumed run drops what came after its checkpoint, and adds to the rest."""
    settings = replace(SETTINGS, data=data)
    first = run.prepare(STUB, settings)
    losses = train(first, tmp_path / "run")
    assert [point.step for point in first.points] == [5, 10, 12]
    assert first.points[0].training == pytest.approx(sum(losses[:5]) / 5)
    assert first.points[-1].held_out == pytest.approx(first.validation_loss())
    lines = (tmp_path / "run" / curve.NAME).read_text().splitlines()
    assert lines[0] == curve.HEAD and len(lines) == 4
    stored = checkpoint.load(tmp_path / "run")
    more = run.prepare(STUB, settings.changed({"steps": 15}), stored)
    with (tmp_path / "run" / curve.NAME).open("a") as file:
        file.write("13,1.0,1.0\n")
    train(more, tmp_path / "run")
    assert [point.step for point in more.points] == [5, 10, 12, 15]
    assert curve.picture(more.points, "run").startswith(b"\x89PNG")


@pytest.mark.parametrize("line", ["5,1.0", "x,1,1", "5,a,b", "5,1,1,1"])
def test_a_spoilt_file_of_losses(line: str, tmp_path: Path, data: str) -> None:
    settings = replace(SETTINGS, data=data)
    train(run.prepare(STUB, settings), tmp_path / "run")
    (tmp_path / "run" / curve.NAME).write_text(f"{curve.HEAD}\n{line}\n")
    stored = checkpoint.load(tmp_path / "run")
    again = run.prepare(STUB, settings.changed({"steps": 20}), stored)
    with pytest.raises(TrainingError, match="losses.csv, line 2"):
        train(again, tmp_path / "run")


def test_checkpoints_by_the_minute(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock on which each look takes twenty seconds."""
    looks = iter(range(0, 100_000, 20))
    monkeypatch.setattr("time.monotonic", lambda: float(next(looks)))
    settings = replace(SETTINGS, data=data, save=1000, save_minutes=1.0)
    made = run.prepare(STUB, settings)
    train(made, tmp_path / "run")
    assert [point.step for point in made.points] == [3, 6, 9, 12]


def test_the_share_that_is_held_out(data: str) -> None:
    found = text.read(data, 16, 0.25)
    whole = len(found.training) + len(found.validation)
    assert len(found.validation) == whole // 4
    assert torch.equal(
        torch.cat((found.training, found.validation)),
        torch.cat((text.read(data, 16).training, text.read(data, 16).validation)),
    )
