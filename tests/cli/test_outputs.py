"""Nothing is written over what a command reads; every argument says which it is."""

import inspect
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from starc.cli.options import is_written

from .calls import COMMANDS, arguments, served

NO_FILES = {
    ("decode", "genome"),
    ("decode", "name"),
    ("draw", "operator"),
    ("draw", "input"),
    ("explain", "code"),
    ("vendor", "name"),
    ("evolve", "ray"),
    *((name, "device") for name in ("train", "compare", "evolve")),
}
"""Arguments that are text and name nothing on a disk. All others say what they are."""

GOES_ON = {("evolve", "resume")}
"""What is read, and then written."""


def callbacks(name: str) -> dict[str, Any]:
    """What checks each argument of a command, where it is text or a path."""
    found = {}
    signature = inspect.signature(COMMANDS[name].callback, eval_str=True)
    for parameter in signature.parameters.values():
        kind = str(parameter.annotation.__origin__)
        if "str" in kind or "Path" in kind:
            found[parameter.name] = parameter.annotation.__metadata__[0].callback
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_says_what_it_is(name: str) -> None:
    for argument, check in callbacks(name).items():
        if (name, argument) not in NO_FILES | GOES_ON:
            assert check is not None, f"{argument} is read, written, or one of some"
    written = [n for n, check in callbacks(name).items() if check is is_written]
    several = (["output", "weights"], ["plot", "output"])
    assert written in ([], ["output"], ["into"], *several)


def inputs(name: str) -> list[str]:
    """Files that a right call of a command reads."""
    return [a for a in arguments(name)[1:] if a.endswith((".star", ".txt", ".py"))]


def with_output(name: str, output: str) -> list[str]:
    call = arguments(name)
    if "--output" in call:  # it is required, and there already
        call[call.index("--output") + 1] = output
        return call
    return [*call, "-o", output]


WRITERS = [n for n in COMMANDS if callbacks(n).get("output") is is_written]


def test_no_input_is_overwritten(home: Path, tmp_path: Path) -> None:
    """Of every command that writes: each of its inputs, by its name and by links."""
    cases: list[dict[str, Any]] = []
    texts = []
    for name in WRITERS:
        for file in inputs(name):
            for link in ("itself", "symbolic", "hard"):
                folder = tmp_path / str(len(cases))
                shutil.copytree(home, folder)
                output = file
                if link == "symbolic":
                    (folder / (output := "link")).symlink_to(file)
                elif link == "hard":
                    os.link(folder / file, folder / (output := "link"))
                call = with_output(name, output)
                cases.append({"arguments": call, "folder": str(folder)})
                texts.append((folder / file, (home / file).read_bytes()))
    assert len(cases) > 20
    for case, (path, text), result in zip(
        cases, texts, served(cases, tmp_path), strict=True
    ):
        assert result["code"] == 2 and result["stderr"].count("\n") == 1, (case, result)
        assert path.read_bytes() == text, case


KEPT = {
    "report run -o run/evolve.sqlite": "run/evolve.sqlite",
    "motifs run -o run/evolve.sqlite": "run/evolve.sqlite",
    "motifs run -o link/evolve.sqlite": "run/evolve.sqlite",
    "motifs . -o other.star": "other.star",
    "motifs good.star --baseline other.star -o other.star": "other.star",
    "decode - -o genome": "genome",
    "compile - -o model": "model",
    "train good.star --data run -o run": "run/model.py",
    "draw good.star --operator sa_1 --weights w.png -o w.png": "w.png",
}


def test_nor_what_is_read_in_a_folder_or_from_stdin(home: Path, tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    before = []
    for call, kept in KEPT.items():
        folder = tmp_path / str(len(cases))
        shutil.copytree(home, folder)
        (folder / "link").symlink_to("run")
        (folder / "run" / "model.py").write_text("learn me " * 100)
        shutil.copy(folder / "good.star", folder / "w.png")
        shutil.copy(folder / "good.star", folder / "model")
        (folder / "genome").write_text("21211")
        stdin = call.split()[-1] if " - " in call else "genome"
        cases.append(
            {"arguments": call.split(), "folder": str(folder), "stdin_file": stdin}
        )
        before.append((folder / kept, (folder / kept).read_bytes()))
    for case, (path, text), result in zip(
        cases, before, served(cases, tmp_path), strict=True
    ):
        assert path.read_bytes() == text, case
        assert result["code"] in (1, 2), (case, result)
        assert result["stderr"].count("\n") == 1, (case, result)


def test_a_report_may_stand_in_the_run(home: Path, tmp_path: Path) -> None:
    call = ["report", "run", "-o", "run/report.html"]
    cases = [{"arguments": call, "folder": str(home)}] * 2
    assert [result["code"] for result in served(cases, tmp_path)] == [0, 0]


def test_errors_name_the_output_that_was_asked_for(home: Path, tmp_path: Path) -> None:
    (home / "dangling").symlink_to("no/such/place")
    reasons = {
        "no/such/m.py": "No such file or directory",
        "run": "Is a directory",
        "dangling": "No such file or directory",
        "good.star/m.py": "Not a directory",
        "/dev/full": "No space left on device",
        "x" * 300: "File name too long",
    }
    cases = [
        {"arguments": ["compile", "good.star", "-o", name], "folder": str(home)}
        for name in reasons
    ]
    before = sorted(home.iterdir())
    for (name, reason), result in zip(
        reasons.items(), served(cases, tmp_path), strict=True
    ):
        assert (result["code"], result["stderr"]) == (2, f"starc: {name}: {reason}\n")
    assert sorted(home.iterdir()) == before
