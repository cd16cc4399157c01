"""Numbers have a range; at its ends and beyond there is an answer."""

import inspect
from pathlib import Path
from typing import Any, get_args

from .calls import COMMANDS, HEAVY, arguments, served

LONG = {("front", "time")}
"""Rounds of work: the highest number takes a minute."""


def numbers(name: str) -> dict[str, Any]:
    """What typer is told of each argument that is a number."""
    found = {}
    signature = inspect.signature(COMMANDS[name].callback, eval_str=True)
    for parameter in signature.parameters.values():
        kind, info = get_args(parameter.annotation)[:2]
        if {int, float} & {kind, *get_args(kind)}:
            found[parameter.name] = info
    return found


def test_every_number_has_a_range() -> None:
    found = {(name, n): info for name in COMMANDS for n, info in numbers(name).items()}
    assert len(found) > 20
    for place, info in found.items():
        assert info.min is not None and info.max is not None, place


def test_ends_of_ranges_and_beyond(home: Path, tmp_path: Path) -> None:
    cases, beyond = [], []
    for name in COMMANDS:
        for parameter in COMMANDS[name].params:
            info = numbers(name).get(parameter.name)
            if info is None or parameter.param_type_name != "option":
                continue
            ends = [info.min, info.max][: 1 if (name, parameter.name) in LONG else 2]
            ends = [] if name in HEAVY | {"evolve"} else ends
            wrong = (info.min - 1, info.max + 1, "1" + "0" * 400, "9" * 5000, "nan")
            for value in (*ends, *wrong):
                call = [*arguments(name), f"{parameter.opts[0]}={value}"]
                cases.append({"arguments": call, "folder": str(home)})
                beyond.append(value in wrong)
    for case, wrong_one, result in zip(
        cases, beyond, served(cases, tmp_path), strict=True
    ):
        assert "traceback" not in result, (case, result)
        assert result["code"] == 2 if wrong_one else result["code"] in (0, 1), case
