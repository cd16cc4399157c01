"""The command line, run as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def starc(tmp_path: Path) -> Run:
    """`starc(*arguments, stdin="", env={})` in an empty folder; text comes back."""

    def run(
        *arguments: object, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "starc", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        )

    return run


@pytest.fixture
def good(tmp_path: Path) -> str:
    (tmp_path / "good.star").write_text(GOOD)
    return "good.star"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `calls.arguments` names, the run of a search too."""
    from .calls import furnished

    return furnished(tmp_path_factory.mktemp("calls") / "home")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    (tmp_path / "bad.star").write_text(BAD)
    return "bad.star"


GOOD = """\
model good {
  width = 64
  vocab = 256
}

backbone {
  SA-1   # looks around
  GMemless
}
"""

BAD = """\
model bad {
  width = 64
  vocab = 256
}

backbone {
  GCnov-1
  SA-1(heds = 4)
}
"""
