"""No text of the user's matters in an emitted file: its name is a comment, no more."""

import ast
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from starc import compiler
from tests.emitted.helpers import load

TEXT = "model {} {{ width = 24; vocab = 11 }}\nbackbone {{ GConv-1 }}\n"
ATTACKS = (
    'coding=raw_unicode_escape \\u000aopen("X","w")#.star',
    "coding=foo.star",
    "coding: utf-7 +AAo-x.star",
    "vim: set fileencoding=foo :.star",
    "-*- coding: latin-1 -*-.star",
    "mypy: ignore-errors ruff: noqa fmt: off type: ignore.star",
    "a\nimport os\r\x0c\x0b\x85\u2028\u2029open('X', 'w').star",
    "\"\"\"\\''' {{ x }} {% if %} \\N{BULLET}.star",
    "\u202egpj.\u2066rats\ufeff\x00\x1b[31m.star",
)


def name(random: Random) -> str:
    """Characters of all of Unicode, with pieces of signs that Python looks for."""
    pieces = ["coding", ":", "=", "utf-7", "\\", '"""', "#", "\n", "\r", "-*-", " "]
    characters = (chr(random.randrange(0x110000)) for _ in range(random.randint(0, 30)))
    found = [*characters, *random.choices(pieces, k=random.randint(0, 8))]
    random.shuffle(found)
    return "".join(found) + ".star"


def assert_plain(text: str, expected: str) -> None:
    """Only the header differs; with other bytes behind it, Python reads no more."""
    assert text.isascii() and text.replace("\n", "").isprintable()
    header, _, rest = text.partition('"""')
    assert all(line.startswith("# ") for line in header.splitlines()), header
    assert ":" not in header and "=" not in header
    assert rest == expected
    read = ast.parse(f"{header}'\\u00e4 \u00e4'".encode())
    assert ast.dump(read) == ast.dump(ast.parse("'\u00e4 \u00e4'"))


def check(names: list[str]) -> None:
    expected = compiler.compile(TEXT.format("m"), "m.star").partition('"""')[2]
    for each in names:
        assert_plain(compiler.compile(TEXT.format("m"), each), expected)


def test_names_of_files() -> None:
    random = Random(0)
    check([*ATTACKS, *(name(random) for _ in range(150))])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_many_names_of_files(seed: int) -> None:
    random = Random(seed)
    check([name(random) for _ in range(1_000)])


def test_imported_in_a_fresh_process(tmp_path: Path) -> None:
    """As a user would: nothing is written beside, each file is a module."""
    random = Random(1)
    for index, each in enumerate([*ATTACKS, *(name(random) for _ in range(4))]):
        text = compiler.compile(TEXT.format("m"), each)
        (tmp_path / f"m{index}.py").write_text(text, encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    loop = f"import importlib\nfor i in range({len(before)}):\n"
    loop += "    importlib.import_module(f'm{i}').Model()\n"
    command = [sys.executable, "-B", "-c", f"import sys; sys.path[:0] = ['.']\n{loop}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "model",
    ["kv_sharing", "Model", "Config", "State", "none", "None", "exception", "F",
     "tensor", "torch", "nn", "gated_conv", "GatedConv", "cache", "x", "m" * 80,
     "self", "class", "Exception", "value_error", "layer", "decode_graph"],
)  # fmt: skip
def test_names_of_models(model: str) -> None:
    text = compiler.compile(TEXT.format(model), "m.star")
    module = load(text)
    assert isinstance(module.Model(), module.Model)
    assert max(len(line) for line in text.split("\n")) <= 88
