"""No text of a user's or a stranger's is more than text, in pages and pictures."""

import json
import re
import subprocess
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from starc import compiler, passes
from starc.draw import architecture, heatmap
from starc.evolve.report.page import SCRIPTS, report
from starc.evolve.storage.database import Database
from starc.evolve.views.pick import card
from starc.ir.nodes import Model
from starc.printable import hidden, lines
from tests.evolve.report import hostile
from tests.evolve.report.test_report import EXERCISE, FLAGS, chromium
from tests.work import PATIENCE

RAW = re.compile(r"<(script|style)([^>]*)>(.*?)</\1", re.DOTALL | re.IGNORECASE)
"""As a browser reads it: whatever stands in there, it ends at the first end tag."""

SVG = "{http://www.w3.org/2000/svg}"


def tree(page: str) -> tuple[ElementTree.Element, list[tuple[str, str]]]:
    """The page without scripts and styles, by a parser that forgives nothing; these."""
    raw = [(found[2], found[3]) for found in RAW.finditer(page)]
    kept = RAW.sub(lambda found: f"<{found[1]}{found[2]}></{found[1]}", page)
    return ElementTree.fromstring(kept), raw


def attributes(root: ElementTree.Element) -> list[str]:
    """Everything that is no text: tags, and names and values of attributes."""
    found = []
    for element in root.iter():
        found += [element.tag, *element.attrib, *element.attrib.values()]
    return found


def assert_text_only(page: str) -> None:
    root, raw = tree(page)
    assert not any(hostile.MARK in one for one in attributes(root))
    assert not any(name.startswith("on") for e in root.iter() for name in e.attrib)
    shown = "".join(root.itertext())
    assert shown.count(hostile.MARK) > 20
    assert not [c for c in shown if hidden(c) and c != "\n"]
    data, *scripts = [body for given, body in raw[1:] if body]
    assert len(scripts) == 1 + len(SCRIPTS) and "application/json" in raw[1][0]
    assert not any(hostile.MARK in script for script in [raw[0][1], *scripts])
    assert data.isascii() and not set(data) & set("<>&")
    assert not [c for c in texts(json.loads(data)) if hidden(c) and c != "\n"]


def texts(value: Any) -> str:
    """All texts of JSON as one."""
    if isinstance(value, dict):
        return "".join(map(texts, [*value, *value.values()]))
    if isinstance(value, list):
        return "".join(map(texts, value))
    return value if isinstance(value, str) else ""


SEEDS = [range(25), pytest.param(range(25, 1_025), marks=pytest.mark.slow)]
FEW = [range(8), pytest.param(range(8, 1_025), marks=pytest.mark.slow)]
"""To read a page takes half a second."""


@pytest.mark.parametrize("seeds", FEW, ids=str)
def test_pages_of_hostile_runs(tmp_path: Path, seeds: range) -> None:
    for seed in seeds:
        print("seed", seed)
        drawn = Random(seed)
        name = re.sub("[/\0]", "", hostile.text(drawn, 3))
        folder = tmp_path / str(seed) / name.encode("utf-8", "replace").decode()
        assert_text_only(report(hostile.run(folder, drawn)))


HEADINGS = {"Measured", "How", "Genome", "What made it of its parents"}


@pytest.mark.parametrize("seeds", SEEDS, ids=str)
def test_cards_of_hostile_runs(tmp_path: Path, seeds: range) -> None:
    """To a parser of Markdown: headings, lists and tables of the card, and text."""
    parser = MarkdownIt("commonmark").enable("table")
    for seed in seeds:
        print("seed", seed)
        database = Database.open(hostile.run(tmp_path / str(seed), Random(seed)))
        spec = database.spec()
        for row in database.candidates():
            shown = card(row, spec, on_front=True, weights=True)
            assert not [c for c in shown if hidden(c) and c != "\n"]
            blocks = parser.parse(shown)
            kinds = {block.type.removesuffix("_open") for block in blocks}
            assert not kinds & {"html_block", "fence", "code_block", "hr", "blockquote"}
            children = [child for block in blocks for child in block.children or ()]
            assert {one.type for one in children} <= {
                "text",
                "softbreak",
                "code_inline",
            }
            at = [i for i, block in enumerate(blocks) if block.type == "heading_open"]
            first, *others = [blocks[i + 1].content for i in at]
            assert first == f"{spec.name}_{row.id}" and set(others) <= HEADINGS
            said = "".join(one.content for one in children)
            assert said.count(hostile.MARK) >= len(row.changes)
        database.close()


@pytest.mark.skipif(chromium() is None, reason="no chromium: apt-get install chromium")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_it_is_run_by_a_browser(tmp_path: Path, seed: int) -> None:
    """All charts drawn, whose library reads a little markup in its texts."""
    page = report(hostile.run(tmp_path / "run", Random(seed)))
    (tmp_path / "page.html").write_text(page + EXERCISE.replace("200", "2"))
    flags = [flag.replace("+", " ") for flag in FLAGS]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    address = (tmp_path / "page.html").as_uri()
    seen = subprocess.run(
        [chromium() or "", *flags, profile, "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "data-exercised" in seen.stdout and "Uncaught" not in seen.stderr
    opening = re.search("<html[^>]*>", seen.stdout)
    assert opening is not None and "data-ready" in opening[0]
    assert "data-owned" not in opening[0]


ANY = st.text(st.characters(), max_size=40)  # surrogates too
PLAIN = "model m { width = 32; vocab = 16 }\nbackbone { a: SA-1; GConv-1; GMemless }\n"


def renamed(name: str) -> Model:
    """A model in which everything is called so; its labels differ."""
    model = passes.run(compiler.to_ir(PLAIN))
    labels = [layer.label for layer in model.layers()]
    livs = {liv.name for liv in model.livs()}
    new = {label: f"{name}{number}" for number, label in enumerate(labels)}
    found: Model = with_names(model, new | dict.fromkeys([*livs, model.name], name))
    return found


def with_names(value: Any, new: dict[str, str]) -> Any:
    """Texts of a dataclass, and of all in it, by other ones."""
    if isinstance(value, str):
        return new.get(value, value)
    if isinstance(value, tuple):
        return tuple(with_names(inner, new) for inner in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {f.name: with_names(getattr(value, f.name), new) for f in fields(value)}
    return replace(value, **changed)


def assert_picture(svg: str, expected: str) -> None:
    root = ElementTree.fromstring(svg)
    tags = ("svg", "title", "text", "g", "rect", "path", "image")
    assert {element.tag for element in root.iter()} <= {SVG + tag for tag in tags}
    assert not any(name.startswith("on") for e in root.iter() for name in e.attrib)
    words = "".join(root.itertext())
    assert not [c for c in words if hidden(c) and c != "\n"]
    assert lines(expected) in words


@given(ANY, ANY)
@example("</svg><script>alert(1)</script>", "\x00\ufffe\udcff\u202e")
def test_pictures_of_architectures(name: str, heading: str) -> None:
    assert_picture(architecture(renamed(name), heading), heading or name)


@given(ANY, ANY, st.lists(ANY, min_size=2, max_size=2))
@example("]]>", "<!--", ["&", "<"])
def test_pictures_of_operators(name: str, heading: str, tokens: list[str]) -> None:
    matrix = [[1.0, 0.0], [0.5, 0.5]]
    assert_picture(heatmap.as_svg([(name, matrix)], tokens, heading), heading)
