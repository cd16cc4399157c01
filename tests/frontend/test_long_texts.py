"""Texts of any shape take time and memory in proportion to their length."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from starc.compiler import check, compile, to_ir
from starc.draw.architecture import architecture
from starc.ir.compare import describe_changes
from starc.ir.show import as_table
from starc.passes import run
from tests.work import calls, grows

HEAD = "model m { width = 64 }\nbackbone {\n"
SHAPES = {
    "names alone": ("", "FOO;", ""),
    "labelled names": ("", "a: GQA;", ""),
    "comments": ("", "# x\n", ""),
    "one long comment": (HEAD + "SA-1 #", "x ", "\n}"),
    "empty lines": (HEAD + "SA-1", "\n", "}"),
    "spaces": (HEAD + "SA-1", " ", "\n}"),
    "uses": (HEAD, "GQA;", "}"),
    "unknown uses": (HEAD, "GLAA\n", "}"),
    "one label again": (HEAD, "a: SA-1\n", "}"),
    "arguments": (HEAD + "SA-1(", "heads = 2,", ")}"),
    "repeats": (HEAD, "2 x { SA-1 }\n", "}"),
    "parallels": (HEAD, "parallel { SA-1; GQA }\n", "}"),
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
    short, long = (text(shape, size) for size in (1 << 11, 1 << 15))
    times = grows(lambda: check(short), lambda: check(long), by=80)
    assert times <= 80, "16 is linear, 256 quadratic"


def labels(many: int, written: str) -> str:
    return "".join(f"l{index}: {written}\n" for index in range(many))


MODELS: dict[str, Callable[[int], str]] = {
    "a repeat": lambda n: f"{n} x {{ GLA }}",
    "written out": lambda n: "GQA;" * n,
    "two branches each": lambda n: "Rec-1-Diff;" * n,
    "parallels": lambda n: "parallel { MHA; GLA };" * (n // 2),
    "wide parallels": lambda n: f"parallel {{ {'GLA;' * 64} }};" * (n // 64),
    "nothing alike": lambda n: "".join(f"GLU(hidden = {i + 1})\n" for i in range(n)),
    "labels": lambda n: labels(n, "GLA"),
    "long labels": lambda n: labels(min(n, 3_000), "GLA").replace("l", "l" * 70),
    "shared": lambda n: "m: MHA\n" + "MHA k, v from m; " * (n - 1),
    "shared by pairs": lambda n: (
        labels(n // 2, "MHA")
        + "".join(f"MHA v from l{index}\n" for index in range(n // 2))
    ),
    "a chain": lambda n: (
        "l0: MHA\n" + "".join(f"l{i + 1}: MHA k from l{i}\n" for i in range(n - 1))
    ),
    "the same": lambda n: "m: Mamba-2\n" + "Mamba-2 same as m\n" * (n - 1),
    "repeats of two": lambda n: "2 x { MHA; GLA };" * (n // 4),
    "in no order": lambda n: "".join(
        ("GQA;", "MHA;", "Rec-1;", "GConv-1;", "MinGRU;")[(i * i * 7 + i // 3) % 5]
        for i in range(n)
    ),
}


def model(shape: str, livs: int) -> str:
    return f"{HEAD}{MODELS[shape](livs)}}}"


def reading(text: str) -> None:
    """What the commands that look at a model do."""
    found = run(to_ir(text))
    as_table(found, 4096, "bf16")
    describe_changes(found, found)
    architecture(found, rolled=False)


@pytest.mark.parametrize(
    "work", [compile, pytest.param(reading, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("shape", MODELS)
def test_work_grows_with_the_model(shape: str, work: Callable[[str], object]) -> None:
    short, long = model(shape, 64), model(shape, 256)
    work(short)  # what is read once for all models
    times = calls(lambda: work(long)) / calls(lambda: work(short))
    assert times < 9, "4 is linear, 16 quadratic"


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
sys.path.insert(0, sys.argv[1])
from starc.frontend.parse import LARGEST
from starc.lower.count import MOST_LIVS
from tests.frontend.test_long_texts import *
for shape in SHAPES:
    check(text(shape, LARGEST))
for shape in MODELS:
    compile(model(shape, MOST_LIVS))
    reading(model(shape, MOST_LIVS))
"""


@pytest.mark.slow
def test_the_longest_texts_fit_a_gigabyte(pytestconfig: pytest.Config) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(pytestconfig.rootpath)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
