"""Every command with every stream in every state: no traceback, the right exit code."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .calls import COMMANDS, HEAVY, SEARCH, arguments, served
from .conftest import ROOT

CONDITIONS: dict[str, dict[str, str]] = {
    "stdin closed": {"stdin": "closed"},
    "stdout closed": {"stdout": "closed"},
    "stdout full": {"stdout": "full"},
    "stdout gone": {"stdout": "gone"},
    "stderr closed": {"stderr": "closed"},
    "stderr full": {"stderr": "full"},
    "stderr gone": {"stderr": "gone"},
    "all closed": {"stdin": "closed", "stdout": "closed", "stderr": "closed"},
    "ascii": {"encoding": "ascii"},
    "latin-1": {"encoding": "latin-1"},
}
STDIN = {"decode": "21211-31112", "evolve": SEARCH}
"""Where it is not an architecture."""

READS = {"lsp"}
"""Commands that read stdin without being told to."""

FEW = ("all closed", "stdout full", "stdout gone", "ascii")
"""In turn for training, which takes long, and for what is alike in every command: its
help, and a file that is not there. `make test-slow` takes all conditions for all."""


class Case(NamedTuple):
    name: str
    variant: str
    condition: str

    @property
    def plainly(self) -> "Case":
        return self._replace(condition="")


def variants(name: str) -> dict[str, list[str]]:
    """Ways to call a command: right, for help, with a missing file, from stdin."""
    right = arguments(name)
    wrong = [a.replace("good.star", "no.star").replace("run", "no") for a in right]
    found = {"right": right, "help": [name, "--help"], "no file": wrong}
    if any("- is stdin" in (p.help or "") for p in COMMANDS[name].params[:1]):
        at = 1  # the first argument
        found["stdin"] = [*right[:at], "-", *right[at + 1 :]]
    return found


def cases_of(everything: bool) -> list[Case]:
    turns = itertools.cycle(FEW)
    return [
        Case(name, variant, condition)
        for name in COMMANDS
        for variant in variants(name)
        for whole in [variant in ("right", "stdin") and name not in HEAVY]
        for condition in (CONDITIONS if everything or whole else [next(turns)])
    ]


def results(cases: list[Case], home: Path, folder: Path) -> dict[Case, dict[str, Any]]:
    """Of the cases, and of each call under no condition, each in a fresh folder."""
    text = (home / "good.star").read_text()
    everything = list(dict.fromkeys([*(case.plainly for case in cases), *cases]))
    calls = []
    for number, (name, variant, condition) in enumerate(everything):
        at = folder / str(number)
        shutil.copytree(home, at)
        call = {"arguments": variants(name)[variant], "folder": str(at)}
        call["stdin"] = STDIN.get(name, text)
        calls.append({**call, **CONDITIONS.get(condition, {})})
    return dict(zip(everything, served(calls, folder), strict=True))


def expected(case: Case, plain: dict[str, Any]) -> int:
    """The exit code, from what the call does when nothing is in its way."""
    condition = CONDITIONS[case.condition]
    reads = case.variant == "stdin" or case.name in READS and case.variant != "help"
    if condition.get("stdin") == "closed" and reads:
        return 2
    stdout = condition.get("stdout", "file")
    if stdout != "file" and plain["stdout"]:
        return 141 if stdout == "gone" else 2
    return int(plain["code"])


def check(cases: list[Case], home: Path, folder: Path) -> None:
    found = results(cases, home, folder)
    for case, result in found.items():  # else errors would be compared with errors
        if not case.condition and case.variant != "no file":
            assert result["code"] == 0, (case, result)
    wrong = [
        f"{case}: {problem}"
        for case in cases
        if (problem := what_is_wrong(case, found[case], found[case.plainly]))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_command_under_every_condition(home: Path, tmp_path: Path) -> None:
    check(cases_of(everything=False), home, tmp_path)


@pytest.mark.slow
def test_every_call_under_every_condition(home: Path, tmp_path: Path) -> None:
    check(cases_of(everything=True), home, tmp_path)


def what_is_wrong(case: Case, result: dict[str, Any], plain: dict[str, Any]) -> str:
    said = "".join(result.get(n, "") for n in ("traceback", "stdout", "stderr"))
    code = expected(case, plain)
    condition = CONDITIONS[case.condition]
    if "Traceback" in said or "Exception ignored" in said:
        return said
    if result["code"] != code:
        return f"{result['code']} instead of {code}: {said}"
    whole = "stdout" not in condition and code == plain["code"]
    if whole and result["stdout"].count("\n") != plain["stdout"].count("\n"):
        return f"something is missing: {result['stdout']}"
    messages = sum(result["stderr"].count(start) for start in ("starc: ", "Error: "))
    if code == 2 and "stderr" not in condition and messages != 1:
        return f"not one message: {result['stderr']}"
    return ""


def test_ascii_has_no_escapes(home: Path, tmp_path: Path) -> None:
    """For all that starc itself prints there is something like it in ASCII."""
    calls = [["check", "bad.star"], ["show", "good.star"], ["genes"], ["explain"]]
    calls += [["diff", "good.star", "other.star"], ["front", "run"]]
    calls += [[*call, "--help"] for call in ([], *([name] for name in COMMANDS))]
    asked = [
        {"arguments": call, "folder": str(home), "encoding": "ascii"} for call in calls
    ]
    for call, result in zip(calls, served(asked, tmp_path), strict=True):
        said = result["stdout"] + result["stderr"]
        assert said and said.isascii() and "\\u" not in said, (call, said)
        assert "\\x" not in said.replace("\\xff", ""), (call, said)


SHELL = {
    "$starc --help >&-": (2, "starc: stdout: It is closed\n"),
    "$starc --help >/dev/full": (2, "starc: stdout: No space left on device\n"),
    "$starc check bad.star 2>/dev/full": (1, ""),
    "$starc check bad.star <&- >&- 2>&-": (1, ""),
    "$starc compile - <&-": (2, "starc: stdin: It is closed\n"),
    "$starc compile good.star >>good.star": (
        2,
        "starc: stdout: This is read, and would be overwritten\n",
    ),
    "$starc genes | true; exit ${PIPESTATUS[0]}": (141, ""),
}
"""Calls from a shell, with the exit code and what is said."""


def test_from_a_shell(home: Path) -> None:
    """Where Python itself finds the streams so, at its start and at its end."""
    for call, wanted in SHELL.items():
        command = call.replace("$starc", f"'{sys.executable}' -m starc")
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == wanted, call
