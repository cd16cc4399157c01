"""Where lines end a statement, between the lexer and the parser."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

END = "_END"
"""The kind of a token that ends a statement, and of the empty lines after it."""

T = TypeVar("T", bound=Any)


def without_inner_ends(tokens: Iterable[T]) -> Iterator[T]:
    """Drops line ends inside ( ) and [ ]; a token is a str with its kind, `type`."""
    depth = 0
    for token in tokens:
        kind = token.type
        if kind == "LPAR" or kind == "LSQB":
            depth += 1
        elif kind == "RPAR" or kind == "RSQB":
            depth -= 1
        elif kind == END and depth and not _semicolon(token):
            continue
        yield token


def _semicolon(text: str) -> bool:
    return any(";" in line.partition("#")[0] for line in text.split("\n"))
