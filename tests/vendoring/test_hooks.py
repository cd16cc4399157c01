""".pre-commit-hooks.yaml: each hook in a repository, by hand and by pre-commit."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .conftest import TEXT, Repository
from .test_git import Git

ROOT = Path(__file__).parent.parent.parent
HOOKS = ROOT / ".pre-commit-hooks.yaml"
IDS = ("starc-check", "starc-fmt", "starc-verify")
CONFIG = f"""\
repos:
  - repo: {ROOT}
    rev: {{revision}}
    hooks: [{", ".join(f"{{{{id: {one}}}}}" for one in IDS)}]
"""


class Hook(NamedTuple):
    command: list[str]
    files: str
    takes_files: bool


def hooks() -> dict[str, Hook]:
    """As pre-commit reads them: a list of flat mappings."""
    found = {}
    for text in HOOKS.read_text().split("\n- ")[1:]:
        fields = dict(re.findall(r"^ *(\w+): (.*)$", text, re.MULTILINE))
        takes_files = fields.get("pass_filenames", "true") == "true"
        command = fields["entry"].split()
        found[fields["id"]] = Hook(command, fields["files"], takes_files)
    return found


def run(hook: Hook, repository: Repository, git: Git) -> int:
    """On all files, as `pre-commit run --all-files`; a change counts as a failure."""
    git("add", "--all")
    names = [n for n in git("ls-files").split() if re.search(hook.files, n)]
    assert names and hook.command[0] == "starc"
    before = repository.files()
    done = subprocess.run(
        [sys.executable, "-m", *hook.command, *(names if hook.takes_files else [])],
        cwd=repository.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    return done.returncode or int(repository.files() != before)


def test_the_page_names_them() -> None:
    yaml: Any = pytest.importorskip("yaml")
    page = (ROOT / "docs" / "vendoring.md").read_text()
    (block,) = re.findall(r"```yaml\n(repos:.*?)```", page, re.DOTALL)
    (repository,) = yaml.safe_load(block)["repos"]
    assert [one["id"] for one in repository["hooks"]] == list(IDS)
    assert {"repo", "rev"} < repository.keys()


CASES = {
    "right": (TEXT, (0, 0, 0)),
    "another form": (TEXT.replace("= 64", "=   64"), (0, 1, 0)),
    "stale": (TEXT.replace("64", "32"), (0, 0, 1)),
    "a mistake": (TEXT.replace("GMemless", "Gmemles"), (1, 0, 1)),
}
"""The source, after it was vendored as TEXT, and what the hooks make of it in turn."""


@pytest.mark.parametrize("name", CASES)
def test_each_hook_finds_its_own(repository: Repository, name: str) -> None:
    git = Git(repository.folder)
    repository.vendor()
    text, expected = CASES[name]
    known = hooks()
    assert tuple(known) == IDS
    repository.write(text)
    for one, code in zip(IDS, expected, strict=True):
        assert run(known[one], repository, git) == code, one


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("pre-commit") is None, reason="pre-commit is not installed"
)
def test_pre_commit_runs_them(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It installs starc as it was committed last: that needs a network."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    revision = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    git = Git(repository.folder)
    repository.vendor()
    (repository.folder / ".pre-commit-config.yaml").write_text(
        CONFIG.format(revision=revision)
    )
    cache = tmp_path_factory.mktemp("pre-commit")
    for text, expected in CASES.values():
        repository.write(text)
        git("add", "--all")
        done = subprocess.run(
            ["pre-commit", "run", "--all-files"],
            cwd=repository.folder,
            env={**os.environ, "PRE_COMMIT_HOME": str(cache)},
            capture_output=True,
            text=True,
        )
        lines = re.findall(r"\.(Passed|Failed)$", done.stdout, re.MULTILINE)
        assert lines == [("Passed", "Failed")[code] for code in expected], done.stdout
