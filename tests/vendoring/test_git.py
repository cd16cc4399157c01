"""The files in a repository: what git makes of two branches that both changed them."""

import os
import subprocess
from pathlib import Path

import pytest

from starc.vendoring import lock as locks
from starc.vendoring.find import find

from .conftest import TEXT, Repository

NAME = "pkg/small.py"


class Git:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self("init", "--quiet", "--initial-branch", "main")

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        settings = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_NAME": "a" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "a@b.c" for who in ("AUTHOR", "COMMITTER")},
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout

    def commit(self) -> None:
        self("add", "--all")
        self("commit", "--quiet", "--message", "something")


@pytest.fixture
def git(repository: Repository) -> Git:
    return Git(repository.folder)


def test_two_branches_vendor_two_files(repository: Repository, git: Git) -> None:
    """Between two that are there already, there is no conflict."""
    for name in ("a", "h", "z"):
        repository.vendor(name=f"{name}.py")
    git.commit()
    git("checkout", "--quiet", "-b", "other")
    repository.vendor(name="b.py")
    git.commit()
    git("checkout", "--quiet", "main")
    repository.vendor(name="y.py")
    git.commit()
    git("merge", "--quiet", "other")
    assert set(repository.states().values()) == {("pristine",)}
    assert len(repository.states()) == 5


def test_two_branches_upgrade_to_the_same(repository: Repository, git: Git) -> None:
    repository.vendor()
    git.commit()
    git("checkout", "--quiet", "-b", "other")
    repository.change("import torch\n", "import torch  # theirs\n", NAME)
    repository.change("256", "300")
    repository.upgrade()
    git.commit()
    git("checkout", "--quiet", "main")
    repository.change("256", "300")
    repository.upgrade()
    git.commit()
    git("merge", "--quiet", "other")
    assert repository.states() == {NAME: ("edited",)}


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_two_branches_upgrade_to_two_versions(
    repository: Repository, git: Git, side: str
) -> None:
    """git keeps one pristine text or the other, whole; upgrade does the rest."""
    repository.vendor()
    git.commit()
    git("checkout", "--quiet", "-b", "other")
    repository.change("256", "300")
    repository.upgrade()
    git.commit()
    git("checkout", "--quiet", "main")
    repository.change("import torch\n", "import torch  # ours\n", NAME)
    repository.change("GMemless", "GMemless(expand = 2)")
    repository.upgrade()
    git.commit()
    git("merge", "--quiet", "other", fails=True)
    (problem,) = find([repository.folder]).problems
    assert "is the marker of a merge conflict" in str(problem)
    unmerged = git("diff", "--name-only", "--diff-filter=U").split()
    kept = ["pkg/starc.lock", "pkg/.starc/small.py.pristine"]
    assert set(kept) <= set(unmerged)
    git("checkout", f"--{side}", "--", *kept)
    repository.write(TEXT.replace("256", "300").replace("less", "less(expand = 2)"))
    (repository.folder / NAME).write_text(
        git("show", f":{2 if side == 'ours' else 3}:{NAME}")
    )
    repository.upgrade()
    expected = "edited" if side == "ours" else "pristine"
    assert repository.states() == {NAME: (expected,)}
    text = (repository.folder / NAME).read_text()
    assert "vocab: int = 300" in text
    assert ("import torch  # ours" in text) == (side == "ours")


def test_git_mv(repository: Repository, git: Git) -> None:
    repository.vendor()
    git.commit()
    git("mv", NAME, "pkg/net.py")
    assert repository.states() == {"pkg/net.py": ("pristine", "moved")}
    repository.upgrade()
    git.commit()
    assert repository.states() == {"pkg/net.py": ("pristine",)}
    assert locks.read(repository.pkg).keys() == {"net.py"}


def test_a_package_that_is_moved(repository: Repository, git: Git) -> None:
    """A lock names its files without a folder; only the source is elsewhere then."""
    repository.vendor()
    git.commit()
    (repository.folder / "src").mkdir()
    git("mv", "pkg", "src/pkg")
    assert repository.states() == {"src/pkg/small.py": ("pristine", "orphaned")}
    git("mv", "small.star", "src/small.star")
    assert repository.states() == {"src/pkg/small.py": ("pristine",)}


def test_a_checkout_on_windows(repository: Repository, git: Git) -> None:
    repository.vendor()
    git.commit()
    git("config", "core.autocrlf", "true")
    for path in (NAME, "pkg/starc.lock", "pkg/.starc/small.py.pristine", "small.star"):
        (repository.folder / path).unlink()
    git("checkout", "--quiet", "--", ".")
    assert b"\r\n" in (repository.folder / NAME).read_bytes()
    assert repository.states() == {NAME: ("pristine",)}


def test_a_review_sees_the_change_of_the_source(
    repository: Repository, git: Git
) -> None:
    repository.vendor()
    git.commit()
    repository.change("256", "300")
    repository.upgrade()
    shown = git("diff", "--", "pkg")
    assert "-  vocab = 256\n+  vocab = 300\n" in shown
    assert shown.count("-    vocab: int = 256\n+    vocab: int = 300\n") == 2
