"""Ctrl-C while something takes long: exit code 130, and nothing half written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.work import PATIENCE

from .conftest import ROOT

LONG = {
    "compile": ["compile", "long.star", "-o", "model.py"],
    "check": ["check", "long.star", "long.star", "long.star", "long.star"],
    "fmt": ["fmt", "long.star"],
    "show": ["show", "long.star"],
    "scale": ["scale", "long.star", "--depth", "4_096", "-o", "wide.star"],
    "stdin": ["compile", "-"],
    "compare": "compare a.star b.star --data text.txt --steps 100000".split(),
    "evolve": "evolve search.star".split(),
    "train": "train a.star --data text.txt --steps 1000000".split(),
}
STARTED = {
    "compare": "runs/compare/models",
    "evolve": "runs/s/evolve.sqlite",
    "train": "runs/a/model.py",
}
"""What shows that a command is at its work."""
FAST = ("check", "fmt", "show", "scale", "compile")
"""Of seconds: some machine may be done before the signal comes."""
DONE = (0, -signal.SIGINT)
"""Exit codes of a command whose work is done: a signal that comes while Python itself
shuts down ends it by the system's rule, without a word."""

TEXT = "model {n} {{ width = 64; vocab = 256 }}\nbackbone {{ {livs} }}\n"
SEARCH = """\
search { pool = [GMemless, SA-1]; generations = 100_000; trainer = simulated }
model s { width = 64; vocab = 256 }
"""


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c(tmp_path: Path, name: str) -> None:
    for model in ("a", "b"):
        (tmp_path / f"{model}.star").write_text(TEXT.format(n=model, livs="SA-1"))
    long = TEXT.format(n="long", livs="SA-1; GConv-1; " * 2_000)
    (tmp_path / "long.star").write_text(long)
    (tmp_path / "search.star").write_text(SEARCH)
    (tmp_path / "text.txt").write_text("some text, " * 2000)
    before = {path.name for path in tmp_path.iterdir()}
    process = subprocess.Popen(
        [sys.executable, "-c", "from starc.cli import main; print('.'); main()"]
        + LONG[name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    while name in STARTED and not (tmp_path / STARTED[name]).exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    ended = (130, *DONE) if name in FAST else (130,)
    assert process.returncode in ended, said
    assert "Traceback" not in said
    new = {path.name for path in tmp_path.iterdir()} - before
    done = process.returncode in DONE
    assert new <= ({"model.py", "wide.star"} if done else {"runs"})
    if not done:
        assert (tmp_path / "long.star").read_text() == long
