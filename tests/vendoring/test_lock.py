"""starc.lock: what is written is read again, and what was not written is refused."""

import random
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starc.vendoring import lock as locks
from starc.vendoring import toml
from starc.vendoring.error import VendoringError
from starc.vendoring.find import find
from starc.vendoring.text import digest
from starc.vendoring.upgrade import upgrade

from .conftest import TEXT, Repository

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.lists(TEXTS))
def test_toml_is_read_as_it_was_written(text: str, texts: list[str]) -> None:
    values: dict[str, str | int | Sequence[str]]
    values = {"text": text, "list": texts, "n": 1}
    written = toml.table(f"a.{toml.quoted(text)}", values)
    assert tomllib.loads(written)["a"][text] == values


def test_a_line_of_the_source_is_a_line_of_the_lock(repository: Repository) -> None:
    """So that a review and git's merge see which changed."""
    repository.vendor()
    lines = (repository.pkg / locks.NAME).read_text().split("\n")
    assert set(TEXT.split("\n")) <= set(lines)


def test_it_is_sorted(repository: Repository) -> None:
    for name in ("b.py", "a.py", "c.py"):
        repository.vendor(name=name)
    text = (repository.pkg / locks.NAME).read_text()
    assert text.index("a.py") < text.index("b.py") < text.index("c.py")
    assert locks.write(locks.read(repository.pkg)) == text


CHANGES = {
    "version = 1": {
        "version = 2": "version 2 is of a newer starc than this one",
        "version = 0": "version is outside of 1 to 1",
        'version = "1"': "version is no whole number",
        "": "version is no whole number",
        "version = 1\nother = 2": 'the file has a field "other", which is unknown',
    },
    '[files."small.py"]': {
        '[files."../small.py"]': "is not the name of a file",
        '[files."/etc/x.py"]': "is not the name of a file",
        '[files."a/b.py"]': "is not the name of a file",
        '[files.".x.py"]': "is not the name of a file",
        '[files."small.sh"]': "is not the name of a file",
        '[files."a\\nb.py"]': "is not the name of a file",
        "[files]": 'files."starc" is not the name of a file',
        "[[files]]": "files is no table",
        '[[files."small.py"]]': 'files."small.py" is no table',
        "[x]": 'the file has a field "x", which is unknown',
        "[files": "Expected ']'",
        "<<<<<<< ours": "is the marker of a merge conflict",
        "=======": "is the marker of a merge conflict",
        ">>>>>>> theirs": "is the marker of a merge conflict",
    },
    "starc = ": {
        'starc = "new" #': 'files."small.py".starc is no version',
        "starc = 1 #": 'files."small.py".starc is no text',
        "other = ": 'files."small.py" has no starc',
        "starc = 1\nstarc = ": "Cannot overwrite a value",
    },
    'source = "../small.star"': {
        'source = "/etc/passwd"': ".source is no relative path of a .star file",
        'source = "/x.star"': ".source is no relative path of a .star file",
        'source = "../small.py"': ".source is no relative path of a .star file",
        'source = "a\\u0000b.star"': ".source is no relative path of a .star file",
        f'source = "{"x" * 5000}.star"': ".source has more than 4096 characters",
        "source = []": ".source is no text",
    },
    "without = []": {
        'without = ["a b"]': ".without is no list of passes",
        "without = [[]]": ".without is no text",
        'without = "roll"': ".without is no list of passes",
    },
    "kernels = ": {
        'kernels = "some" #': ".kernels is none of all, none",
        "kernels = [] #": ".kernels is none of all, none",
    },
    "source_sha256 = ": {
        'source_sha256 = "00" #': ".source_sha256 is no sha256 in hexadecimal",
        f'source_sha256 = "{"0" * 64}" #': ".text is not what source_sha256 says",
    },
    "pristine_sha256 = ": {
        'pristine_sha256 = "x" #': ".pristine_sha256 is no sha256 in hexadecimal",
    },
    "  width = 64": {
        "  width = 65": ".text is not what source_sha256 says",
        "": ".text is not what source_sha256 says",
        "\\q": "Unescaped '\\' in a string",
    },
}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(old, new, said) for old, rows in CHANGES.items() for new, said in rows.items()],
)
def test_what_was_tampered_with_is_named(
    repository: Repository, old: str, new: str, said: str
) -> None:
    repository.vendor()
    repository.change(old, new, "pkg/starc.lock")
    with pytest.raises(VendoringError) as caught:
        locks.read(repository.pkg)
    message = str(caught.value)
    assert message.startswith(f"{repository.pkg / locks.NAME}: ") and said in message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff", "byte FF at offset 0 is no UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"\na" + b".a" * 100_000 + b" = 1", "line 2 is nested too deep"),
        (b"a = {" + b'a . "" .' * 100_000 + b"a = 1}", "line 1 is nested too deep"),
        (b"#" * (locks.LARGEST + 1), "bytes"),
        (b"\0", "NUL"),
    ],
    ids=["bytes", "nested", "dotted", "quoted", "huge", "nul"],
)
def test_what_is_no_lock(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / locks.NAME).write_bytes(data)
    with pytest.raises(VendoringError, match=said):
        locks.read(tmp_path)


def test_a_pristine_text_that_is_another(repository: Repository) -> None:
    repository.vendor()
    repository.change("import torch\n", "import os\n", "pkg/.starc/small.py.pristine")
    before = repository.files()
    assert repository.states() == {"pkg/small.py": ("broken",)}
    with pytest.raises(VendoringError, match=r"pristine_sha256 .* stands for|sha256"):
        repository.upgraded()
    assert repository.files() == before
    assert repository.vendor(adopt=True).plan.action == "adopted"
    assert repository.states() == {"pkg/small.py": ("pristine",)}


def mutated(draw: random.Random, data: bytes) -> bytes:
    """With bytes, lines or words of it changed."""
    for _ in range(draw.randint(1, 4)):
        kind = draw.random()
        if kind < 0.3:
            at = draw.randrange(len(data))
            data = data[:at] + draw.randbytes(draw.randint(0, 3)) + data[at + 1 :]
        elif kind < 0.6:
            lines = data.split(b"\n")
            at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
            lines[at] = lines[to]
            data = b"\n".join(lines)
        else:
            word = draw.choice(b".. / \" [ ] = files \\ ''' .py".split())
            at = draw.randrange(len(data))
            data = data[:at] + word + data[at + draw.randint(0, 5) :]
    return data


def test_tampered_locks(repository: Repository, tmp_path: Path) -> None:
    """Fine, or one error; and nothing outside of the folder is touched."""
    repository.vendor()
    repository.change("import torch\n", "import torch  # mine\n", "pkg/small.py")
    whole = {path: data for path, data in repository.files().items()}
    draw, fine = random.Random(11), 0
    for _ in range(200):
        data = mutated(draw, whole["pkg/starc.lock"])
        (repository.pkg / locks.NAME).write_bytes(data)
        found = find([repository.folder])
        for problem in found.problems:
            assert isinstance(problem, VendoringError) and "starc.lock" in str(problem)
        fine += any(not one.problem for one in upgrade(found.files))
        for path, kept in whole.items():
            if not path.startswith("pkg/"):
                assert (tmp_path / path).read_bytes() == kept
        assert (repository.pkg / "small.py").read_bytes() == whole["pkg/small.py"]
        for path, kept in whole.items():
            (tmp_path / path).write_bytes(kept)
    assert 0 < fine < 200


def test_digests_are_those_of_sha256sum() -> None:
    assert digest("abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")
