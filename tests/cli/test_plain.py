"""A call that is read without typer is the call that typer would have read."""

import random
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import pytest
import typer

from starc.cli import commands
from starc.cli.app import declared
from starc.cli.failure import Failure
from starc.cli.options import Declared
from starc.cli.plain import plain

from .calls import COMMANDS, arguments

WORDS = ["a.star", "b.py", "-", "21211", "1", "json", "model", "fuse", "roll", "out"]
EVERYDAY = {"compile", "check", "fmt", "show", "diff", "decode", "encode", "explain"}
ODD = [
    "",
    "--",
    "--help",
    "-x",
    "--no",
    "-oX",
    "--output=a",
    "--emit=ir",
    "-1",
    "\udcff",
]


def recorder(function: Callable[..., Any], calls: list[Any]) -> Callable[..., Any]:
    """A function with the same parameters; it and their callbacks are noted."""

    @wraps(function)
    def record(**given: Any) -> None:
        calls.append((function.__name__, sorted(given.items())))

    def noted(parameter: Parameter) -> Parameter:
        kind = parameter.annotation.__origin__
        info = parameter.annotation.__metadata__[0]

        def callback(value: Any) -> Any:
            calls.append((parameter.name, value))
            return info.callback(value)

        ours = info._replace(callback=callback)
        return parameter.replace(annotation=Annotated[kind, ours])

    found = signature(function)
    parameters = [noted(one) for one in found.parameters.values()]
    record.__signature__ = found.replace(parameters=parameters)  # type: ignore
    return record


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], tuple[Any, Any]]:
    """What a command is called with: read plainly (None where it is not), by typer."""
    calls: list[Any] = []
    made = {name: recorder(commands.command(name), calls) for name in commands.MODULES}
    monkeypatch.setattr("starc.cli.plain.command", made.__getitem__)
    app = typer.Typer(add_completion=False)
    for name, function in made.items():
        app.command(name)(declared(function))
    by_typer = typer.main.get_command(app)

    def outcome(call: Callable[[], Any]) -> Any:
        calls.clear()
        try:
            call()
        except Failure as failure:
            return f"{calls} {failure}"
        except Exception as error:
            assert type(error).__module__.startswith(("typer", "click")), error
            return "wrong call"
        return repr(calls)

    def run(words: list[str]) -> tuple[Any, Any]:
        found = plain(words)
        return (
            None if found is None else outcome(found),
            outcome(lambda: by_typer(words, standalone_mode=False)),
        )

    return run


def test_every_parameter_is_declared_by_options() -> None:
    for name in commands.MODULES:
        for parameter in signature(commands.command(name)).parameters.values():
            assert isinstance(parameter.annotation.__metadata__[0], Declared), name


def test_typer_has_the_same_commands() -> None:
    assert set(COMMANDS) == set(commands.MODULES)


@pytest.mark.parametrize(
    "call",
    [
        "compile a.star",
        "compile a.star -o a.py",
        "compile --output a.py a.star",
        "compile a.star --no-pass fuse --no-pass roll --emit ir",
        "compile - -o -",
        "check a.star b.star --format json",
        "fmt a.star --check",
        "show a.star --json --dtype fp32",
        "diff a.star b.star",
        "decode 21211 --exact",
        "encode a.star --json",
        "explain",
        "genes",
    ],
)
def test_everyday_calls_are_plain(both: Any, call: str) -> None:
    found, expected = both(call.split())
    assert found == expected and found is not None


@pytest.mark.parametrize(
    "call",
    [
        *("", "--help", "--version", "compile", "compile --help", "nothing a.star"),
        *("compile a b", "compile a --emit", "compile a -o", "compile a --emit ir -h"),
        *("compile a -o b -o c", "compile -- a", "compile a --output=b", "fmt --check"),
        *("compile a -ob", "show a --context 5", "compile a --json", "check"),
    ],
)
def test_the_rest_is_left_to_typer(both: Any, call: str) -> None:
    assert both(call.split(" ") if call else [])[0] is None


def test_no_call_is_plain_while_a_shell_completes(
    both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_STARC_COMPLETE", "complete_bash")
    assert both(["compile", "a.star"])[0] is None


@pytest.mark.parametrize("name", commands.MODULES)
def test_random_calls(both: Any, name: str) -> None:
    chance, plainly = random.Random(name), 0
    flags = [
        flag for p in COMMANDS[name].params for flag in (*p.opts, *p.secondary_opts)
    ]
    right = [word for word in arguments(name)[1:] if word]
    for _ in range(60):
        words = [*right] if chance.random() < 0.7 else []
        for _ in range(chance.randrange(4)):
            pool = chance.choice([flags, WORDS, WORDS, ODD])
            words.insert(chance.randrange(len(words) + 1), chance.choice(pool))
        found, expected = both([name, *words])
        if found is not None:
            plainly += 1
            assert found == expected, words
    assert plainly or name not in EVERYDAY
