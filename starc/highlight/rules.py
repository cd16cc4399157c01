"""What the words of a text are to a highlighter: the first rule that fits."""

import json
import re
from collections.abc import Iterable
from functools import cache

from starc import resources
from starc.alphabet import prelude, templates
from starc.alphabet.liv_class import CHOICES
from starc.lower.model import MODEL_OPTIONS
from starc.values import dataclass


@dataclass(frozen=True)
class Rule:
    """`regex` means the same to Python's re and to Oniguruma.

    scope: what TextMate calls it, without `.star`. token: the same of Pygments.
    """

    scope: str
    token: str
    regex: str


@cache
def rules() -> tuple[Rule, ...]:
    """In order. What no rule takes is no part of the language, or blank."""
    keywords, words = _terminals()
    end = r"(?![\w-])"
    blocks = ("model", "featurizer", "liv", "backbone", "search", "parallel", "block")
    others = {*blocks, "x", "diff", "true", "false"}
    clauses = [word for word in keywords if word not in others]
    found = (
        ("comment.line.number-sign", "Comment.Single", r"#[^\n]*"),
        ("entity.name.function", "Name.Function", words["FUNCTION"]),
        ("constant.numeric", "Number", words["NUMBER"]),
        ("entity.name.label", "Name.Label", words["NAME"] + r"(?=[ \t]*:)"),
        ("variable.parameter", "Name.Attribute", words["NAME"] + r"(?=[ \t]*=(?!=))"),
        ("keyword.control", "Keyword", _one_of(blocks) + end),
        ("keyword.control.repeat", "Keyword", r"x(?=[ \t]*\{)"),
        ("keyword.other", "Keyword", _one_of(clauses) + end),
        ("support.function", "Name.Builtin", r"diff(?=[ \t]*\()"),
        ("entity.name.type", "Name.Class", _one_of(prelude().livs) + end),
        ("constant.language", "Keyword.Constant", _one_of(_constants()) + end),
        ("variable.other", "Name", words["NAME"]),
        ("keyword.operator", "Operator", words["RELATION"] + "|="),
        ("punctuation", "Punctuation", r"[{}()\[\],;:]"),
    )
    return tuple(Rule(*row) for row in found)


def _constants() -> set[str]:
    """Every word that an option or a structure may be."""
    found = {"true", "false", "none"}
    for option in (*MODEL_OPTIONS, *(o for t in templates() for o in t.options)):
        found.update(option.choices)
    for known in CHOICES.values():
        found.update(known)
    return found


def _one_of(words: Iterable[str]) -> str:
    """Longer words first: GConv-1-Diff is not GConv-1."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return f"(?:{'|'.join(map(re.escape, ordered))})"


@cache
def _terminals() -> tuple[tuple[str, ...], dict[str, str]]:
    """The keywords, and the expression of each terminal, as the parser has them."""
    tables = json.loads(resources.read("grammar", "tables.json"))
    found: dict[str, str] = {}
    for words in tables["words"]:
        for group in re.finditer(r"\(\?P<(\w+)>", words):
            found[group[1]] = f"(?:{_inside(words, group.end())})"
    return tuple(tables["keywords"]), found


def _inside(text: str, start: int) -> str:
    """Up to the bracket that closes a group."""
    depth, at, listed = 1, start, False
    while True:
        character = text[at]
        if character == "\\":
            at += 1
        elif character in "[]":
            listed = character == "["
        elif not listed:
            depth += (character == "(") - (character == ")")
        if not depth:
            return text[start:at]
        at += 1
