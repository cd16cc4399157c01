"""Files of any name: every command takes them, and shows them in one line."""

import random
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from .calls import COMMANDS, HEAVY, arguments, served

NAMES = (
    b"\xff\xfe",
    b"line\nend\r",
    "\u202edirection\u2066".encode(),
    b"\x1b[31mred\x07",
    "é 字 \U0001f600".encode(),
    b"'\"$(touch x);&`<b>| {} %s \\n",
    b"coding=utf-7 \\u000aopen('x','w')#",
    b"\xed\xb3\xbf\xc2",
    b"a" * 200,
)


def argument(name: bytes) -> str:
    """As a case of served.py has it: a character a byte."""
    return name.decode("latin-1")


def renamed(call: list[str], name: str) -> list[str]:
    """Every file of the call, under another name."""
    for old in ("good.star", "other.star", "search.star", "text.txt", "run", "out"):
        call = [name + a if a == old else a for a in call]
    return call


def beside(folder: Path, name: bytes) -> Path:
    """The file of that name in a folder."""
    return folder / name.decode("utf-8", "surrogateescape")


def furnish(home: Path, folder: Path, name: bytes) -> None:
    shutil.copytree(home, folder)
    for old in ("good.star", "other.star", "search.star", "text.txt", "run"):
        (folder / old).rename(beside(folder, name + old.encode()))


def hidden(text: str) -> str:
    """Characters that should not be there."""
    seen = text.encode("latin-1").decode("utf-8", "surrogateescape")
    wrong = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(c for c in seen if c != "\n" and unicodedata.category(c) in wrong)


def test_every_command_takes_files_of_any_name(home: Path, tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    for number, name in enumerate(NAMES[::3]):
        furnish(home, tmp_path / str(number), name)
        for command in COMMANDS:
            if command in HEAVY and number > 1:
                continue
            call = renamed(arguments(command), argument(name))
            if command in ("compile", "scale", "draw", "report"):
                call += ["-o", f"{argument(name)}.{command}"]
            cases.append({"arguments": call, "folder": str(tmp_path / str(number))})
    for case, result in zip(cases, served(cases, tmp_path), strict=True):
        said = result["stdout"] + result["stderr"]
        assert result["code"] == 0 and "traceback" not in result, (case, result)
        if case["arguments"][0] not in ("pick", "fmt"):  # their output is names
            assert not hidden(said), (case, said)


def test_a_name_on_stdout_is_the_name(home: Path, tmp_path: Path) -> None:
    cases = []
    for number, name in enumerate(NAMES):
        furnish(home, tmp_path / str(number), name)
        for words in ("fmt --check good.star", "pick run 1 -o out"):
            call = renamed(words.split(), argument(name))
            cases.append({"arguments": call, "folder": str(tmp_path / str(number))})
        with beside(tmp_path / str(number), name + b"good.star").open("a") as file:
            file.write("\n\n\n")
    for case, result in zip(cases, served(cases, tmp_path), strict=True):
        file_name = next(
            a for a in case["arguments"] if a.endswith(("good.star", "out"))
        )
        assert result["stdout"].startswith(file_name), (case, result)


def any_name(draw: random.Random) -> bytes:
    """Of characters that a person types, of all of Unicode, or of bytes."""
    size = draw.randint(1, 40)
    kind = draw.random()
    if kind < 0.3:
        found = bytes(draw.choice(b"abc -_.:;\\'\"$`\n\r\t#%{}") for _ in range(size))
    elif kind < 0.6:
        text = "".join(chr(draw.randrange(0x110000)) for _ in range(size))
        found = text.encode("utf-8", "surrogatepass")
    else:
        found = draw.randbytes(size)
    return found.replace(b"/", b"_").replace(b"\0", b"0")[:200]


CALLS = (
    ["check", "{}"],
    ["check", "{}", "--format", "json"],
    ["fmt", "--check", "{}"],
    ["show", "no{}"],
    ["diff", "{}", "{}"],
    ["encode", "{}"],
    ["scale", "{}", "--width", "32", "-o", "{}.scaled"],
    ["compile", "no{}", "-o", "{}"],
    ["compile", "{}", "-o", "no/{}"],
    ["draw", "{}", "-o", "{}.svg"],
    ["explain", "{}"],
    ["decode", "{}"],
    ["evolve", "{}", "-o", "{}.run"],
    ["front", "{}"],
    ["report", "no{}"],
    ["compile", "good.star", "--emit", "{}"],
    ["{}"],
)


def fuzz(home: Path, folder: Path, seed: int, count: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    at = folder / "files"
    shutil.copytree(home, at)
    texts = [(home / name).read_bytes() for name in ("good.star", "bad.star")]
    cases = []
    for _ in range(count):
        name = any_name(draw)
        path = beside(at, b"x" + name)
        path.write_bytes(draw.choice(texts))
        given = "x" + argument(name)
        call = [a.replace("{}", given) for a in draw.choice(CALLS)]
        cases.append({"arguments": call, "folder": str(at)})
    for case, result in zip(cases, served(cases, folder), strict=True):
        assert "traceback" not in result, (case, result)
        assert result["code"] in (0, 1, 2), (case, result)
        if case["arguments"][0] not in ("fmt", "decode"):
            assert not hidden(result["stderr"]), (case, result)
    here = [path.name for path in sorted(folder.iterdir())]
    assert here == ["cases", "files", "results"]


def test_two_thousand_names(home: Path, tmp_path: Path) -> None:
    fuzz(home, tmp_path, seed=9, count=2_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_thousand_names(home: Path, tmp_path: Path, seed: int) -> None:
    fuzz(home, tmp_path, seed, count=10_000)
