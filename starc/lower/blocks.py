"""The blocks of a file: one model, one backbone, at most one search."""

from typing import NamedTuple, TypeVar

from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.source import Span

Block = TypeVar("Block", ast.Model, ast.Backbone, ast.Search)


class Blocks(NamedTuple):
    model: ast.Model | None
    backbone: ast.Backbone | None
    search: ast.Search | None


def find_blocks(
    program: ast.Program, broken: frozenset[str], problems: Problems
) -> Blocks:
    """The blocks that are there. `broken`: words that may begin a block unread."""
    model = _only(program, ast.Model, "model", problems)
    backbone = _only(program, ast.Backbone, "backbone", problems)
    search = _only(program, ast.Search, "search", problems)
    if model is None and "model" not in broken:
        _missing(
            program,
            "model",
            "It says what the residual stream is: width, vocabulary, context.",
            "write model name { width = 768 }",
            problems,
        )
    if backbone is None and search is None and not {"backbone", "search"} & broken:
        missing_backbone(program, problems)
    return Blocks(model, backbone, search)


def missing_backbone(program: ast.Program, problems: Problems) -> None:
    """Told where there is nothing to compile: a search needs no backbone."""
    _missing(
        program,
        "backbone",
        "It says which LIVs are composed, in order.",
        "write backbone { 12 x { MHA; SwiGLU } }",
        problems,
    )


def _only(
    program: ast.Program, kind: type[Block], word: str, problems: Problems
) -> Block | None:
    first: Block | None = None
    for item in program.items:
        if not isinstance(item, kind):
            continue
        if first is None:
            first = item
            continue
        problems.add(
            "block-twice",
            f"A second {word} block",
            _head(item.span, word),
            "again here",
            f"A file describes one model: it has one {word} block.",
            "delete one of the two",
            (Note(_head(first.span, word), "the first one"),),
        )
    return first


def _missing(
    program: ast.Program, word: str, text: str, hint: str, problems: Problems
) -> None:
    end = len(program.span.source.text.rstrip())
    problems.add(
        f"missing-{word}",
        f"No {word} block",
        program.span.source.span(end, end),
        f"the file ends without a {word} block",
        text,
        hint,
    )


def _head(span: Span, word: str) -> Span:
    """The word that begins the block, not all of its lines."""
    return Span(span.start, min(span.end, span.start + len(word)), span.source)
