"""Every word of a text with its kind: what a highlighter sees, and what names mean."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from starc.highlight.rules import rules
from starc.lsp.document import Document
from starc.values import dataclass

KINDS = {
    "comment": "comment",
    "entity.name.function": "function",
    "constant.numeric": "number",
    "entity.name.label": "variable",
    "variable.parameter": "property",
    "keyword.control": "keyword",
    "keyword.other": "keyword",
    "support.function": "function",
    "entity.name.type": "class",
    "constant.language": "enumMember",
    "variable.other": "",
    "keyword.operator": "operator",
    "punctuation": "",
}
"""Scope of a rule, or its beginning -> the protocol's name of it; "": left out."""

WORDS = {
    "model": "namespace",
    "liv": "class",
    "featurizer": "struct",
    "label": "variable",
    "group": "parameter",
    "measure": "function",
    "setting": "property",
    "value": "enumMember",
}
"""Kind of a Word -> the protocol's name of it, which has precedence."""

TYPES = tuple(
    dict.fromkeys(kind for kind in (*KINDS.values(), *WORDS.values()) if kind)
)
MODIFIERS = ("declaration",)


@dataclass(frozen=True)
class Token:
    start: int
    end: int
    kind: str
    defines: bool = False


def tokens(document: Document) -> list[Token]:
    """In order; none spans two lines."""
    named = {
        word.span.start: Token(
            word.span.start, word.span.end, WORDS[word.kind], word.defines
        )
        for word in document.words
    }
    return [
        named.get(token.start, token) for token in _lexed(document.source.text, named)
    ]


def _lexed(text: str, named: dict[int, Token]) -> Iterator[Token]:
    start = 0
    for line in text.split("\n"):
        for first, last, kind in _of_line(line):
            if kind or start + first in named:
                yield Token(start + first, start + last, kind)
        start += len(line) + 1


@lru_cache(maxsize=8192)
def _of_line(line: str) -> tuple[tuple[int, int, str], ...]:
    """Where each word of it begins and ends, and its kind: no rule looks beyond a line,
    and most lines are those of before the edit."""
    pattern, kinds = _pattern()
    return tuple(
        (*found.span(), kinds[found.lastgroup or ""])
        for found in pattern.finditer(line)
    )


@cache
def _pattern() -> "tuple[re.Pattern[str], dict[str, str]]":
    """The rules of the highlighters as one expression, a group each."""
    parts, kinds = [], {}
    for number, rule in enumerate(rules()):
        name = f"rule_{number}"
        parts.append(f"(?P<{name}>{rule.regex})")
        kinds[name] = next(
            k for scope, k in KINDS.items() if rule.scope.startswith(scope)
        )
    return re.compile("|".join(parts)), kinds
