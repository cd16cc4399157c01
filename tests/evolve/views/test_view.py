"""What a person sees of a search, on a terminal and elsewhere."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from starc.cli import with_values
from starc.evolve import coordinator
from starc.evolve.problem.spec import Objective
from starc.evolve.storage.database import Database
from starc.evolve.views import units
from starc.evolve.views.live import View
from starc.training.progress import Display
from tests.evolve.loop.searches import SMALL, inline, spec_of


def test_a_line_a_generation(tmp_path: Path) -> None:
    out = io.StringIO()
    with View(Console(file=out, width=200)) as view:
        coordinator.begin(spec_of(SMALL), tmp_path / "run", inline, view)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80, "a terminal's width"
    begun = [line for line in lines if line.startswith("generation ")]
    assert len(begun) == 4 and begun[0].startswith("generation   0   front")
    assert all(line in begun or line.startswith("  ") for line in lines)
    best = min(
        row.outcome.measures["cache"]
        for row in Database.open(tmp_path / "run").candidates()
        if row.outcome and row.outcome.status == "ok"
    )
    assert f"cache {units.value(best, 'bytes')}" in "".join(lines[-2:])


def test_the_live_part(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    spec = spec_of(SMALL, "simulated(rungs = [1/2, 1])")
    with View(console) as view:
        coordinator.begin(spec, tmp_path / "run", inline, view)
    console.print(view.render())
    text = out.getvalue()
    for word in ("generation", "front", "best cache", "evaluations", "time", "rung"):
        assert word in text
    assert view.share() == 1.0


STRANGE = "\x1b[31m[red]<b>\u202e\r\x07"


@pytest.mark.parametrize("terminal", [False, True])
def test_texts_of_a_database_are_shown_live(tmp_path: Path, terminal: bool) -> None:
    """A label that moves the cursor, or is markup to rich, of a run that goes on."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, color_system=None)
    spec = replace(spec_of(SMALL), objectives=(Objective(STRANGE, "min"),))
    with View(console) as view:
        coordinator.begin(spec, tmp_path / "run", inline, view)
    before = len(out.getvalue())
    view.say(STRANGE)
    console.print(view.render())
    said = out.getvalue()
    shown = "\\x1b[31m[red]<b>\\u202e\\r\\x07"
    assert said[before:].count(shown) == 2 and said.count(shown) >= 6
    assert "\u202e" not in said and "\x1b[31m" not in said and "\x07" not in said


def test_progress_of_a_training_is_shown() -> None:
    out = io.StringIO()
    Display(Console(file=out, width=200), 1, 0.0).say(f"saved in {STRANGE}")
    assert out.getvalue() == "saved in \\x1b[31m[red]<b>\\u202e\\r\\x07\n"


def test_time_left_follows_from_the_pace() -> None:
    view = View(Console(file=io.StringIO()))
    assert view.left() is None
    view.begins(spec_of("evaluations = 100"), 0, None)
    view.done, view.began = 25, view.began - 10
    assert 29 < (view.left() or 0) < 31


def test_values_have_units() -> None:
    assert units.value(1.57e6, "bytes") == "1.57 MB"
    assert units.value(512, "bytes") == "512 B"
    assert units.value(0.0123, "seconds") == "12.3 ms"
    assert units.value(1.07951, "bits a byte") == "1.0795 bits a byte"
    assert units.of(Objective("cache", "min"), {}) == "-"
    assert units.duration(3900) == "1 h 05 min" and units.duration(61) == "1 min 01 s"


def test_ray_may_stand_alone() -> None:
    assert with_values(["--ray"]) == ["--ray", "local"]
    assert with_values(["--ray", "-o", "x"]) == ["--ray", "local", "-o", "x"]
    assert with_values(["--ray", "auto", "x"]) == ["--ray", "auto", "x"]
