"""Random calls with random streams: no traceback, an exit code of the README."""

import random
from pathlib import Path
from typing import Any

import pytest

from .calls import COMMANDS, HEAVY, arguments, metavar, served

STATES = ("file", "file", "closed", "full", "gone")
ENCODINGS = ("utf-8", "ascii", "latin-1", "cp1252", "koi8-r", "utf-16", "shift_jis")
SLOW = HEAVY | {"evolve", "report", "motifs"}
QUICK = [name for name in COMMANDS if name not in SLOW]
TYPED = (
    *("-", "--", "-o", "--output", "--help", "--json", "--exact", "--", "-1", "1e9"),
    *("nan", "good.sta", ".", "/dev/null", "/dev/full", "é\u202e", "", "9" * 30),
)


def random_call(draw: random.Random) -> list[str]:
    """A right call, with options of its command and with typing errors."""
    name = draw.choice(QUICK)
    call = arguments(name)
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option" and draw.random() < 0.15:
            words = (parameter.metavar or "").split("|")
            call.append(parameter.opts[0])
            call += [draw.choice([*words, "7", *TYPED])] if draw.random() < 0.9 else []
    while draw.random() < 0.3:
        at = draw.randrange(len(call) + 1)
        change = draw.random()
        if change < 0.5:
            call.insert(at, draw.choice(TYPED))
        elif change < 0.8 and at < len(call):
            del call[at]
        elif at < len(call):
            word = list(call[at])
            draw.shuffle(word)
            call[at] = "".join(word)
    return [argument.encode().decode("latin-1") for argument in call]


def random_case(draw: random.Random, folder: Path) -> dict[str, Any]:
    stdin = draw.choice(("closed", "", "21211", "model m { width = 64 }", "\n\\é"))
    return {
        "arguments": random_call(draw),
        "folder": str(folder),
        "stdin": stdin,
        "stdout": draw.choice(STATES),
        "stderr": draw.choice(STATES),
        "encoding": draw.choice(ENCODINGS),
    }


def fuzz(home: Path, folder: Path, seed: int, count: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    cases = [random_case(draw, home) for _ in range(count)]
    codes = set()
    for case, result in zip(cases, served(cases, folder), strict=True):
        assert "traceback" not in result, (case, result)
        assert result["code"] in (0, 1, 2, 141), (case, result)
        if result["code"] == 141:
            assert case["stdout"] == "gone", (case, result)
        elif result["code"] and case["stderr"] == "file":
            assert result["stderr"] or result["stdout"], (case, result)
        codes.add(result["code"])
    assert codes == {0, 1, 2, 141}


def test_two_thousand_calls(home: Path, tmp_path: Path) -> None:
    fuzz(home, tmp_path, seed=9, count=2_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_thousand_calls(home: Path, tmp_path: Path, seed: int) -> None:
    fuzz(home, tmp_path, seed, count=10_000)


def test_metavars_are_words() -> None:
    """random_call reads choices off them."""
    assert "bf16" in {
        word
        for parameter in COMMANDS["show"].params
        for word in metavar(parameter).split("|")
    }
