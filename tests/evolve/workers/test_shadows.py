"""Files in the current folder that are called like modules of Python are not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SEARCH = """
model m { width = 64; vocab = 256 }
search { pool = [GConv-1]; depth = 2; population = 2; generations = 1
  minimize loss, mine:own; trainer = real(steps = 1, batch = 1, context = 8) }
"""
PLAIN = SEARCH.replace("loss, mine:own", "cache").replace(
    "real(steps = 1, batch = 1, context = 8)", "simulated"
)
SCRIPT = ["-c", "from starc.cli import main; main()"]
"""What the script `starc` is, whose own folder is first in the path: never the current
one, as with -P."""

PYTHONS_OWN = (
    *("collections", "contextlib", "functools", "importlib", "keyword", "operator"),
    *("reprlib", "types", "warnings"),
)
"""What `python -m` imports before it looks for the module that it is to run. Only
Python can leave the current folder out of that: `python -P -m`, PYTHONSAFEPATH."""


def trapped(folder: Path, names: set[str]) -> Path:
    """A folder with a trap for each name; the file that traps write to."""
    for name in names:
        said = f"open({str(folder / 'ran')!r}, 'a').write({name!r} + ' ')\n"
        (folder / f"{name}.py").write_text(said)
    (folder / "mine.py").write_text("def own(subject): return 1.0\n")
    (folder / "s.star").write_text(PLAIN)
    (folder / "real.star").write_text(SEARCH)
    (folder / "t.txt").write_text("some text to learn from, " * 40)
    return folder / "ran"


def python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def none_ran(done: "subprocess.CompletedProcess[str]", ran: Path) -> None:
    assert not ran.exists(), ran.read_text()
    assert done.returncode == 0, done.stderr


def test_the_script_and_its_workers(tmp_path: Path) -> None:
    ran = trapped(tmp_path, {*sys.stdlib_module_names})
    call = "evolve s.star --workers 1".split()
    none_ran(python(tmp_path, "-P", *SCRIPT, *call), ran)


def test_python_m_and_its_workers(tmp_path: Path) -> None:
    ran = trapped(tmp_path, {*sys.stdlib_module_names} - {*PYTHONS_OWN})
    call = "evolve s.star --workers 1".split()
    none_ran(python(tmp_path, "-m", "starc", *call), ran)


@pytest.mark.parametrize("name", PYTHONS_OWN)
def test_what_python_m_runs_by_itself(tmp_path: Path, name: str) -> None:
    """No more is left out above than any `python -m` runs, before it has a module."""
    ran = trapped(tmp_path, {name})
    python(tmp_path, "-m", "json.tool", "--help")
    assert ran.exists()


def test_a_measure_of_ones_own_lies_in_the_current_folder(tmp_path: Path) -> None:
    """Which is looked at for that alone, after all else: with traps all around."""
    ran = trapped(tmp_path, {*sys.stdlib_module_names} - {*PYTHONS_OWN})
    call = "evolve real.star --workers 1 --data t.txt --device cpu".split()
    none_ran(python(tmp_path, "-m", "starc", *call), ran)


@pytest.mark.slow
def test_processes_of_ray(tmp_path: Path) -> None:
    """Ray puts the folder that it is started in first: it is an empty one."""
    pytest.importorskip("ray")
    ran = trapped(tmp_path, {*sys.stdlib_module_names} - {*PYTHONS_OWN})
    call = "evolve real.star --ray --data t.txt --device cpu".split()
    none_ran(python(tmp_path, "-m", "starc", *call), ran)
