"""The parts of a text: symbols for a list of contents, and what can be folded."""

from collections.abc import Iterator
from typing import assert_never

from starc.frontend import ast
from starc.frontend.brackets import match, scan
from starc.lsp.document import Document
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class Symbol:
    """kind: "model", "featurizer", "liv", "backbone", "search", "repeat", "parallel",
    "use". whole: all of it, `name` its name and `named` where that stands."""

    kind: str
    name: str
    detail: str
    whole: Span
    named: Span
    below: "tuple[Symbol, ...]" = ()


def symbols(document: Document) -> tuple[Symbol, ...]:
    found = (_item(item) for item in document.program.items)
    return tuple(symbol for symbol in found if symbol is not None)


def _item(item: ast.Item) -> Symbol | None:
    span = item.span
    match item:
        case ast.Model():
            name = item.name.text if item.name else "model"
            named = item.name.span if item.name else _first(span, "model")
            return Symbol("model", name, "", span, named)
        case ast.Featurizer():
            return Symbol("featurizer", item.name.text, "", span, item.name.span)
        case ast.LivGenome():
            return Symbol("liv", item.name.text, "", span, item.name.span)
        case ast.LivDiff():
            detail = f"diff({item.of.text})"
            return Symbol("liv", item.name.text, detail, span, item.name.span)
        case ast.LivAlias():
            return Symbol("liv", item.name.text, item.liv.text, span, item.name.span)
        case ast.Backbone():
            below = tuple(_step(step) for step in item.body)
            return Symbol(
                "backbone", "backbone", "", span, _first(span, "backbone"), below
            )
        case ast.Search():
            return Symbol("search", "search", "", span, _first(span, "search"))
        case ast.Broken():
            return None
        case _:
            assert_never(item)


def _step(step: ast.Step) -> Symbol:
    match step:
        case ast.Use():
            name = step.label or step.liv
            detail = step.liv.text if step.label else ""
            return Symbol("use", name.text, detail, step.span, name.span)
        case ast.Repeat():
            below = tuple(_step(inner) for inner in step.body)
            count = step.count
            return Symbol("repeat", f"{count.text} x", "", step.span, count.span, below)
        case ast.Parallel():
            below = tuple(_step(inner) for inner in step.body)
            named = _first(step.span, "parallel")
            return Symbol("parallel", "parallel", "", step.span, named, below)
        case ast.Section():
            below = tuple(_step(inner) for inner in step.body)
            named = _first(step.span, "block")
            return Symbol("block", "block", "", step.span, named, below)
        case _:
            assert_never(step)


def _first(span: Span, word: str) -> Span:
    return Span(span.start, min(span.start + len(word), span.end), span.source)


def folds(document: Document) -> list[tuple[int, int, str]]:
    """First and last line, counted from 0, and "region" or "comment".

    Brackets over several lines, closed or not, and comments on lines of their own.
    """
    source = document.source
    found: list[tuple[int, int, str]] = []
    scanned = scan(source.text)
    if scanned.too_deep is None:
        pairs = match(source, 1).pairs.items()
        for opening, closing in pairs:
            closing = min(closing, len(source.text))
            first = source.line_and_column(opening)[0] - 1
            last = source.line_and_column(closing)[0] - 1
            if last - 1 > first:
                found.append((first, last - 1, "region"))
    found += _comments(document, scanned.comments)
    return sorted(set(found))


def _comments(
    document: Document, comments: list[tuple[int, int]]
) -> Iterator[tuple[int, int, str]]:
    source = document.source
    first = last = -2
    for start, _ in comments:
        line, column = source.line_and_column(start)
        if source.line(line)[: column - 1].strip():
            continue  # behind a statement
        if line - 1 == last + 1:
            last = line - 1
            continue
        if last > first:
            yield first, last, "comment"
        first = last = line - 1
    if last > first:
        yield first, last, "comment"
