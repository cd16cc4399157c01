"""Links, full disks, signals, other processes, no git: nothing is half written, and
nothing outside of the folder is touched."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from starc import files as starc_files
from starc.vendoring import folder as folders
from starc.vendoring import lock as locks
from starc.vendoring.error import VendoringError
from starc.vendoring.find import find
from starc.vendoring.upgrade import upgrade
from tests.work import until

from .conftest import TEXT, Repository

NAME = "pkg/small.py"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def stale(repository: Repository) -> Repository:
    """A vendored file that was edited, and whose source changed."""
    (repository.folder / ".git").mkdir()
    repository.vendor()
    repository.change("import torch\n", "import torch  # mine\n", NAME)
    repository.change("256", "300")
    return repository


@pytest.mark.parametrize(
    "name", [NAME, "pkg/starc.lock", "pkg/.starc", "pkg/.starc/small.py.pristine"]
)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_plain_file(stale: Repository, name: str, kind: str) -> None:
    path = stale.folder / name
    outside = stale.folder / "outside"
    path.rename(outside)
    if kind == "link":
        path.symlink_to(outside)
    else:
        os.mkfifo(path)
    before = stale.files()
    found = find([stale.folder])
    problems = [one.problem for one in upgrade(found.files)] + found.problems
    assert len(problems) == 1 and "Is a link or no plain file" in str(problems[0])
    with pytest.raises(OSError, match="Is a link or no plain file"):
        stale.vendor(adopt=True)
    assert stale.files() == before


@pytest.mark.parametrize(
    "source", ["../../out.star", "../../../../../../../../tmp/out.star", "link.star"]
)
def test_a_source_outside_of_the_repository(stale: Repository, source: str) -> None:
    out = stale.folder.parent / "out.star"
    out.write_text(TEXT)
    (stale.pkg / "link.star").symlink_to(out)
    stale.change("../small.star", source, "pkg/starc.lock")
    before = stale.files()
    assert stale.states() == {NAME: ("broken",)}
    with pytest.raises(VendoringError, match=r"small\.py.*source leads out of"):
        stale.upgraded()
    assert stale.files() == before


@pytest.mark.parametrize("to", ["secret", "folder", "pipe"])
def test_a_source_that_is_no_star_file(stale: Repository, to: str) -> None:
    source = stale.folder / "small.star"
    source.unlink()
    if to == "secret":
        (stale.folder / "secret").write_text("do not read me")
        source.symlink_to("secret")
    elif to == "folder":
        source.mkdir()
    else:
        os.mkfifo(source)
    with pytest.raises((VendoringError, OSError)) as caught:
        stale.upgraded()
    assert "do not read me" not in str(caught.value)


def test_without_a_repository_nothing_above_is_read(
    stale: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stale.folder / ".git").rmdir()
    assert stale.states() == {NAME: ("edited", "stale")}
    monkeypatch.chdir(stale.pkg)
    assert stale.states() == {NAME: ("broken",)}


@pytest.mark.parametrize("at", range(3))
def test_a_full_disk(
    stale: Repository, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """When the first, second or last of the files is written."""
    before = stale.files()
    left = [at]
    fsync = os.fsync

    def full(handle: int) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        stale.upgraded()
    assert stale.files() == before
    monkeypatch.setattr(os, "fsync", fsync)
    assert stale.action() == "merged"


@pytest.mark.parametrize("at", range(4))
def test_a_power_cut_between_two_files(
    stale: Repository, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Each is whole; the next upgrade ends what this one began."""
    replace, left = Path.replace, [at]

    class PowerCut(BaseException):
        pass

    def cut(self: Path, to: Path) -> Path:
        if not left[0]:
            raise PowerCut
        left[0] -= 1
        return replace(self, to)

    expected = stale.upgraded(dry_run=True).plan
    monkeypatch.setattr(Path, "replace", cut)
    if at < 3:
        with pytest.raises(PowerCut):
            stale.upgraded()
    monkeypatch.setattr(Path, "replace", replace)
    stale.upgraded()
    assert expected is not None
    assert (stale.folder / NAME).read_text() == expected.text
    assert stale.states() == {NAME: ("edited",)}


def test_signals_wait_while_files_take_their_places(
    stale: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def interrupted(self: Path, to: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stale.upgraded()
    monkeypatch.undo()
    os.chdir(stale.folder)
    assert stale.states() == {NAME: ("edited",)}


HOLD = """
import sys
from pathlib import Path
from starc.vendoring.folder import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_two_at_once(stale: Repository) -> None:
    before = stale.files()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(stale.pkg)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert other.stdout and other.stdin
    assert other.stdout.readline()
    for call in (stale.upgraded, stale.vendor):
        with pytest.raises(VendoringError, match="another starc is writing here"):
            call()
    assert stale.files() == before
    other.kill()
    other.communicate()
    assert stale.action() == "merged"


def test_a_lock_that_changed_since_it_was_read(stale: Repository) -> None:
    """Another starc was faster: what was planned is not what the file is now."""
    found = find([stale.folder])
    stale.upgrade()
    before = stale.files()
    (one,) = upgrade(found.files)
    assert "another starc has just changed this" in str(one.problem)
    assert stale.files() == before


def test_many_at_once(stale: Repository) -> None:
    """Processes in a race: each succeeds or says so, and the end is that of one."""
    command = [sys.executable, "-m", "starc", "upgrade", str(stale.pkg)]
    runs = [
        subprocess.Popen(
            command,
            cwd=stale.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(4)
    ]
    for run in runs:
        _, said = run.communicate()
        assert run.returncode == 0 or "another starc " in said
    assert any(run.returncode == 0 for run in runs)
    assert stale.states() == {NAME: ("edited",)}


def test_no_git(stale: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both versions are there to be merged by hand, and then adopted."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    before = stale.files()
    plan = stale.upgraded().plan
    assert plan is not None and plan.action == "not merged" and not plan.fine
    after = stale.files()
    new = after.pop("pkg/small.py.new")
    assert after == before and b"vocab: int = 300" in new
    assert stale.states() == {NAME: ("edited", "stale")}
    merged = new.replace(b"import torch\n", b"import torch  # mine\n")
    (stale.folder / NAME).write_bytes(merged)
    assert stale.vendor(adopt=True).plan.action == "adopted"
    assert stale.states() == {NAME: ("edited",)}
    stale.change("300", "301")
    with pytest.raises(VendoringError, match=r"small\.py\.new: this is in the way"):
        stale.upgraded()


def test_pristine_files_need_no_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    repository.vendor()
    repository.change("256", "300")
    assert repository.action() == "replaced"


def test_settings_of_git_have_no_say(
    stale: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = stale.upgraded(dry_run=True).plan
    home = stale.folder / "home"
    home.mkdir()
    settings = "[merge]\n\tconflictStyle = zdiff3\n[core]\n\tautocrlf = true\n"
    (home / ".gitconfig").write_text(settings)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(stale.folder / "nowhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    assert stale.upgraded(dry_run=True).plan == expected


def test_a_kept_folder_that_is_gone(stale: Repository) -> None:
    for path in (stale.pkg / folders.KEPT).iterdir():
        path.unlink()
    (stale.pkg / folders.KEPT).rmdir()
    before = stale.files()
    assert stale.states() == {NAME: ("broken",)}
    with pytest.raises(VendoringError, match=r"small\.py\.pristine: this is gone"):
        stale.upgraded()
    assert stale.files() == before and not (stale.pkg / folders.KEPT).exists()


def test_a_reader_beside_a_writer_sees_one_or_the_other(stale: Repository) -> None:
    """verify, while the files of an upgrade take their places one by one."""
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((stale.folder / NAME).read_bytes())
            locks.read(stale.pkg)

    reader = threading.Thread(target=read)
    reader.start()
    before = (stale.folder / NAME).read_bytes()
    until(lambda: before in seen, "first look")
    stale.upgraded()
    after = (stale.folder / NAME).read_bytes()
    until(lambda: after in seen, "second look")
    done.set()
    reader.join()
    assert seen == {before, after}


def test_a_protected_file_is_upgraded_in_place(stale: Repository) -> None:
    """As the command line does: what it was given is protected, and written."""
    starc_files.protect(stale.pkg)
    starc_files.protect(stale.folder / NAME)
    try:
        assert stale.action() == "merged"
    finally:
        starc_files.unprotect()
