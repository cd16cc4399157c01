"""Options that are one of several words: one list for help, error, code, documents."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from starc import choices, passes
from starc.ir import show
from starc.lower import search_options

from .calls import COMMANDS, arguments, served
from .conftest import ROOT

OPTIONS = [
    (name, parameter)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if "|" in (parameter.metavar or "")
]
LISTS = {
    "|".join(value)
    for name, value in vars(choices).items()
    if name.isupper() and isinstance(value, tuple | dict)
}
NEEDED = {"onnx": ("onnxscript",), **choices.LOGS}
"""Libraries of what a word asks for."""


def words(parameter: Any) -> list[str]:
    return str(parameter.metavar).split("|")


def test_every_list_is_that_of_an_option() -> None:
    """Of a command, or else of a search."""
    asked = {parameter.metavar for _, parameter in OPTIONS}
    settings = {"|".join(option.choices) for option in search_options.PLAIN}
    assert asked <= LISTS <= asked | settings


def test_help_and_error_and_what_is_taken_agree(home: Path, tmp_path: Path) -> None:
    calls: list[tuple[list[str], int, str]] = []
    for name, parameter in OPTIONS:
        flag = parameter.opts[0]
        calls.append(([name, "--help"], 0, parameter.metavar))
        error = f"starc: {flag} nonsense: not one of {', '.join(words(parameter))}\n"
        calls.append(([*arguments(name), flag, "nonsense"], 2, error))
        for word in words(parameter):
            missing = None in map(find_spec, NEEDED.get(word, ()))
            ended = (2, f"pip install 'starc[{word}]'") if missing else (0, "")
            calls.append(([*arguments(name), flag, word], *ended))
    cases = [{"arguments": call, "folder": str(home)} for call, _, _ in calls]
    for number, case in enumerate(cases):
        if case["arguments"][0] == "evolve" and "--help" not in case["arguments"]:
            case["arguments"] = [*case["arguments"], "-o", f"run{number}"]
        if case["arguments"][0] in ("export", "new"):  # never over what is there
            case["arguments"] = [
                f"{a}{number}" if a in ("exported", "begun") else a
                for a in case["arguments"]
            ]
    for (call, code, said), result in zip(calls, served(cases, tmp_path), strict=True):
        assert result["code"] == code, (call, result)
        shown = re.sub(r"\s+", "", result["stdout"] + result["stderr"])
        assert re.sub(r"\s+", "", said) in shown, (call, result)


def test_no_help_lists_words_of_its_own() -> None:
    """A list in prose would be a second one."""
    for name, command in COMMANDS.items():
        for parameter in command.params:
            told = parameter.help or ""
            for known in LISTS:
                found = [w for w in known.split("|") if re.search(rf"\b{w}\b", told)]
                assert len(found) < 2, f"{name} {parameter.opts}: {told}"


def test_what_acts_on_them_knows_the_same() -> None:
    assert vars(show)["DTYPES"] is choices.DTYPES
    assert vars(search_options)["ALGORITHMS"] is choices.ALGORITHMS
    names = [step.name for step in passes.PIPELINE]
    assert [n for n in names if n in choices.OPTIONAL_PASSES] == list(
        choices.OPTIONAL_PASSES
    )
    assert [s.name for s in passes.PIPELINE if not s.required] == list(
        choices.OPTIONAL_PASSES
    )


@pytest.mark.parametrize(("name", "parameter"), OPTIONS)
def test_the_readme_says_the_same(name: str, parameter: Any) -> None:
    """Where it lists the words of an option, it lists all."""
    text = (ROOT / "README.md").read_text().replace("\\|", "|")
    (row,) = re.findall(rf"^\|.*`starc {name} .*$", text, re.MULTILINE)
    for listed in re.findall(rf"{parameter.opts[0]} ([\w|]+\|[\w|]+)", row):
        assert listed == parameter.metavar
