"""What the documents show is true: every text compiles, every session runs."""

import doctest
import re
from pathlib import Path

import pytest

import starc

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
TEXTS = [
    pytest.param(text, id=f"{path.name}-{number}")
    for path in DOCUMENTS
    for number, text in enumerate(
        re.findall(r"```star\n(.*?)```", path.read_text(), re.DOTALL)
    )
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_compiles(text: str) -> None:
    if not re.search(r"^model", text, re.MULTILINE):
        text = "model m { width = 512 }\n" + text
    if not re.search(r"^backbone", text, re.MULTILINE):
        text += "\nbackbone { SA-1 }\n"
    assert not starc.check(text)


def test_the_sessions_of_the_python_api() -> None:
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "api.md"), module_relative=False
    )
    assert tried > 5 and not failed


def test_the_readme_shows_what_is_emitted() -> None:
    """`...` stands for what is left out. If it differs, paste the parts anew."""
    text = (ROOT / "README.md").read_text()
    source = re.search(r"```star\n(.*?)```", text, re.DOTALL)
    shown = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert source and shown
    emitted = starc.compile(source[1])
    for part in re.split(r"\n+    \.\.\.\n+", shown[1]):
        assert part.strip("\n") in emitted


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.star")), ids=lambda path: path.stem
)
def test_every_example_says_what_it_shows(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ") and not starc.check(text, path.name)
    assert f"model {path.stem} {{" in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link


PROMISES = re.findall(
    r"^\|.*\| (.*) \|$", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE
)


def test_every_promise_names_a_test_that_is_there() -> None:
    rows = [row for row in PROMISES if row not in ("test", "")]
    assert rows
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, f"no test: {row}"
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"


def test_the_map_names_what_is_there() -> None:
    """Every file and folder of docs/System.md; names without a folder stand in that of
    the first one of the row, or in the folders that the row names."""
    text = (ROOT / "docs" / "System.md").read_text()
    missing = []
    for row in re.findall(r"^\| (`.*?) \| (.*) \|$", text, re.MULTILINE):
        places = re.findall(r"`([^`]+)`", row[0])
        folders = [ROOT / one for one in places if one.endswith("/")]
        folders += [(ROOT / places[0]).parent]
        named = [one for one in places if not one.endswith("/")]
        named += re.findall(r"`([\w/]+\.(?:py|star|lark|json))`", row[1])
        missing += [
            one for one in places if one.endswith("/") and not (ROOT / one).is_dir()
        ]
        for one in named:
            if not any(
                (base / one).exists() or any(base.glob(f"*/{one}"))
                for base in (ROOT, *folders)
            ):
                missing.append(one)
    assert not missing
