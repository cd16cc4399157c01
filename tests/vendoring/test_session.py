"""docs/vendoring.md, command by command, in a repository that it makes itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from starc.vendoring.verify import STATES

from . import starc_of

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "vendoring.md"
MARK = "end of what the command said:"


def commands(text: str) -> list[tuple[str, str]]:
    """(command, output) of all console blocks; `> ` continues a command."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            command, output = found[-1] if found else ("", "")
            if line.startswith("$ "):
                found.append((line[2:], ""))
            elif line.startswith(">") and not output and "<<" in command:
                found[-1] = (f"{command}\n{line[2:]}", "")
            else:
                found[-1] = (command, f"{output}{line}\n")
    return found


def shims(folder: Path) -> Path:
    """`starc` of the version that `pip install starc==VERSION` named last."""
    folder.mkdir()
    run = f"{sys.executable} {starc_of.__file__}"
    scripts = {
        "starc": f'exec {run} "$(cat "$0.version")" "$@"',
        "pip": 'for last; do :; done; echo "${last#starc==}" > "${0%pip}starc.version"',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_every_command_says_what_the_page_says(tmp_path: Path) -> None:
    text = PAGE.read_text()
    asked = commands(text)
    assert len(asked) > 30
    steps = re.findall(r"^- run: (.*?)(?:  +#.*)?$", text, re.MULTILINE)  # of CI
    assert len(steps) == 2
    asked += [(f"{step} > ../said; echo $?", "0\n") for step in steps]
    script = "".join(
        f"{command}\nlast=$?; echo '{MARK}' {number}; (exit $last)\n"
        for number, (command, _) in enumerate(asked)
    )
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        ["bash", "--norc", "--noprofile"],
        input=script,
        cwd=home,
        env={
            **os.environ,
            "PATH": f"{shims(tmp_path / 'bin')}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "a" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "a@b.c" for who in ("AUTHOR", "COMMITTER")},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = re.split(rf"{MARK} \d+\n", done.stdout)
    assert len(said) == len(asked) + 1, done.stdout
    for (command, expected), found in zip(asked, said, strict=False):
        assert found == expected, command


def test_the_states_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| (\w+) \| .* \| .* \|$", PAGE.read_text(), re.MULTILINE)
    assert tuple(rows[1:]) == STATES
