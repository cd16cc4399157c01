"""vendor, verify, upgrade and recover, as somebody uses them who sees them first."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .calls import served
from .conftest import GOOD, ROOT, Run


@pytest.fixture
def pkg(tmp_path: Path, starc: Run, good: str) -> Path:
    done = starc("vendor", good, "--into", "pkg")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "pkg/good.py: written\n"
    return tmp_path / "pkg"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_one_with_mistakes_leaves_the_others_alone(
    starc: Run, tmp_path: Path, good: str, bad: str
) -> None:
    done = starc("vendor", bad, good, "--into", "pkg")
    assert (done.returncode, done.stdout) == (1, "pkg/good.py: written\n")
    assert "did you mean GConv-1?" in done.stderr
    assert sorted(p.name for p in (tmp_path / "pkg").glob("*.py")) == ["good.py"]


def test_a_table_and_an_exit_code(starc: Run, tmp_path: Path, pkg: Path) -> None:
    done = starc("verify")
    assert (done.returncode, done.stderr) == (0, "")
    head, row = done.stdout.splitlines()
    assert head.split() == ["file", "state", "starc", "source"]
    assert row.split()[:2] == ["pkg/good.py", "pristine"]
    edit(pkg / "good.py", "import torch\n", "import torch  # mine\n")
    assert starc("verify", "pkg").returncode == 0
    edit(tmp_path / "good.star", "256", "300")
    done = starc("verify", "pkg/good.py")
    assert done.returncode == 1 and "edited, stale" in done.stdout
    assert "`starc upgrade` merges" in done.stdout


def test_json(starc: Run, pkg: Path) -> None:
    edit(pkg / "good.py", "import torch\n", "import torch (\n")
    (pkg / "copy.py").write_text((pkg / "good.py").read_text())
    done = starc("verify", "--json")
    assert done.returncode == 1
    copy, good = json.loads(done.stdout)
    assert (copy["file"], copy["states"]) == ("pkg/copy.py", ["unlocked"])
    assert (good["file"], good["states"]) == ("pkg/good.py", ["edited"])
    assert good["source"] == "../good.star" and "no Python" in good["note"]


def test_upgrade_says_what_it_did(starc: Run, tmp_path: Path, pkg: Path) -> None:
    assert starc("upgrade").stdout == "pkg/good.py: current\n"
    edit(pkg / "good.py", "import torch\n", "import torch  # mine\n")
    edit(tmp_path / "good.star", "GMemless", "GConv-1")
    before = (pkg / "good.py").read_text()
    done = starc("upgrade", "--dry-run")
    assert done.returncode == 0 and (pkg / "good.py").read_text() == before
    first, words, *diff = done.stdout.splitlines()
    assert first == "pkg/good.py: would be merged"
    assert "GConv-1" in words and diff[:2] == ["--- a/pkg/good.py", "+++ b/pkg/good.py"]
    patch = subprocess.run(
        ["git", "apply", "--check", "-"],
        input="\n".join([*diff, ""]),
        text=True,
        cwd=tmp_path,
        capture_output=True,
    )
    assert patch.returncode == 0, patch.stderr
    done = starc("upgrade")
    assert done.returncode == 0 and done.stdout.startswith("pkg/good.py: merged\n")
    assert "import torch  # mine\n" in (pkg / "good.py").read_text()


def test_a_conflict_ends_with_1(starc: Run, tmp_path: Path, pkg: Path) -> None:
    edit(pkg / "good.py", "vocab: int = 256", "vocab: int = 257")
    edit(tmp_path / "good.star", "256", "300")
    assert starc("upgrade", "--dry-run").returncode == 1
    done = starc("upgrade")
    assert done.returncode == 1 and "pkg/good.py: conflict: line " in done.stdout
    done = starc("upgrade")
    assert done.returncode == 1 and not done.stdout
    assert "begins a conflict that is not solved" in done.stderr


def test_no_git(starc: Run, tmp_path: Path, pkg: Path) -> None:
    edit(pkg / "good.py", "import torch\n", "import torch  # mine\n")
    edit(tmp_path / "good.star", "256", "300")
    done = starc("upgrade", env={"PATH": ""})
    assert done.returncode == 1 and "pkg/good.py.new" in done.stdout
    assert (pkg / "good.py.new").exists()


def test_recover(starc: Run, tmp_path: Path, pkg: Path) -> None:
    assert starc("recover", "pkg/good.py").stdout == GOOD
    assert starc("recover", "pkg/good.py", "-o", "again.star").returncode == 0
    assert (tmp_path / "again.star").read_text() == GOOD
    done = starc("recover", "pkg/good.py", "-o", "pkg/good.py")
    assert done.returncode == 2 and "would be overwritten" in done.stderr


WRONG = [
    ("vendor", 2, "Missing argument 'FILES...'"),
    ("vendor good.star", 2, "Missing option '--into'"),
    ("vendor good.star --into good.star", 2, "good.star: This is a file, and a"),
    ("vendor good.star --into no/such", 2, "no/such: No such file or directory"),
    ("vendor missing.star --into pkg", 2, "missing.star: No such file"),
    ("vendor pkg/good.py --into pkg", 1, "pkg/good.py: This is Python"),
    ("vendor bad.star --into pkg", 1, "did you mean GConv-1?"),
    ("vendor - --into pkg", 2, "files with names"),
    ("vendor good.star good.star --name a.py --into pkg", 2, "one file"),
    ("vendor good.star --into pkg --name ../a.py", 1, "--name ../a.py: not the"),
    ("vendor good.star --into pkg --no-pass fsue", 2, "did you mean fuse?"),
    ("vendor good.star --into mine", 1, "mine/good.py: this is there"),
    ("verify empty", 2, "empty: no vendored files here"),
    ("verify nowhere", 2, "nowhere: No such file or directory"),
    ("verify good.star", 1, "good.star: starc did not write it"),
    ("verify mine/good.py", 1, "mine/good.py: starc did not write it"),
    ("upgrade mine/good.py", 1, "mine/good.py: starc did not write it"),
    ("upgrade empty", 2, "empty: no vendored files here"),
    ("upgrade compiled.py", 1, "compiled.py: unlocked"),
    ("recover", 2, "Missing argument 'FILE'"),
    ("recover good.star", 1, "good.star: starc did not write this"),
    ("recover compiled.py", 1, "only `starc vendor` writes it in"),
    ("recover pkg", 2, "link or no plain file"),
    ("recover nowhere.py", 2, "nowhere.py: No such file or directory"),
    ("verify --josn", 2, "No such option: --josn"),
    ("verfy", 2, "No such command 'verfy'"),
]


def test_wrong_calls(starc: Run, tmp_path: Path, pkg: Path, bad: str) -> None:
    """Each has one message, and leaves all files as they were."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "good.py").write_text("mine = 1\n")
    starc("compile", "good.star", "-o", "compiled.py")
    before = files(tmp_path)
    cases = [{"arguments": c.split(), "folder": str(tmp_path)} for c, _, _ in WRONG]
    home = tmp_path.parent / f"{tmp_path.name}-cases"
    home.mkdir()
    for (call, code, said), done in zip(WRONG, served(cases, home), strict=True):
        assert (done["code"], done["stdout"]) == (code, ""), (call, done)
        assert said in " ".join(done["stderr"].split()), (call, done)
    assert files(tmp_path) == before


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_lock_with_conflict_markers(starc: Run, pkg: Path) -> None:
    edit(pkg / "starc.lock", "version", "<<<<<<< HEAD\nversion")
    for command in ("verify", "upgrade"):
        done = starc(command)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "starc: pkg/starc.lock: line 5 is the marker of a"
        )
        assert done.stderr.count("\n") == 1


def test_a_diff_on_a_terminal_moves_no_cursor(
    starc: Run, tmp_path: Path, pkg: Path
) -> None:
    edit(pkg / "good.py", "import torch\n", "import torch  # \x1b[31m\u202e\n")
    edit(tmp_path / "good.star", "256", "300")
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "starc", "upgrade", "--dry-run"],
        stdout=theirs,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 20)
    os.close(ours)
    assert b"would be merged" in shown and b"\x1b" not in shown
