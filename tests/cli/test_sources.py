"""compile, check, fmt: from files and stdin, to files and stdout."""

import json
import os
import stat
from pathlib import Path

import pytest

from .conftest import BAD, GOOD, Run


def test_compile_to_stdout_and_to_a_file(starc: Run, tmp_path: Path, good: str) -> None:
    shown = starc("compile", good)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Model = " in shown.stdout
    done = starc("compile", good, "-o", "model.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "model.py").read_text() == shown.stdout
    piped = starc("compile", "-", "--output", "-", stdin=GOOD)
    assert "from <stdin>" in piped.stdout
    assert piped.stdout.replace("<stdin>", good) == shown.stdout


def test_an_output_is_replaced_whole_or_not_at_all(
    starc: Run, tmp_path: Path, good: str, bad: str
) -> None:
    model = tmp_path / "model.py"
    model.write_text("precious")
    model.chmod(0o640)
    (tmp_path / "link.py").symlink_to("model.py")
    assert starc("compile", bad, "-o", "model.py").returncode == 1
    assert model.read_text() == "precious"
    assert starc("compile", good, "-o", "link.py").returncode == 0
    assert (tmp_path / "link.py").is_symlink()
    assert "Model = " in model.read_text()
    assert stat.S_IMODE(model.stat().st_mode) == 0o640
    assert starc("compile", good, "-o", os.devnull).returncode == 0
    assert len(list(tmp_path.iterdir())) == 4, "nothing temporary is left"


@pytest.mark.parametrize(
    ("stage", "sign"),
    [("ast", "Use"), ("ir", "attn"), ("plan", "plan of"), ("model", "Model = ")],
)
def test_every_stage_prints(starc: Run, good: str, stage: str, sign: str) -> None:
    done = starc("compile", good, "--emit", stage)
    assert (done.returncode, done.stderr) == (0, "")
    assert sign in done.stdout


def test_a_pass_left_out_shows(starc: Run, good: str) -> None:
    fused = starc("compile", good).stdout
    done = starc("compile", good, "--no-pass", "fuse", "--no-pass", "prune")
    assert done.returncode == 0
    assert done.stdout != fused


def test_check_says_everything_at_once(starc: Run, good: str, bad: str) -> None:
    assert starc("check", good).returncode == 0
    assert starc("check", good).stdout == starc("check", good).stderr == ""
    done = starc("check", good, bad, "-", stdin=BAD)
    assert (done.returncode, done.stdout) == (1, "")
    for place in ("bad.star:7:3", "bad.star:8:8", "<stdin>:7:3", "<stdin>:8:8"):
        assert place in done.stderr
    assert "did you mean GConv-1?" in done.stderr
    assert done.stderr.endswith("starc: 4 errors\n")


def test_check_for_editors(starc: Run, good: str, bad: str) -> None:
    done = starc("check", bad, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    first, second = json.loads(done.stdout)
    assert first["code"] == "unknown-liv" and first["severity"] == "error"
    assert (first["file"], first["line"], first["column"]) == ("bad.star", 7, 3)
    assert (first["end_line"], first["end_column"]) == (7, 10)
    assert second["code"] == "unknown-parameter"
    fine = starc("check", good, "--format", "json")
    assert (fine.returncode, fine.stdout) == (0, "[]\n")


UGLY = GOOD.replace("  width = 64", "width=64 ;").replace("SA-1   #", "SA-1 #")


def test_fmt_writes_in_place(starc: Run, tmp_path: Path) -> None:
    path = tmp_path / "ugly.star"
    path.write_text(UGLY)
    check = starc("fmt", "--check", "ugly.star")
    assert (check.returncode, check.stdout, check.stderr) == (1, "ugly.star\n", "")
    assert path.read_text() == UGLY
    done = starc("fmt", "ugly.star")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "# looks around" in path.read_text()
    assert starc("fmt", "--check", "ugly.star").returncode == 0
    piped = starc("fmt", "-", stdin=UGLY)
    assert (piped.returncode, piped.stdout) == (0, path.read_text())


def test_fmt_leaves_a_wrong_file_and_does_the_others(
    starc: Run, tmp_path: Path
) -> None:
    (tmp_path / "broken.star").write_text("model {")
    (tmp_path / "ugly.star").write_text(UGLY)
    done = starc("fmt", "broken.star", "ugly.star")
    assert done.returncode == 1
    assert "broken.star:1:" in done.stderr
    assert (tmp_path / "broken.star").read_text() == "model {"
    assert (tmp_path / "ugly.star").read_text() != UGLY
