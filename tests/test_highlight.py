"""Highlighters: made from the tables, and no token without a colour."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pygments.token import Token

from starc.alphabet import prelude
from starc.catalogue import codes, explain
from starc.compiler import check
from starc.highlight.lexer import StarLexer
from starc.highlight.rules import rules
from starc.highlight.textmate import grammar
from tests.frontend.star_samples import FILES

ROOT = Path(__file__).parent.parent
COMMITTED = ROOT / "editors" / "star.tmLanguage.json"
WRONG = {code: e.wrong for code in codes() if (e := explain(code)) and e.wrong}


def scopes(text: str) -> list[tuple[str, str]]:
    """What TextMate does with a flat list of patterns, a line at a time.

    The pattern that fits earliest, the first of several; "" where none does.
    """
    patterns = [(rule.scope, re.compile(rule.regex)) for rule in rules()]
    found = []
    for line in text.split("\n"):
        at = 0
        while at < len(line):
            fits = [
                (m.start(), i, m)
                for i, (_, p) in enumerate(patterns)
                if (m := p.search(line, at)) and m.end() > m.start()
            ]
            if not fits:
                break
            start, which, match = min(fits, key=lambda fit: fit[:2])
            found += [("", line[at:start])] if line[at:start].strip() else []
            found.append((patterns[which][0], match.group()))
            at = match.end()
        found += [("", line[at:])] if line[at:].strip() else []
    return found


def test_the_committed_grammar_is_current(request: pytest.FixtureRequest) -> None:
    """`make golden` writes it anew."""
    if request.config.getoption("--update-golden"):
        COMMITTED.write_text(grammar())
    assert COMMITTED.read_text() == grammar(), "make golden writes it anew"


def test_pygments_finds_the_lexer() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        said = tomllib.load(file)["project"]["entry-points"]["pygments.lexers"]["star"]
    module, _, name = said.partition(":")
    assert getattr(import_module(module), name) is StarLexer


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_compiles_has_no_word_without_a_colour(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(StarLexer(ensurenl=False, stripnl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert not [value for kind, value in tokens if kind in Token.Error]
    coloured = scopes(text)
    assert coloured and not [value for scope, value in coloured if not scope]


@pytest.mark.parametrize("code", WRONG)
def test_an_error_is_one_of_the_compiler_too(code: str) -> None:
    text = WRONG[code]
    tokens = StarLexer(ensurenl=False, stripnl=False).get_tokens(text)
    errors = [v for kind, v in tokens if kind in Token.Error]
    errors += [value for scope, value in scopes(text) if not scope]
    assert not errors or check(text)


@pytest.mark.parametrize("name", prelude().livs)
def test_every_liv_has_the_colour_of_a_class(name: str) -> None:
    assert ("entity.name.type", name) in scopes(f"  {name}(heads = 4)")
    assert ("entity.name.type", name) in scopes(f"a: {name}")
