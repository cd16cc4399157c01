"""--resume on runs that someone tampered with: it goes on, or says what is wrong."""

import contextlib
import json
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from starc.evolve import coordinator
from starc.evolve.evaluation import evaluate, preflight
from starc.evolve.evaluation.outcome import STATUSES
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.errors import RunError
from tests.evolve.evaluation import small
from tests.evolve.loop.searches import inline, spec_of
from tests.evolve.storage.test_tampered_runs import CELLS, mutated, tamper

SETTINGS = """
  pool = [SA-1, GMemless]; depth = 2; population = 2; generations = 1
  minimize cache, loss
"""
BUDGET = {"generations": 2, "evaluations": 6, "minutes": 0.05}
"""What the caller of --resume says counts, whatever the database asks for."""

Damage = Callable[[Path, random.Random], object]


def bytes_of(path: Path, drawn: random.Random) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(drawn.randint(1, 4) if raw else 0):
        raw[drawn.randrange(len(raw))] = drawn.randrange(256)
    path.write_bytes(raw[: drawn.randrange(len(raw) + 1)])


def field_of(path: Path, drawn: random.Random) -> None:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = {}
    path.write_text(json.dumps(mutated(found, drawn)))


def cell_as(path: Path, drawn: random.Random) -> None:
    path.write_text(str(drawn.choice(CELLS)))


def link_at(path: Path, drawn: random.Random) -> None:
    """To a file, a folder, nothing, or itself; or as another name of a file."""
    outside = Path(*path.parts[: path.parts.index("run", 3)])
    path.unlink()
    targets = [outside / "canary", outside / "elsewhere", Path("nowhere"), path]
    target = drawn.choice(targets)
    if drawn.random() < 0.3:
        os.link(outside / "canary", path)
    else:
        path.symlink_to(target)


def folder_at(path: Path, drawn: random.Random) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_bytes(drawn.randbytes(9))


def pipe_at(path: Path, drawn: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def nothing_at(path: Path, drawn: random.Random) -> None:
    path.unlink()


DAMAGE: tuple[Damage, ...] = (
    *(bytes_of, field_of, field_of, cell_as, link_at, folder_at, pipe_at, nothing_at),
)


JSON = (
    ("meta", "value", "key = 'spec'"),
    ("candidates", "candidate", "id > 0"),
    ("candidates", "parents", "id > 0"),
    ("candidates", "changes", "id > 0"),
    ("outcomes", "measures", "rung >= 0"),
    ("rungs", "measures", "rung >= 0"),
    ("proposals", "statistics", "generation >= 0"),
    ("generations", "population", "number >= 0"),
    ("generations", "front", "number >= 0"),
    ("generations", "statistics", "number >= 0"),
)


def nudged(value: Any, drawn: random.Random) -> Any:
    """Something in it by another of its own kind: what a look at types lets through."""
    if isinstance(value, dict) and value and drawn.random() < 0.95:
        key = drawn.choice(sorted(value))
        return {**value, key: nudged(value[key], drawn)}
    if isinstance(value, list) and value and drawn.random() < 0.8:
        at = drawn.randrange(len(value))
        return [*value[:at], nudged(value[at], drawn), *value[at + 1 :]]
    if isinstance(value, list):
        return drawn.choice([[], value * 2, value[1:], value[::-1]])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        others = (0, 1, 2, 3, 5, 9, 16, 17, 101, value + 1, value - 1, -value)
        return type(value)(drawn.choice(others))
    if isinstance(value, str):
        words = ("", "SA-1", "GMemless", "GLA", "nsga2", "ga", "map_elites", "random")
        return drawn.choice([*words, "max", "cache", "loss", "x:y", value * 2])
    return drawn.choice([None, value])


def nudge(run: Path, drawn: random.Random) -> None:
    table, column, where = drawn.choice(JSON)
    query = f"SELECT rowid, {column} FROM {table} WHERE {where}"
    if table in ("meta", "rungs"):  # have no rowid
        query = query.replace("rowid", "key" if table == "meta" else "candidate")
    database = contextlib.closing(sqlite3.connect(run / "evolve.sqlite"))
    with database as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        found = connection.execute(query).fetchall()
        row, text = drawn.choice(found)
        new = json.dumps(nudged(json.loads(text), drawn))
        named = query.split()[1].rstrip(",")
        change = f"UPDATE {table} SET {column} = ? WHERE {named} = ?"
        connection.execute(change, (new, row))


def own(folder: Path) -> list[Path]:
    """Files that are no link: what damage is done to them stays in the folder."""
    found = [path for path in sorted(folder.rglob("*")) if not path.is_symlink()]
    return [path for path in found if path.is_file() and path.stat().st_nlink == 1]


def damage(run: Path, drawn: random.Random) -> None:
    """The database, or a file that a search left."""
    for _ in range(drawn.randint(1, 3)):
        kind = drawn.random()
        if kind < 0.8:
            with contextlib.suppress(Exception):  # it may be damaged already
                (nudge if kind < 0.6 else tamper)(run, drawn)
            continue
        others = [path for path in own(run) if path.name != "evolve.sqlite"]
        if others:
            drawn.choice(DAMAGE)(drawn.choice(others), drawn)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A run after its first generation, and files beside it that must stay."""
    coordinator.begin(
        spec_of(SETTINGS, "simulated(rungs = [1/2, 1])"), tmp_path / "sound", inline
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "canary").write_text("kept")
    return tmp_path / "sound"


def simulated_only(spec: Spec, here: bool = True) -> None:
    """In place of preflight.check: a real training takes seconds, and has a test."""
    if spec.trainer.kind != "simulated":
        raise preflight.NotPossible("would be trained")


SEEDS = [range(400), pytest.param(range(400, 100_000), marks=pytest.mark.slow)]
"""Few in `make test`: a search that goes on takes a hundred times as long as a look at
what was tampered with, of which test_tampered_runs has 2,000."""


@pytest.mark.parametrize("seeds", SEEDS, ids=str)
def test_tampered_runs_that_go_on(
    sound: Path, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "check", simulated_only)
    top, run = sound.parent, sound.parent / "run"
    around = sorted([*(path.name for path in top.iterdir()), "run"])
    for seed in seeds:
        print("seed", seed)
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(sound, run)
        damage(run, random.Random(seed))
        with contextlib.suppress(RunError, OSError):
            end = coordinator.resume(run, inline, budget=BUDGET)
            assert end.evaluations < 100 and end.state != "interrupted"
        assert (top / "canary").read_text() == "kept"
        assert not list((top / "elsewhere").iterdir())
        assert sorted(path.name for path in top.iterdir()) == around


def test_the_sound_run_goes_on(sound: Path) -> None:
    end = coordinator.resume(sound, inline, budget=BUDGET)
    assert end.state == "finished" and end.evaluations == 4 and not end.before


FEW = [range(12), pytest.param(range(12, 400), marks=pytest.mark.slow)]


@pytest.mark.parametrize("seeds", FEW, ids=str)
def test_tampered_trainings_that_go_on(tmp_path: Path, seeds: range) -> None:
    """A rung after a real one: from the checkpoint, or from the start; never worse."""
    spec = small.real(tmp_path, steps=4, rungs=(0.5, 1.0))
    candidate = Candidate((small.MLP,))
    logging.disable()
    first = evaluate(candidate, spec, tmp_path / "sound", 0)
    assert first.status == "ok"
    shutil.copytree(tmp_path / "sound", tmp_path / "whole")
    whole = evaluate(candidate, spec, tmp_path / "whole", 1)
    assert whole.status == "ok"
    run = tmp_path / "run"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "canary").write_text("kept")
    same = 0
    for seed in seeds:
        print("seed", seed)
        drawn = random.Random(seed)
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(tmp_path / "sound", run)
        drawn.choice(DAMAGE)(drawn.choice(own(run)), drawn)
        with contextlib.suppress(OSError):
            outcome = evaluate(candidate, spec, run, 1)
            assert outcome.status in STATUSES
            same += outcome.measures == whole.measures
        assert (tmp_path / "canary").read_text() == "kept"
        assert not list((tmp_path / "elsewhere").iterdir())
    assert same
