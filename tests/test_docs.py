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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link
