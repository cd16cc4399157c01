"""The three-way merge, which is git's: `git merge-file` needs no repository."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from starc.values import dataclass
from starc.vendoring.carried import own_lines
from starc.vendoring.error import VendoringError

YOURS = "yours"
"""The label of the edited file in a conflict."""

_BEGIN = re.compile(r"^<{7} ", re.MULTILINE)


class NoGit(Exception):
    """There is no git on this machine."""


@dataclass(frozen=True)
class Merge:
    """`conflicts`: lines of the text, counted from 1, where one begins."""

    text: str
    conflicts: tuple[int, ...]


def merge(
    mine: str, base: str, new: str, base_label: str = "base", new_label: str = "new"
) -> Merge:
    """The edits that make `mine` of `base`, made to `new`. Raises NoGit.

    Conflicts stand in the text between git's markers, with the base, as `--diff3` has
    them. The lines that starc writes about the file itself are no part of the merge
    where `mine` has them as they were: whoever writes a licence above them is in no
    conflict with the next version's number.
    """
    for old, now in zip(own_lines(base), own_lines(new), strict=True):
        if _once(mine, old) and _once(base, old):
            mine, base = mine.replace(old, now), base.replace(old, now)
    text = _git(mine, base, new, (YOURS, base_label, new_label))
    return Merge(text, conflicts(text))


def conflicts(text: str) -> tuple[int, ...]:
    """The lines, counted from 1, with markers of a conflict that is not solved."""
    end = text.rfind("\n>>>>>>> ")
    found = (match.start() for match in _BEGIN.finditer(text, 0, max(end, 0)))
    return tuple(text.count("\n", 0, start) + 1 for start in found)


def _once(text: str, lines: str) -> bool:
    """Whether these whole lines stand in the text, and only once."""
    at = text.find(lines) if lines else -1
    whole = at == 0 or (at > 0 and text[at - 1] == "\n")
    return whole and text.find(lines, at + 1) < 0


def _git(mine: str, base: str, new: str, labels: tuple[str, str, str]) -> str:
    """In a folder of its own, so that no repository and no settings have a say."""
    git = shutil.which("git")
    if git is None:
        raise NoGit
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = [git, "merge-file", "-p", "--diff3"]
    for label in labels:
        command += ["-L", label]
    with tempfile.TemporaryDirectory(prefix="starc-") as folder:
        for name, text in (("mine", mine), ("base", base), ("new", new)):
            Path(folder, name).write_bytes(text.encode())
        done = subprocess.run(
            [*command, "mine", "base", "new"],
            cwd=folder,
            env={
                **environment,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CEILING_DIRECTORIES": str(Path(folder).parent),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    if not 0 <= done.returncode <= 127:  # the number of conflicts, up to 127
        said = done.stderr.decode("utf-8", "replace").strip()
        raise VendoringError(f"git merge-file failed: {said or done.returncode}")
    return done.stdout.decode()
