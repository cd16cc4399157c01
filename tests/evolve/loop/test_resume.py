"""kill -9 at any moment and --resume give what an uninterrupted run gives."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from starc.evolve.storage.database import Database
from starc.evolve.storage.errors import RunError
from tests.evolve.loop.searches import MODEL, tables
from tests.work import until

KILLS, GENERATIONS = (50, 18) if os.environ.get("STARC_SLOW") else (4, 8)
CANDIDATES = 16 * GENERATIONS

STAR = (
    MODEL
    + f"""
search {{
  pool = [SA-1, SA-3, Rec-1, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless]
  depth = 6
  seeds = [transformer_pp, lfm2, striped_hybrid]
  open = [GConv-1(kernel = [2, 3, 4]), GMemless(expand = [2, 8/3, 4])]
  placement = [pre, sandwich]
  minimize bits_per_byte, cache; generations = {GENERATIONS}
  trainer = simulated(rungs = [1/4, 1], rivals = all, repeat = 4)
}}
"""
)


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "starc", "evolve", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=pipe)


def finish(process: "subprocess.Popen[bytes]") -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The search file, the tables of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    star = folder / "search.star"
    star.write_text(STAR)
    finish(start(str(star), "-o", str(folder / "run")))
    found = tables(folder / "run")
    assert found.count("\n") > 2 * CANDIDATES
    return str(star), found


def go_on(star: str, run: Path) -> "subprocess.Popen[bytes]":
    """As a person would: --resume, unless it was killed before its first step."""
    if not (run / "evolve.sqlite").exists():
        return start(star, "-o", str(run))
    try:
        Database.open(run).close()
    except RunError as error:
        assert "start it again without --resume" in str(error)
        return start(star, "-o", str(run))
    return start("--resume", str(run))


def kill(process: "subprocess.Popen[bytes]", run: Path, size_then: int) -> bool:
    """Kills once so many candidates have folders; False: it had ended before."""
    until(
        lambda: process.poll() is not None or size(run) >= size_then, "candidate more"
    )
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def size(run: Path) -> int:
    """How far a run is, without opening its database."""
    folder = run / "candidates"
    return len(os.listdir(folder)) if folder.is_dir() else 0


def test_a_killed_run_goes_on_as_if_nothing_had_been(
    whole: tuple[str, str], tmp_path: Path
) -> None:
    """One run, killed again and again, at moments all over its length."""
    star, expected = whole
    run = tmp_path / "run"
    moments = random.Random(KILLS)
    for at in sorted(moments.randrange(CANDIDATES) for _ in range(KILLS)):
        process = go_on(star, run)
        # also while it starts, which takes half a second, and between what is shown
        time.sleep(moments.random() * (0.4 if at <= size(run) else 0.05))
        assert kill(process, run, at), process.returncode
    finish(go_on(star, run))
    assert tables(run) == expected


def test_ctrl_c_says_how_to_resume(whole: tuple[str, str], tmp_path: Path) -> None:
    star, expected = whole
    run = tmp_path / "run"
    process = start(star, "-o", str(run))
    until(lambda: size(run) >= 40, "40 candidates")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert f"starc evolve --resume {run} goes on" in said.decode()
    assert "Traceback" not in said.decode()
    moved = run.rename(tmp_path / "moved")  # as to another machine
    finish(start("--resume", str(moved)))
    assert tables(moved) == expected


def test_workers_make_no_difference(whole: tuple[str, str], tmp_path: Path) -> None:
    star, expected = whole
    run = tmp_path / "run"
    finish(start(star, "-o", str(run), "--workers", "3"))
    assert tables(run) == expected


def test_two_coordinators(whole: tuple[str, str], tmp_path: Path) -> None:
    star, _ = whole
    run = tmp_path / "run"
    first = start(star, "-o", str(run))
    until(lambda: size(run) >= 10, "10 candidates")
    for arguments in (("--resume", str(run)), (star, "-o", str(run))):
        second = start(*arguments)
        _, said = second.communicate()
        assert second.returncode == 1
        assert f"is being searched by process {first.pid}" in said.decode()
    first.kill()
    first.communicate()
    assert size(run) >= 10
