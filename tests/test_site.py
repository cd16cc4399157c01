"""The documentation site: built, its links right, and every step of the tour runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starc import catalogue, operators
from starc.cli.app import app
from starc.cli.commands import MODULES
from tools.site import pages

ROOT = Path(__file__).parent.parent
TOUR = (ROOT / "docs" / "tour.md").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strict: a link or an anchor that leads nowhere ends the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_there_is_a_page_of_everything(site: Path) -> None:
    reference = site / "reference"
    for kind in operators.NAMES:
        assert (reference / "operators" / f"{kind}.html").exists()
        assert (reference / "operators" / f"{kind}.png").exists()
    mistakes = (reference / "mistakes.html").read_text()
    assert all(f'id="{code}"' in mistakes for code in catalogue.codes())
    commands = (reference / "commands.html").read_text()
    assert all(f'id="starc-{name}"' in commands for name in MODULES)
    examples = (site / "examples.html").read_text()
    for path in (ROOT / "examples").glob("*.star"):
        assert f'id="{path.stem}"' in examples


def test_a_page_asks_no_network(site: Path) -> None:
    loaded = r"""<(?:script|img|link)\b[^>]*\b(?:src|href)=["']?(https?:[^"'\s>]+)"""
    for path in site.rglob("*.html"):
        assert not re.findall(loaded, path.read_text()), path


def test_links_of_the_site() -> None:
    text = "[a](docs/api.md#x), [b](examples), [c](examples/search), ![d](d.svg)"
    expected = "[a](api.md#x), [b](examples.md), c, ![d](d.svg)"
    assert pages.linked(text, "docs/") == expected
    assert pages.linked("[r](../README.md)") == "[r](index.md)"


def test_what_a_docstring_lists_is_a_list() -> None:
    text = "What it is.\n\nnorm: of y;\n    0: none.\ngate: a `word`, x: y.\n\nEnd: so"
    expected = "What it is.\n\n- `norm`: of y; 0: none.\n- `gate`: a `word`, x: y.\n\n"
    assert pages.listed(text) == f"{expected}- `End`: so"
    assert pages.listed("q and k: both.\nv: one.") == "q and k: both.\nv: one."


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its programs are files by the names in their first lines; then each command."""
    monkeypatch.chdir(tmp_path)
    tried = 0
    for kind, text in re.findall(r"```(star|console)\n(.*?)```", TOUR, re.DOTALL):
        if kind == "star":
            name = re.match(r"# (\w+\.star)\n", text)
            assert name, text
            Path(name[1]).write_text(text)
            continue
        for line in text.splitlines():
            command = shlex.split(line.removeprefix("$ "))
            assert command[0] == "starc"
            found = CliRunner().invoke(app, command[1:])
            assert found.exit_code == 0, (line, found.output)
            tried += 1
    assert tried == TOUR.count("\n$ ") > 10
