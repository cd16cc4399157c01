"""How `starc evolve` ends when a person calls it: code, one message, what is left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SEARCH = """
model m {{ width = 32; vocab = {vocab}; context = 32 }}
search {{
  pool = [GMemless, GConv-1, SA-1]; depth = 2; population = 2; generations = 2
  minimize cache, mine:{measure}
  trainer = real(steps = 1, batch = 1, context = 16)
}}
"""
MINE = """
import errno, os, shutil

def fails(subject): raise RuntimeError(f"no luck in {subject.folder.name}")
def deletes(subject):
    shutil.rmtree(os.path.dirname(os.path.dirname(subject.folder)))
    return 1.0
def fills(subject): raise OSError(errno.ENOSPC, "No space left on device", "weights")
def is_fine(subject): return 1.0
"""


def evolve(folder: Path, measure: str, vocab: int = 256) -> tuple[int, list[str]]:
    """The exit code, and what is on stderr besides the lines of generations."""
    (folder / "mine.py").write_text(MINE)
    (folder / "t.txt").write_text("some text to learn from, " * 40)
    (folder / "s.star").write_text(SEARCH.format(vocab=vocab, measure=measure))
    call = "evolve s.star -o run --data t.txt --device cpu --workers 1".split()
    done = subprocess.run(
        [sys.executable, "-m", "starc", *call],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr and not done.stdout
    lines = done.stderr.splitlines()
    return done.returncode, [one for one in lines if not one.startswith("generation ")]


@pytest.mark.slow
def test_a_search_that_is_fine(tmp_path: Path) -> None:
    code, said = evolve(tmp_path, "is_fine")
    assert code == 0 and said[-1] == "starc front run prints what was found"


@pytest.mark.slow
def test_all_candidates_fail(tmp_path: Path) -> None:
    code, said = evolve(tmp_path, "fails")
    assert code == 1 and "every candidate failed for one reason" in said[-1]
    assert "RuntimeError: no luck in" in said[-1]
    assert not any("starc front" in line for line in said)


def test_the_folder_is_deleted_in_the_middle(tmp_path: Path) -> None:
    """By the measure itself, as by a person: nothing of it is made again."""
    code, said = evolve(tmp_path, "deletes")
    assert code == 1 and len(said) == 1, said
    assert said[0].startswith("starc: ") and "was deleted or replaced" in said[0]
    assert not (tmp_path / "run").exists()


def test_the_disk_of_a_worker_is_full(tmp_path: Path) -> None:
    code, said = evolve(tmp_path, "fills")
    assert code == 1 and len(said) == 1, said
    assert "No space left on device" in said[0] and "weights" in said[0]
    assert "--resume goes on where it stopped" in said[0]


@pytest.mark.parametrize(("measure", "vocab"), [("nobody", 256), ("is_fine", 200)])
def test_no_candidate_could_pass(tmp_path: Path, measure: str, vocab: int) -> None:
    code, said = evolve(tmp_path, measure, vocab)
    assert code == 1 and len(said) == 1, said
    assert ("nobody" if measure == "nobody" else "vocab = 256 or more") in said[0]
    assert not (tmp_path / "run").exists()
