"""An edit is never lost: random edits over real pairs of versions and of sources."""

import random
from functools import cache
from pathlib import Path

import pytest

import starc
from starc.vendoring.carried import vendored
from starc.vendoring.merge import conflicts, merge

from .edits import edited, parse, what_is_lost

OLD = Path(__file__).parent / "written_by_0_1_0"
"""Emitted by the commit before the emitted file was made of blocks."""

VERSIONS = sorted(path.stem for path in OLD.glob("*.star"))
CHANGES = {
    "heads": ("kv_heads = 4)   k", "kv_heads = 4, qk_norm = true)   k"),
    "size": ("vocab = 50_304", "vocab = 1000"),
    "deeper": ("6 x", "9 x"),
    "operator": ("    GMemless\n  }", "    GConv-1(kernel = 4)\n  }"),
    "no sharing": ("   k, v from a", ""),
    "name": ("model kv_sharing", "model two_in_one"),
}
"""Of kv_sharing.star: what is replaced, and by what."""

EDITS = 500


@cache
def old(name: str) -> str:
    source = (OLD / f"{name}.star").read_text()
    return vendored((OLD / f"{name}.py.txt").read_text(), source, "", "")


@cache
def today(source: str, name: str) -> str:
    return vendored(starc.compile(source, name), source, "", "")


def pair(name: str) -> tuple[str, str]:
    """The older and the newer text of a vendored file."""
    if name in VERSIONS:
        source = (OLD / f"{name}.star").read_text()
        return old(name), today(source, f"{name}.star")
    before, after = CHANGES[name]
    source = (OLD / "kv_sharing.star").read_text()
    assert before in source
    changed = source.replace(before, after)
    return today(source, "a.star"), today(changed, "a.star")


PAIRS = [*VERSIONS, *CHANGES]


@pytest.mark.parametrize("name", PAIRS)
def test_no_edit_is_lost(name: str) -> None:
    base, new = pair(name)
    some_conflict = some_merge = False
    for number in range(EDITS // len(PAIRS) + 1):
        draw = random.Random(f"{name} {number}")
        mine = edited(draw, base)
        found = merge(mine, base, new)
        assert not what_is_lost(mine, base, new, found.text), f"{name} {number}"
        assert len(found.conflicts) == parse(found.text).conflicts
        assert conflicts(found.text) == found.conflicts
        some_conflict |= bool(found.conflicts)
        some_merge |= not found.conflicts
    assert some_merge or (name in VERSIONS and some_conflict)


@pytest.mark.parametrize("name", PAIRS)
def test_without_edits_it_is_the_new_version(name: str) -> None:
    base, new = pair(name)
    assert merge(base, base, new).text == new
    assert merge(new, base, new).text == new
    mine = edited(random.Random(name), base)
    assert merge(mine, base, base).text == mine


def test_a_lost_edit_would_be_seen() -> None:
    """Merges that lose something, each in its way."""
    base, new = pair("heads")
    several = (edited(random.Random(seed), base) for seed in range(99))
    mine = next(text for text in several if text.count("# edit ") > 2)
    right = merge(mine, base, new).text
    assert not what_is_lost(mine, base, new, right)
    lines = right.split("\n")
    at = max(i for i, line in enumerate(lines) if "# edit " in line)
    wrong = [
        new,
        mine,
        base,
        "\n".join(lines[:at] + lines[at + 1 :]),
        "\n".join([*lines[:300], *lines[290:300], *lines[290:]]),
        "\n".join([lines[at], *lines[:at], *lines[at + 1 :]]),
    ]
    for text in wrong:
        assert what_is_lost(mine, base, new, text)


def test_a_licence_on_top_and_code_below_are_in_no_conflict() -> None:
    """With the lines that starc writes about the file, which always change."""
    base, new = pair("size")
    above, below = "# Copyright of somebody\n\n", "\n\ndef more() -> None: ...\n"
    found = merge(above + base + below, base, new)
    assert found.text == above + new + below and not found.conflicts


def test_markers_are_those_of_git() -> None:
    base = "a\nb\nc\n"
    found = merge("a\nmine\nc\n", base, "a\nnew\nc\n", "pristine", "today")
    assert found.text == (
        "a\n<<<<<<< yours\nmine\n||||||| pristine\nb\n=======\nnew\n>>>>>>> today\nc\n"
    )
    assert found.conflicts == (2,)
    assert not conflicts(base)
    assert not conflicts("a\n=======\nb\n<<<<<<< no end\n")
