"""Texts of any shape take time and memory in proportion to their length."""

import subprocess
import sys

import pytest

from starc.compiler import check
from tests.work import growth

HEAD = "model m { width = 64 }\nbackbone {\n"
SHAPES = {
    "names alone": ("", "FOO;", ""),
    "labelled names": ("", "a: GLA;", ""),
    "comments": ("", "# x\n", ""),
    "one long comment": (HEAD + "SA-1 #", "x ", "\n}"),
    "empty lines": (HEAD + "SA-1", "\n", "}"),
    "spaces": (HEAD + "SA-1", " ", "\n}"),
    "uses": (HEAD, "GLA;", "}"),
    "unknown uses": (HEAD, "GLAA\n", "}"),
    "one label again": (HEAD, "a: SA-1\n", "}"),
    "arguments": (HEAD + "SA-1(", "heads = 2,", ")}"),
    "repeats": (HEAD, "2 x { SA-1 }\n", "}"),
    "parallels": (HEAD, "parallel { SA-1; GLA }\n", "}"),
    "shared": (HEAD + "m: GMemless\n", "GMemless weights from m\n", "}"),
    "settings": ("model m {\n", "width = 64\n", "}"),
    "aliases": ("", "liv a = SA-1\n", HEAD + "}"),
    "stray characters": ("", "@ ", ""),
    "stray braces": ("", "}", ""),
    "quotes": ("", '"', ""),
    "digits": (HEAD, "1", " x { SA-1 }}"),
    "a long name": (HEAD, "a", "}"),
    "carriage returns": (HEAD, "SA-1\r\n", "}"),
    "lone carriage returns": (HEAD, "SA-1\r", "}"),
}


def text(shape: str, size: int) -> str:
    before, unit, after = SHAPES[shape]
    return before + unit * ((size - len(before + after)) // len(unit)) + after


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_text(shape: str) -> None:
    short, long = (text(shape, size) for size in (1 << 12, 1 << 16))
    times = growth(lambda: check(short), lambda: check(long), rounds=2)
    assert times < 80, "16 is linear, 256 quadratic"


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
sys.path.insert(0, sys.argv[1])
from starc.frontend.parse import LARGEST
from tests.frontend.test_long_texts import SHAPES, check, text
for shape in SHAPES:
    check(text(shape, LARGEST))
"""


@pytest.mark.slow
def test_the_longest_texts_fit_a_gigabyte(pytestconfig: pytest.Config) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(pytestconfig.rootpath)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
