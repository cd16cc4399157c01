"""Exit codes and messages when the call, a file or the terminal is in the way."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.work import PATIENCE

from .conftest import ROOT, Run

READERS = (
    ["compile"],
    ["check"],
    ["fmt"],
    ["show"],
    ["encode"],
    ["train"],
)


def test_version(starc: Run) -> None:
    done = starc("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("starc 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["compile"],
        ["compile", "a", "b"],
        ["compile", "a.star", "--emit", "mdoel"],
        ["compile", "a.star", "--no-pass", "fsue"],
        ["compile", "a.star", "--no-pass", "expand"],
        ["check", "a.star", "--format", "xml"],
        ["show", "a.star", "--context", "0"],
        ["show", "a.star", "--dtype", "int8"],
        ["explain", "no-such-code"],
        ["decode", "21111", "--width", "none"],
        ["train", "a.star", "--steps", "-1"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2(starc: Run, arguments: list[str]) -> None:
    done = starc(*arguments)
    assert done.returncode == 2
    assert done.stderr and "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_file_that_cannot_be_read(
    starc: Run, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "folder").mkdir()
    for name, reason in (
        ("missing.star", "No such file or directory"),
        ("folder", "Is a directory"),
    ):
        done = starc(*command, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"starc: {name}: {reason}\n"


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_model_too_large_is_not_read(
    starc: Run, tmp_path: Path, command: str
) -> None:
    """A tebibyte, all holes on the disk."""
    with (tmp_path / "m.py").open("wb") as file:
        file.truncate(1 << 40)
    done = starc(command, "m.py")
    said = "starc: m.py: more than 33,554,432 bytes, so no compiled model\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_wrong_file_ends_with_1(starc: Run, bad: str, command: list[str]) -> None:
    done = starc(*command, bad)
    assert (done.returncode, done.stdout) == (1, "") or command in (["fmt"], ["encode"])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["draw", "good.star", "-o", "x.png"], 2, "x.png: Only --operator draws PNG"),
        (["check", "model.py"], 1, "model.py: This is Python; a .star file is needed"),
        (["train", "good.star", "-o", "model.py"], 2, "model.py: This is a file, and"),
    ],
)
def test_one_thing_for_another(
    starc: Run, tmp_path: Path, good: str, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "model.py").write_text("import torch\n")
    done = starc(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"starc: {said}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


def test_bytes_that_are_no_text(starc: Run, tmp_path: Path) -> None:
    (tmp_path / "a.star").write_bytes(b"model \xff\xfe")
    done = starc("check", "a.star")
    assert done.returncode == 1
    assert "error[not-utf8]" in done.stderr and "a.star:1:7" in done.stderr


@pytest.mark.parametrize("target", ["folder", "no/such/place.py"])
def test_an_output_that_cannot_be_written(
    starc: Run, tmp_path: Path, good: str, target: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = starc("compile", good, "-o", target)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "starc: " in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", good]


def test_a_reader_that_goes_away() -> None:
    """As in `starc genes | head -1`."""
    command = [sys.executable, "-m", "starc", "genes"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_colour_is_for_terminals_and_can_be_refused(starc: Run, bad: str) -> None:
    assert "\x1b" not in starc("check", bad).stderr


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_on_a_terminal(tmp_path: Path, bad: str, no_color: str) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "starc", "check", bad],
        stderr=theirs,
        cwd=tmp_path,
        env=env,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (more := os.read(ours, 4096))
        except OSError:  # Linux: the other end is closed
            break
        if not more:
            break
    os.close(ours)
    assert process.wait(timeout=PATIENCE) == 1
    assert (b"\x1b[" in shown) == (not no_color)
