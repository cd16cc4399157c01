"""Random edits, as people make them to a file of Python, and what a merge may lose."""

import random
from collections import Counter
from dataclasses import dataclass

from starc.vendoring.carried import own_lines

BEGIN, BASE, MIDDLE, END = "<<<<<<< ", "||||||| ", "=======", ">>>>>>> "


def edited(draw: random.Random, text: str) -> str:
    """The text with one to eight lines or blocks changed, added, removed or moved.

    What is added holds a number of its own, so that it is found again.
    """
    lines = text.split("\n")[:-1]
    for number in range(draw.randint(1, 8)):
        at, size = draw.randrange(len(lines) + 1), draw.choice((1, 1, 2, 5, 30))
        kind = draw.choice(("change", "add", "remove", "move"))
        added = [f"    # edit {number}, line {i}" for i in range(size)]
        block = lines[at : at + size]
        if kind == "change":
            lines[at : at + size] = [
                f"{line}  # edit {number}.{i}" for i, line in enumerate(block)
            ]
        elif kind == "add":
            lines[at:at] = added
        else:
            del lines[at : at + size]
            if kind == "move":
                to = draw.randrange(len(lines) + 1)
                lines[to:to] = block
    return "\n".join([*lines, ""])


@dataclass(frozen=True)
class Result:
    """Lines of a merge: `kept` of both sides, in order, and how many conflicts."""

    kept: list[str]
    conflicts: int


def parse(text: str) -> Result:
    """Reads git's markers of --diff3; every one has to be in its place."""
    kept, side, conflicts = [], "", 0
    for line in lines_of(text):
        if line.startswith(BEGIN) and side == "":
            side, conflicts = "mine", conflicts + 1
        elif line.startswith(BASE) and side == "mine":
            side = "base"
        elif line == MIDDLE and side == "base":
            side = "new"
        elif line.startswith(END) and side == "new":
            side = ""
        elif side != "base":
            kept.append(line)
    assert side == ""
    return Result(kept, conflicts)


def lines_of(text: str) -> list[str]:
    """Without their ends, and without whether the last has one."""
    return text.removesuffix("\n").split("\n")


def what_is_lost(mine: str, base: str, new: str, merged: str) -> list[str]:
    """Lines of `mine` that are neither in the merge nor between its markers, though
    `new` does not remove them; the same the other way round; and lines from nowhere.

    The lines about the file itself may be in `mine` in the place of older ones.
    """
    kept = parse(merged).kept
    found = Counter(kept)
    m, b, n = (Counter(lines_of(text)) for text in (mine, base, new))
    about = Counter(line for part in own_lines(new) for line in lines_of(part))
    lost = []
    for line in m.keys() | b.keys() | n.keys() | found.keys():
        if found[line] < m[line] - max(0, b[line] - n[line]):
            lost.append(f"lost an edit: {line}")
        if found[line] < n[line] - max(0, b[line] - m[line]):
            lost.append(f"lost of the new version: {line}")
        if found[line] > m[line] + n[line] + about[line]:
            lost.append(f"from nowhere: {line}")
    marked = [line for line in kept if "# edit " in line]
    if marked != [line for line in lines_of(mine) if "# edit " in line]:
        lost.append("edits in another order")
    return lost
