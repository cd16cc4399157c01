"""The examples in the help of every command, run as they are written."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from starc.cli import complete
from starc.cli.app import app
from starc.cli.commands import GROUPS, MODULES
from starc.cli.examples import EXAMPLES
from starc.evolve.storage.database import FILE

from .calls import APP, COMMANDS, MODEL, SMALL, furnish, served
from .conftest import ROOT, Run

TRAINING = {"train": SMALL, "compare": [*SMALL, "--seeds", "1"]}
"""The examples train for minutes: here a step."""


LIGHT = [
    name
    for group in ("Write", "Look", "Out", "Genomes")
    for name in GROUPS[group]
    if name != "draw"
]
"""Commands without torch, whose examples are tried always."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples name, but for the run of a search."""
    found = tmp_path_factory.mktemp("examples") / "home"
    furnish(found)
    (found / "hybrid.star").write_text(MODEL.format(liv="GMemless"))
    (found / "older.star").write_text(MODEL.format(liv="GConv-1"))
    return found


@pytest.fixture(scope="module")
def searched(folder: Path) -> Path:
    (folder / "runs").mkdir()
    call = {"arguments": "evolve search.star -o runs/small".split()}
    for found in served([{**call, "folder": str(folder)}], folder.parent):
        assert found["code"] == 0, found
    return folder


def run(folder: Path, names: list[str]) -> None:
    calls = [line for name in names for line in EXAMPLES[name]]
    cases = []
    for call in calls:
        program, name, *rest = shlex.split(call)
        assert (program, name) == ("starc", name)
        rest = [word for word in rest if word != "--open"]  # no browser in a test
        cases.append(
            {"arguments": [name, *rest, *TRAINING.get(name, [])], "folder": str(folder)}
        )
    if not (folder / "vendored" / "small.py").exists():
        vendor = "vendor vendored/small.star --into vendored".split()
        calls.insert(0, "")
        cases.insert(0, {"arguments": vendor, "folder": str(folder)})
    for call, found in zip(calls, served(cases, folder.parent), strict=True):
        failed = call.startswith("starc fmt --check")  # of a file that is not yet so
        assert found["code"] in ((0, 1) if failed else (0,)), (call, found)


def test_every_command_has_some_and_stands_in_one_group() -> None:
    assert list(EXAMPLES) == list(MODULES) and all(EXAMPLES.values())
    assert sum(map(len, GROUPS.values())) == len(MODULES) == len(COMMANDS)


def test_they_run(folder: Path) -> None:
    run(folder, LIGHT)


@pytest.mark.slow
def test_all_others_run(searched: Path) -> None:
    run(searched, [name for name in EXAMPLES if name not in LIGHT])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_them_within_80_columns(name: str) -> None:
    command: Any = COMMANDS[name]
    context = typer.Context(command, info_name=name, terminal_width=80)
    text = command.get_help(context)
    for line in EXAMPLES[name]:
        assert f"\n    {line}\n" in text + "\n"
    assert max(map(len, text.splitlines())) <= 80


def test_help_has_the_groups() -> None:
    text = APP.get_help(typer.Context(APP, info_name="starc", terminal_width=80))
    places = [text.index(f"\n{title}:\n") for title in GROUPS]
    assert places == sorted(places)
    for title, names in GROUPS.items():
        section = text.split(f"\n{title}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == list(names)
    assert max(map(len, text.splitlines())) <= 80
    assert app.info.name == "starc"


# Completion ---------------------------------------------------------------------------


def proposed(starc: Run, words: str) -> list[str]:
    given = words.split(" ")
    env = {
        "_STARC_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(given) - 1),
    }
    done = starc(env=env)
    return done.stdout.split()


def test_a_shell_is_told_what_may_come(starc: Run, tmp_path: Path) -> None:
    text = "model m { width = 64 }\nbackbone { 2 x { a: GQA; SwiGLU } }\n"
    (tmp_path / "a.star").write_text(text)
    assert "compile" in proposed(starc, "starc com") and "new" in proposed(
        starc, "starc n"
    )
    assert proposed(starc, "starc explain unknown-l") == [
        "unknown-label",
        "unknown-liv",
    ]
    assert "GQA" in proposed(starc, "starc explain G")
    found = proposed(starc, "starc draw a.star --operator a")
    assert found == ["a_0", "a_1"]
    assert proposed(starc, "starc draw no.star --operator a") == []
    assert proposed(starc, "starc new m --like l") == ["lfm2"]


@pytest.mark.parametrize("call", ["evolve --resume", "front", "motifs", "report"])
def test_a_run_is_proposed_wherever_one_is_asked_for(
    starc: Run, tmp_path: Path, call: str
) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / FILE).touch()
    assert proposed(starc, f"starc {call} ") == ["runs/a"]


@pytest.mark.slow
def test_runs_and_their_candidates(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(searched)
    assert "runs/small" in complete.runs({}, "runs/s")
    assert complete.candidates({"run": "runs/small"}, "")
    assert complete.candidates({"run": "nothing"}, "") == []


# A new file ---------------------------------------------------------------------------


@pytest.mark.parametrize("like", ["lfm2", "transformer", "mamba", "hybrid"])
def test_a_start_compiles_is_formatted_and_says_why(
    starc: Run, tmp_path: Path, like: str
) -> None:
    done = starc("new", "mine", "--like", like)
    assert (done.returncode, done.stdout) == (0, "mine.star\n")
    text = (tmp_path / "mine.star").read_text()
    assert "model mine {" in text and text.count("#") > 4
    assert starc("fmt", "--check", "mine.star").returncode == 0
    shown = starc("show", "mine.star")
    assert shown.stdout.startswith("model mine\n")


def test_a_start_writes_over_nothing(starc: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.star").write_text("mine")
    for name in ("mine", "mine.star", "no name", "9", "a/b"):
        done = starc("new", name)
        assert done.returncode == 2 and done.stderr.startswith("starc: ")
        assert not done.stdout
    assert (tmp_path / "mine.star").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.star"]


def test_a_browser_shows_the_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import webbrowser

    from starc.cli import draw

    shown: list[str] = []

    def show(where: str) -> bool:
        shown.append(where)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    draw.draw(str(ROOT / "examples" / "tiny_hybrid.star"), open=True)
    (where,) = shown
    path = Path(where.removeprefix("file://"))
    assert path.name == "tiny_hybrid.svg" and path.read_text().startswith("<svg")
    assert not capsys.readouterr().out
    path.unlink()


def test_a_liv_is_explained(starc: Run) -> None:
    done = starc("explain", "GQA")
    assert done.returncode == 0
    assert "T_ij" in done.stdout and "kv_heads" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
