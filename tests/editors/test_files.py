"""What lies in `editors/` for others to take, held to the language that it is about."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from starc.compiler import check
from starc.frontend import lalr
from starc.highlight.textmate import grammar

EDITORS = Path(__file__).parent.parent.parent / "editors"
VSCODE = EDITORS / "vscode"
SNIPPETS = json.loads((VSCODE / "snippets" / "star.json").read_text())
ALL = SNIPPETS.values()


def expanded(body: list[str]) -> str:
    """The text of a snippet as it is before anything is typed over."""
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", "\n".join(body))
    return re.sub(r"\$\d", "", text)


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_compiles_where_it_belongs(name: str) -> None:
    prefix, text = SNIPPETS[name]["prefix"], expanded(SNIPPETS[name]["body"])
    blocks = {w for w in lalr.tables().keywords if w in ("model", "backbone", "search")}
    parts = {block: f"{block} {{ }}" for block in blocks}
    parts["model"] = "model m { width = 768 }"
    parts["backbone"] = "backbone {\n  MHA\n}"
    parts["search"] = ""
    if prefix in parts:
        parts[prefix] = text
    elif prefix == "liv":
        parts["search"] = text
    else:
        inside = text if "{" not in text or "MHA" in text else text + "\n"
        parts["backbone"] = (
            "backbone {\n" + inside.replace("{\n  \n}", "{ MHA }") + "\n}"
        )
    assert check("\n".join(parts.values())) == ()


def test_the_extension_has_the_words_of_the_language() -> None:
    package = json.loads((VSCODE / "package.json").read_text())
    said = package["contributes"]
    assert said["languages"][0]["extensions"] == [".star"]
    assert said["grammars"][0]["scopeName"] == json.loads(grammar())["scopeName"]
    assert said["configuration"]["properties"]["starc.command"]["default"] == [
        "starc",
        "lsp",
    ]
    known = json.loads((VSCODE / "language-configuration.json").read_text())
    assert known["comments"]["lineComment"] == "#"


def test_helix_reads_what_it_is_given() -> None:
    (block,) = re.findall(
        r"```toml\n(.*?)```", (EDITORS / "helix.md").read_text(), re.S
    )
    read = tomllib.loads(block)
    server = read["language-server"]["starc"]
    assert [server["command"], *server["args"]] == ["starc", "lsp"]
    assert read["language"][0]["language-servers"] == ["starc"]


def test_linguist_reads_what_it_is_given() -> None:
    yaml: Any = pytest.importorskip("yaml")
    (block,) = re.findall(
        r"```yaml\n(.*?)```", (EDITORS / "linguist.md").read_text(), re.S
    )
    ((name, entry),) = yaml.safe_load(block).items()
    package = json.loads((VSCODE / "package.json").read_text())
    assert name in package["contributes"]["languages"][0]["aliases"]
    assert entry["extensions"] == [".star"]
    assert entry["tm_scope"] == json.loads(grammar())["scopeName"]


def test_neovim_starts_the_server() -> None:
    text = (EDITORS / "neovim" / "star.lua").read_text()
    assert 'cmd = { "starc", "lsp" }' in text and len(text.splitlines()) <= 10


@pytest.mark.slow
def test_the_extension_builds_and_its_tests_pass(tmp_path: Path) -> None:
    """From a copy: `npm ci && npm test && npx vsce package`."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    folder = tmp_path / "editors" / "vscode"
    ignored = shutil.ignore_patterns("node_modules", "out", "*.vsix")
    shutil.copytree(VSCODE, folder, ignore=ignored)
    shutil.copy(EDITORS / "star.tmLanguage.json", tmp_path / "editors")
    for name in ("LICENSE", "examples", "grammar"):
        (tmp_path / name).symlink_to(EDITORS.parent / name)
    for call in (["npm", "ci"], ["npm", "test"], ["npx", "vsce", "package"]):
        run = subprocess.run(call, cwd=folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    assert list(folder.glob("*.vsix"))
