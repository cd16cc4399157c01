"""docs/zoo.md is made from the tables, and what is said of a family is true."""

from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING

from starc.alphabet import prelude
from starc.zoo.families import NAMES, family
from starc.zoo.missing import MISSING
from starc.zoo.table import as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        PAGE.write_text(as_markdown())
    assert PAGE.read_text() == as_markdown(), "make golden writes it"


def test_nothing_is_missing_that_the_language_has() -> None:
    """No family waits for a LIV that there is: one that lacks none lacks its table."""
    titles = [m.liv.template.title for m in prelude().livs.values() if m is not None]
    there = {title.partition(" (")[0].lower() for title in titles}
    for name, why in MISSING.items():
        assert not [title for title in there if title in why.split(", ")], name
        assert name in CONFIG_MAPPING


def test_a_family_is_here_or_missing() -> None:
    assert not {*NAMES} & MISSING.keys()
    assert list(NAMES) == sorted(NAMES)
    assert all(family(name).name == name for name in NAMES)
